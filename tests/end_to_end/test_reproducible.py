"""One export, one set of bytes: under any hash seed, number of threads, folder and instruction set."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

NETWORKS = Path(__file__).with_name("networks.py")
WAYS = {
    "plain": {"PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "1"},
    "elsewhere": {"PYTHONHASHSEED": "2", "OMP_NUM_THREADS": "2", "ATEN_CPU_CAPABILITY": "default"},
}


def export(model: str, folder: Path, environment: dict[str, str]) -> dict[str, str]:
    """SHA-256 of every file that the export made in `folder`, but the proof: it holds what this machine measured."""
    work = folder / "some where"
    work.mkdir(parents=True)
    command = [sys.executable, "-m", "mobiledeploy", "export", model, "--target", "coreml", "--target", "onnx"]
    subprocess.run(
        [*command, "--weights", "random", "--output", "out", "--json"],
        cwd=work,
        env={**os.environ, **environment, "TMPDIR": str(folder)},
        check=True,
        capture_output=True,
        timeout=300,
    )
    files = sorted(path for path in work.rglob("*") if path.is_file() and path.name != "proof.json")
    return {path.relative_to(work).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("model", [f"{NETWORKS}:classifier", "fastvit_t8"])
def test_the_same_export_gives_the_same_bytes(model: str, tmp_path: Path) -> None:
    first, second = (export(model, tmp_path / way, environment) for way, environment in WAYS.items())
    assert len(first) >= 6
    assert first == second
