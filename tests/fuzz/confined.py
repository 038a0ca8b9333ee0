"""Loads and runs hostile packages, each in a fork with little memory, and says in JSON what came of it.

python tests/fuzz/confined.py memory
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np
from hostile import MEMORY, TIME, Make
from hostile_files import PACKAGES

import mobiledeploy.mil.ops.control_flow as loops
from mobiledeploy import mil
from mobiledeploy.errors import MobileDeployError
from mobiledeploy.mil import size

GROUPS = {"memory": MEMORY, "time": TIME, "packages": PACKAGES}
MEBIBYTE = 2**20
# what a process may use beyond what it has at first: of this the machine's "free memory" is told, above it allocation
# fails, and the room between is for libraries
FREE, ROOM = 512 * MEBIBYTE, 2048 * MEBIBYTE
SECONDS = 60


def try_package(make: Make) -> dict[str, Any]:
    """`error`: the class and message, None where it ran; `peak`: MiB used; `seconds`."""
    reader, writer = os.pipe()
    with tempfile.TemporaryDirectory() as folder:
        package = make(Path(folder))
        started = time.monotonic()
        child = os.fork()
        if child == 0:
            os.close(reader)
            _run(package, writer)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            said = pipe.read()
        _, status, _ = os.wait4(child, 0)
    outcome = json.loads(said) if said else {"error": f"died: status {status}", "expected": False, "peak": 0}
    return outcome | {"seconds": time.monotonic() - started}


def _run(package: Path, writer: int) -> None:
    """In the fork; never returns."""
    import signal

    try:
        # of the processor, and of the clock, which a busy machine may stretch: both end the process
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        signal.alarm(10 * SECONDS)
        at_first = _pages(0), _pages(1)
        if sys.platform == "linux":  # others do not limit the address space
            resource.setrlimit(resource.RLIMIT_AS, (at_first[0] + ROOM, at_first[0] + ROOM))
        size._free_bytes = lambda: max(0, FREE - (_pages(1) - at_first[1]))
        error, expected = _outcome(package)
        peak = max(0, _highest() - at_first[1]) // MEBIBYTE
        os.write(writer, json.dumps({"error": error, "expected": expected, "peak": peak}).encode())
    finally:
        os._exit(0)


def _outcome(package: Path) -> tuple[str | None, bool]:
    try:
        model = mil.load(package)
        inputs = {f.name: np.zeros(f.shape, np.float32) for f in model.inputs if not f.optional}
        model.predict(inputs, model.make_state() if model.states else None)
    except MobileDeployError as error:
        return f"{type(error).__name__}: {error}"[:2000], True
    except BaseException:
        return traceback.format_exc()[-2000:], False
    return None, True


def _pages(which: int) -> int:
    """Bytes of address space (0) or of memory (1) of this process."""
    if sys.platform != "linux":
        return _highest()
    return int(Path("/proc/self/statm").read_text().split()[which]) * resource.getpagesize()


def _highest() -> int:
    """The most bytes of memory that this process has held."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    # so that nobody waits: the limits are meant for large models and patient people
    size.MAX_ELEMENTS, size.MAX_WORK = 2**24, 2**36
    loops.MAX_ITERATIONS, loops.MAX_SECONDS = 20_000, 5.0
    cases = GROUPS[sys.argv[1]]
    chosen = [name for name in cases if not sys.argv[2:] or sys.argv[2] in name]
    print(json.dumps({name: try_package(cases[name][0]) for name in chosen}, indent=1))


if __name__ == "__main__":
    main()
