"""`python tests/conformance/conformance`: see `--help`, or the README beside it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conformance.overlay import enter_overlay

if __name__ == "__main__":
    enter_overlay()
    from conformance.command import main

    sys.exit(main())
