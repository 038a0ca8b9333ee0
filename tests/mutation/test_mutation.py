"""Each declared mistake is caught by its tests; and what would make that claim empty is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from mutant import EXECUTOR, HOST, Mutant, StaleMutantError, broken_source
from phone_mutants import PHONE_MUTANTS
from run import DECLARED, choose

HERE = Path(__file__).resolve().parent
SHARDS = 4  # so that workers share them
SOUND = """
from mutant import EXECUTOR, source_of
from trial import preload, run_trial
preload()
linear = EXECUTOR.find_tests("linear")
module = "mobiledeploy.mil.ops.attention"
print(run_trial(module, source_of(module) + "\\n", linear).verdict)
print(run_trial(module, "raise SystemExit(1)", linear).verdict)
print(run_trial("mobiledeploy.mil.nowhere", "", linear).verdict)
"""


def in_a_process(*arguments: str) -> str:
    """What a fresh Python says on standard output; its errors go to the caller's."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    environment["OMP_NUM_THREADS"] = "1"
    return subprocess.run(
        [sys.executable, *arguments], cwd=HERE, env=environment, stdout=subprocess.PIPE, text=True, check=False
    ).stdout


@pytest.mark.parametrize("shard", range(1, SHARDS + 1))
def test_every_mistake_is_caught(shard) -> None:
    outcomes = json.loads(in_a_process("run.py", "--shard", f"{shard}/{SHARDS}", "--json"))
    assert len(outcomes) == len(choose(DECLARED, "", f"{shard}/{SHARDS}"))
    assert {name: outcome for name, outcome in outcomes.items() if outcome["verdict"] != "caught"} == {}


def test_only_a_failing_test_counts_as_caught() -> None:
    """A sound module survives; one that cannot be imported, or is not, shows nothing of the tests."""
    assert in_a_process("-c", SOUND).split() == ["survived", "unclear", "unclear"]


def test_the_mistakes_are_many_and_have_names_of_their_own() -> None:
    assert len(DECLARED) >= 500
    assert len(PHONE_MUTANTS) >= 70
    names = Counter(mutant.name for mutant in (*DECLARED, *PHONE_MUTANTS))
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("mutant", [*DECLARED, *PHONE_MUTANTS], ids=lambda mutant: mutant.name)
def test_a_mistake_fits_the_sources_and_names_tests(mutant) -> None:
    assert broken_source(mutant)
    assert mutant.found_tests


STALE = [
    ("no such text", "x", "'no such text' occurs 0 times"),
    ("call", "x", "occurs 3 times"),
    ("from torch.nn import functional", "from torch.nn import functional ", "is the same program"),
    ("from torch.nn import functional", "from", "is no Python"),
]


@pytest.mark.parametrize(("original", "broken", "message"), STALE)
def test_a_mistake_that_no_longer_fits_is_an_error(original, broken, message) -> None:
    with pytest.raises(StaleMutantError, match=message):
        broken_source(Mutant("stale", "ops.attention", original, broken, "linear"))


def test_a_test_file_that_is_not_there_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        EXECUTOR.find_tests("linear nowhere")
    with pytest.raises(FileNotFoundError, match="no test_nothing in"):
        HOST.find_tests("server_queue::test_nothing")


def test_shards_together_are_everything() -> None:
    parts = [mutant for shard in range(1, 4) for mutant in choose(DECLARED, "", f"{shard}/3")]
    assert sorted(mutant.name for mutant in parts) == sorted(mutant.name for mutant in DECLARED)
    with pytest.raises(ValueError, match="no shard 4/3"):
        choose(DECLARED, "", "4/3")
