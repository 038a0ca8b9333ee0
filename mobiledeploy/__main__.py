"""`python -m mobiledeploy`, and the `mobiledeploy` program."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from typing import NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """Runs the command line and ends the process.

    With torch loaded the interpreter spends most of a second taking its modules apart, which nobody waits for gladly.
    What must still happen is done here: exit handlers (temporary folders are removed by them) and the last flush.
    """
    # Read by OpenMP when torch is loaded. Threads that spin at a barrier while another program holds their core made an
    # export ten times slower on a busy machine; those that sleep at once made one half as slow again on an idle one. So
    # they spin for some microseconds, then sleep (GOMP_SPINCOUNT: libgomp's manual; other OpenMPs pass it over).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    from mobiledeploy.cli import main as run

    code = run()
    with contextlib.suppress(Exception):
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, full, or never opened
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
