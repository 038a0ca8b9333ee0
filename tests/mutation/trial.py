"""Running tests against a broken module, each time in a fork of this process.

The parent imports what is slow (torch, coremltools, pytest) and nothing of ours. A fork then imports the package with
one module broken, runs pytest and ends; it costs what its tests cost. Processes that the tests start get the broken
module too, by a `sitecustomize`. Nothing of the checkout is changed.
"""

from __future__ import annotations

import gc
import importlib
import logging
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mutant import BrokenImport, loaded_too_early

# far more than the tests of any mutant need: of the processor, and of the clock, which a busy machine may stretch
SECONDS, PATIENCE = 60, 900
_PRELOADED = (
    *("numpy", "torch", "PIL.Image", "pytest", "hypothesis", "coremltools", "coremltools.converters.mil"),
    *("psutil", "scipy.stats", "sqlalchemy.dialects.sqlite", "starlette.routing", "uvicorn"),
)
_NOT_USED = 70  # no exit code of pytest


@dataclass(frozen=True)
class Outcome:
    """`verdict`: "caught" when a test failed; "survived" when all passed; "hung", "crashed" (also no answer that
    anybody would overlook); "unclear" when no test ran or the broken module was not imported. `evidence`: the first
    failing test, or the end of what pytest said."""

    verdict: str
    evidence: str
    seconds: float


def preload() -> None:
    """Imports what every trial needs, before the first fork."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    logging.getLogger("coremltools").setLevel(logging.ERROR)
    for name in _PRELOADED:
        importlib.import_module(name)
    importlib.import_module("torch").set_num_threads(1)
    if early := loaded_too_early():
        raise RuntimeError(f"already imported: {', '.join(early)}")
    gc.collect()
    gc.freeze()


def run_trial(module: str, source: str, tests: Sequence[str]) -> Outcome:
    """The outcome of `tests`, as pytest is told them, where `module` has the text `source`."""
    place = Path(tempfile.mkdtemp(prefix="mutation-"))
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        _run_tests(module, source, tests, place)
    try:
        status = _wait(child)
        return _judge(status, place / "output", time.monotonic() - started)
    finally:
        shutil.rmtree(place, ignore_errors=True)


_EVERYWHERE = """
import sys
from pathlib import Path
sys.path.append({here!r})
from mutant import BrokenImport
sys.meta_path.insert(0, BrokenImport({module!r}, Path({text!r}).read_text(), Path({witness!r})))
"""


def _break_everywhere(module: str, source: str, place: Path) -> Path:
    """Breaks the module here and in every Python that is started from here; the witness of its import."""
    text, witness = place / "broken.txt", place / "imported"
    text.write_text(source)
    fields = {"here": str(Path(__file__).parent), "module": module, "text": str(text), "witness": str(witness)}
    (place / "sitecustomize.py").write_text(_EVERYWHERE.format(**fields))
    sys.path.insert(0, str(place))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(place), os.environ.get("PYTHONPATH")]))
    sys.meta_path.insert(0, BrokenImport(module, source, witness))
    return witness


def _run_tests(module: str, source: str, tests: Sequence[str], place: Path) -> None:
    """In the fork; never returns."""
    code = _NOT_USED
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        output = os.open(place / "output", os.O_WRONLY | os.O_CREAT)
        os.dup2(output, 1)
        os.dup2(output, 2)
        import pytest

        witness = _break_everywhere(module, source, place)
        options = ["-x", "-q", "--tb=no", "-rf", "-p", "no:cacheprovider", "-p", "no:xdist"]
        options += ["-k", "not postgresql"]  # the same tests once more, and a server that takes seconds to start
        # the parent has imported plugins that pytest would like to rewrite
        options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
        code = int(pytest.main([*options, f"--basetemp={place / 'files'}", *tests]))
        if not witness.exists():
            code = _NOT_USED
    except BaseException:  # what must not happen is shown, and the fork ends all the same
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wait(child: int) -> int | None:
    """The exit status of the process, None where it had to be ended."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        finished, status = os.waitpid(child, os.WNOHANG)
        if finished:
            return status
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _judge(status: int | None, output: Path, seconds: float) -> Outcome:
    lines = output.read_text(errors="replace").splitlines() if output.is_file() else []
    end = " / ".join(lines[-3:])
    if status is None:
        return Outcome("hung", end, seconds)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL):
        return Outcome("hung", f"after {SECONDS} s of the processor", seconds)
    if os.WIFSIGNALED(status):
        return Outcome("crashed", f"signal {os.WTERMSIG(status)}", seconds)
    failed = next((line for line in lines if line.startswith("FAILED ")), None)
    code = os.WEXITSTATUS(status)
    if code == 1 and failed:
        return Outcome("caught", failed.removeprefix("FAILED "), seconds)
    return Outcome("survived" if code == 0 else "unclear", end, seconds)
