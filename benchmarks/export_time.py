"""`mobiledeploy export` against a script that only converts: whole commands, as a ratio.

    python benchmarks/export_time.py [MODEL] [--rounds 5] [--reparameterize] [--json FILE]

Ours also rewrites, proves, executes and compares. The bar is 1.3 for wall time and for peak memory; above it the exit
code is 1. `--reparameterize`: the script calls timm's own fusion before it converts, the stricter comparison for
architectures that have one. Warm file cache, random weights on both sides, medians of paired rounds in alternating
order.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from measure import Run, alternate, median, ratio, write

BAR = 1.3
HERE = Path(__file__).parent
OURS, PEER = "mobiledeploy export", "timm + coremltools"
FIELDS = (("seconds", "wall time", "s"), ("cpu_seconds", "CPU time", "s"), ("mebibytes", "peak memory", "MiB"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="fastvit_t8")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--reparameterize", action="store_true")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fusion = ["--reparameterize"] if arguments.reparameterize else []
        runs = alternate(commands(arguments.model, Path(folder), fusion), arguments.rounds)
    ratios = {field: ratio(runs, OURS, PEER, field) for field, _, _ in FIELDS}
    print(table(arguments.model, runs, ratios))
    write(
        arguments.json,
        runs,
        {"model": arguments.model, "reparameterized": arguments.reparameterize, "ratios": ratios, "bar": BAR},
    )
    return int(ratios["seconds"] > BAR or ratios["mebibytes"] > BAR)


def commands(model: str, folder: Path, fusion: list[str]) -> dict[str, list[str]]:
    ours = ["-m", "mobiledeploy", "export", model, "--target", "coreml", "--weights", "random"]
    return {
        PEER: [sys.executable, str(HERE / "minimal_export.py"), model, str(folder / "peer.mlpackage"), *fusion],
        OURS: [sys.executable, *ours, "--output", str(folder)],
    }


def table(model: str, runs: dict[str, list[Run]], ratios: dict[str, float]) -> str:
    rounds = len(runs[OURS])
    lines = [f"{model}, median of {rounds} rounds", "", f"| | {OURS} | {PEER} | ratio |", "|---|---|---|---|"]
    for field, label, unit in FIELDS:
        ours, peer = median(runs[OURS], field), median(runs[PEER], field)
        lines.append(f"| {label} | {ours:.2f} {unit} | {peer:.2f} {unit} | {ratios[field]:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
