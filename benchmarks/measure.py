"""Whole commands against each other: wall time and peak memory of child processes, in alternating runs."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

__all__ = ["Run", "alternate", "conditions", "median", "ratio", "run", "write"]


@dataclass(frozen=True)
class Run:
    """Of one process: `seconds` from start to end, `cpu_seconds` of user and system time, peak resident `mebibytes`."""

    seconds: float
    cpu_seconds: float
    mebibytes: float


def run(command: Sequence[str]) -> Run:
    """Runs `command` to its end. Raises SystemExit with what it printed if it fails.

    `os.wait4` gives the usage of this very child; `getrusage(RUSAGE_CHILDREN)` would give the largest of all so far.
    """
    started = time.perf_counter()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert child.stderr is not None
    printed = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{' '.join(command)} left with {child.returncode}:\n{printed.decode(errors='replace')}")
    unit = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss: bytes on macOS, KiB on Linux
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)


def alternate(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, list[Run]]:
    """Each round runs every command once, in alternating order, so that drift of the machine hits all alike. A round
    that is not counted goes first: it fills the file cache."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        names = list(commands) if number % 2 == 0 else list(reversed(commands))
        for name in names:
            measured = run(commands[name])
            if number > 0:
                runs[name].append(measured)
                print(f"{number}/{rounds} {name}: {measured.seconds:.2f} s", file=sys.stderr)
    return runs


def median(runs: Sequence[Run], field: str) -> float:
    return statistics.median(getattr(one, field) for one in runs)


def ratio(runs: Mapping[str, Sequence[Run]], numerator: str, denominator: str, field: str) -> float:
    """The median of the rounds' own ratios: each round's two runs are neighbours in time."""
    pairs = zip(runs[numerator], runs[denominator], strict=True)
    return statistics.median(getattr(one, field) / getattr(other, field) for one, other in pairs)


def conditions() -> dict[str, object]:
    """What the numbers depend on."""
    libraries = ("mobiledeploy", "torch", "timm", "coremltools", "numpy")
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "threads": os.environ.get("OMP_NUM_THREADS", "unset"),
        "versions": {name: metadata.version(name) for name in libraries},
    }


def write(path: Path | None, runs: Mapping[str, Sequence[Run]], result: Mapping[str, object]) -> None:
    """The result, the conditions and every sample as JSON; nothing without a path."""
    if path is not None:
        samples = {name: [asdict(one) for one in measured] for name, measured in runs.items()}
        path.write_text(json.dumps({**result, "conditions": conditions(), "samples": samples}, indent=2) + "\n")
