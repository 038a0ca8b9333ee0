"""One package for several sizes against a package for each: its form, its size, the time to make it, its parity.

    python benchmarks/flexible.py [--rounds N] [--json FILE]

MobileViT at three sizes of its multi-scale training (160 leaves 5x5 features, which it resizes to cut them into blocks
of 2x2), FastViT at three, and DeiT, whose position embeddings belong to a size, with a function for each. Seeded
weights. Times are of this process, user and system together, so that a busy machine does not count; the first export of
all, which imports what is needed, is not counted. The exit code is 1 when a package for several sizes is larger than
the separate ones together, or when an export fails.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from measure import conditions

from mobiledeploy.pipeline import ExportResult, export
from mobiledeploy.records import ExportOptions

CASES = {
    "mobilevit_xxs": ((160, 192, 256), "iOS16"),
    "fastvit_t8": ((160, 192, 256), "iOS16"),
    "deit_tiny_patch16_224": ((160, 224), "iOS18"),
}


@dataclass(frozen=True)
class Row:
    """`mebibytes` and `seconds` of the one package, `separate_…` of the packages for each size together. `psnr_db`: the
    worst of all sizes."""

    model: str
    sizes: tuple[int, ...]
    form: str
    psnr_db: float
    mebibytes: float
    separate_mebibytes: float
    seconds: float
    separate_seconds: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    one("mobilevit_xxs", ExportOptions(weights="random"))
    print("| model | sizes | form | worst PSNR | MiB | separate | CPU seconds | separate |")
    print("|---|---|---|---|---|---|---|---|")
    rows = [measured(model, sizes, target, arguments.rounds) for model, (sizes, target) in CASES.items()]
    if arguments.json:
        document = {"rows": [asdict(row) for row in rows], "conditions": conditions()}
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")
    return int(any(row.mebibytes > row.separate_mebibytes for row in rows))


def measured(model: str, sizes: tuple[int, ...], target: str, rounds: int) -> Row:
    """The median of the rounds; each makes the one package and the separate ones in turn."""
    squares = tuple((size, size) for size in sizes)
    flexible = ExportOptions(weights="random", deployment_target=target, flexible=squares)
    separate = [ExportOptions(weights="random", deployment_target=target, resolution=size) for size in squares]
    together, apart = [], []
    for _ in range(rounds):
        result, mebibytes, seconds = one(model, flexible)
        together.append(seconds)
        singles = [one(model, options) for options in separate]
        apart.append(sum(single[2] for single in singles))
    row = Row(
        model,
        sizes,
        result.manifest.flexible[0].form,
        min(report.psnr_db for report in result.proof.parity),
        mebibytes,
        sum(single[1] for single in singles),
        statistics.median(together),
        statistics.median(apart),
    )
    print(
        f"| {model} | {', '.join(map(str, sizes))} | {row.form} | {row.psnr_db:.1f} dB | {row.mebibytes:.2f} | "
        f"{row.separate_mebibytes:.2f} | {row.seconds:.1f} | {row.separate_seconds:.1f} |",
        flush=True,
    )
    return row


def one(model: str, options: ExportOptions) -> tuple[ExportResult, float, float]:
    """The export, the MiB of its package, and the CPU seconds that it took."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        result = export(model, output=Path(folder), options=options)
        seconds = time.process_time() - started
        files = (path for path in result.folder.rglob("*.mlpackage/**/*") if path.is_file())
        return result, sum(path.stat().st_size for path in files) / 2**20, seconds


if __name__ == "__main__":
    sys.exit(main())
