"""A fixed small sample of `benchmarks/reparameterization.py`: never more than the authors' own reparameterization."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "reparameterization.py"
# operators, convolutions, additions and batch norms of the graph without its input's normalization
EXPECTED = {
    "mobileone_s1": (89, 43, 0, 0),
    "repvgg_a0": (47, 22, 0, 0),
    "fastvit_t8": (86, 52, 10, 0),
    "repghostnet_050": (177, 95, 16, 0),
    "levit_128s": (230, 4, 31, 0),
}


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> dict[str, dict]:
    result = tmp_path_factory.mktemp("reparameterization") / "result.json"
    command = [sys.executable, str(BENCHMARK), *EXPECTED, "--json", str(result)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return {row["architecture"]: row for row in json.loads(result.read_text())["rows"]}


@pytest.mark.parametrize("architecture", EXPECTED)
def test_counts_are_those_of_the_smallest_known_form(rows, architecture) -> None:
    ours = rows[architecture]["ours"]
    assert (ours["operators"], ours["convolutions"], ours["additions"], ours["batch_norms"]) == EXPECTED[architecture]


@pytest.mark.parametrize("architecture", EXPECTED)
def test_no_bar_is_broken(rows, architecture) -> None:
    row = rows[architecture]
    assert row["faults"] == []
    assert row["ours"]["macs"] <= row["timm"]["macs"]
    assert row["error"] <= 1e-9
