"""Every model of the four families exported and proven, in both precisions.

    python benchmarks/zoo_parity.py [NAME …] [--precision float16 float32] [--target coreml] [--json FILE]

Without names: every FastViT variant (mci: the image encoders of MobileCLIP), MobileViT xxs to s, Mixer s32 to b16.
Seeded weights, BatchNorm statistics, affine parameters and layer scales, since the default ones hide wrong fusions. The
bars are 40 dB in float16 and 90 dB in float32; the exit code is 1 when one is missed.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from mobiledeploy.errors import MobileDeployError
from mobiledeploy.pipeline import export
from mobiledeploy.records import ExportOptions

FAMILIES = {
    "fastvit": ("t8", "t12", "s12", "sa12", "sa24", "sa36", "ma36", "mci0", "mci1", "mci2", "mci3", "mci4"),
    "mobilevit": ("xxs", "xs", "s"),
    "mixer": ("s32_224", "s16_224", "b32_224", "b16_224"),
}
BARS_DB = {"float16": 40.0, "float32": 90.0}


@dataclass(frozen=True)
class Row:
    model: str
    target: str
    precision: str
    outcome: str
    psnr_db: float
    operators_before: int
    operators_after: int
    seconds: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=[f"{f}_{size}" for f, sizes in FAMILIES.items() for size in sizes])
    parser.add_argument("--precision", nargs="+", choices=BARS_DB, default=list(BARS_DB))
    parser.add_argument("--target", choices=("coreml", "onnx"), default="coreml")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print("| model | precision | outcome | PSNR | operators | seconds |\n|---|---|---|---|---|---|")
    rows = []
    for name in arguments.names:
        for precision in arguments.precision:
            rows.append(measure(name, arguments.target, precision))
            print(line(rows[-1]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    return int(any(row.outcome != "passed" for row in rows))


def measure(name: str, target: str, precision: str) -> Row:
    options = ExportOptions(targets=(target,), weights="random", precision=precision, min_psnr=BARS_DB[precision])
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        try:
            result = export(name, output=Path(folder), options=options)
        except MobileDeployError as error:
            return Row(name, target, precision, str(error), math.nan, 0, 0, time.monotonic() - start)
    costs = result.manifest.rewrite
    seconds = time.monotonic() - start
    psnr = min(report.psnr_db for report in result.proof.parity)
    return Row(name, target, precision, "passed", psnr, costs.before.operators, costs.after.operators, seconds)


def line(row: Row) -> str:
    operators = f"{row.operators_before} → {row.operators_after}"
    return f"| {row.model} | {row.precision} | {row.outcome} | {row.psnr_db:.1f} dB | {operators} | {row.seconds:.1f} |"


if __name__ == "__main__":
    sys.exit(main())
