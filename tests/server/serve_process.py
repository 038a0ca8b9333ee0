"""`mobiledeploy serve` in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wire_client import until

__all__ = ["ROOT", "serving"]

ROOT = Path(__file__).parents[2]


@contextmanager
def serving(store: Path | str, log: Path) -> Iterator[tuple[str, str]]:
    """Address and token of a host on `store`, at any free port; `log` gets what it says."""
    command = [sys.executable, "-m", "mobiledeploy", "serve", "--store", str(store), "--port", "0"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with log.open("w") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream, env=environment, cwd=log.parent)
    try:
        shown = re.compile(r"pair\?host=(http://127\.0\.0\.1:\d+)&token=(\S+)")
        until(lambda: process.poll() is not None or shown.search(log.read_text()), 60)
        found = shown.search(log.read_text())
        assert found is not None, log.read_text()
        yield found[1], found[2]
    finally:
        process.terminate()
        process.wait(30)
