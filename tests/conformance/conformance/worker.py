"""One process: collects one file as always, runs the cases chosen for it, writes their records."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path

from conformance.suites import coremltools_folder

__all__ = ["MORE", "run_worker"]

# the exit code that says: a batch is done, and there are more
MORE = 10


def run_worker(file: str, choice: object, folder: Path, name: str) -> None:
    """Runs in a process of its own and ends it. Records go to `folder`/`name`.jsonl, output to `name`.log, the case
    that is running is named in `name`.running."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    log = os.open(folder / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.stdout = sys.stderr = os.fdopen(1, "w", buffering=1)
    import pytest

    from conformance.judge import Judge

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        tempfile.tempdir = place
        judge = Judge(choice, folder / f"{name}.jsonl", folder / f"{name}.running")  # type: ignore[arg-type]
        # nothing of this project's pytest configuration, which makes an error of every warning
        options = ["-q", "--no-header", "--tb=no", "-W", "ignore", "-p", "no:cacheprovider", "-p", "no:xdist"]
        configuration = ["-c", os.devnull, "--rootdir", str(coremltools_folder()), "--color=no", "-rN"]
        code = int(pytest.main([*options, *configuration, str(coremltools_folder() / file)], plugins=[judge]))
    (folder / f"{name}.running").unlink(missing_ok=True)
    sys.stdout.flush()
    if code in (0, 1, 5):
        code = MORE if judge.remaining else 0
    # no clean-up at exit: coremltools has registered one for every package, which are gone
    os._exit(code)
