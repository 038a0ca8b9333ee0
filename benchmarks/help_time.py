"""How long `mobiledeploy --help` takes, whole process, beside an interpreter that does nothing.

    python benchmarks/help_time.py [--rounds 10] [--json FILE]

The bar is 0.6 s; above it the exit code is 1.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from measure import alternate, median, write

BAR_SECONDS = 0.6
HELP, NOTHING = "mobiledeploy --help", "python -c pass"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    commands = {HELP: [sys.executable, "-m", "mobiledeploy", "--help"], NOTHING: [sys.executable, "-c", "pass"]}
    runs = alternate(commands, arguments.rounds)
    print(f"| median of {arguments.rounds} | wall time | peak memory |\n|---|---|---|")
    for name in commands:
        print(f"| {name} | {median(runs[name], 'seconds'):.3f} s | {median(runs[name], 'mebibytes'):.0f} MiB |")
    seconds = median(runs[HELP], "seconds")
    write(arguments.json, runs, {"seconds": seconds, "bar_seconds": BAR_SECONDS})
    return int(seconds > BAR_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
