"""What a coverage sweep says: tables for the README, and whether the bars are held.

    mobiledeploy sweep benchmarks/coverage/timm_modules.txt --weights random --results coverage.jsonl
    mobiledeploy sweep 'benchmarks/coverage/*_models.py:*' …
    python benchmarks/coverage/report.py coverage.jsonl [--models] [--check]

Without options one line per library: models, how many passed, operators and multiply-accumulates before and after
rewriting, the largest rank, the least PSNR. `--models` adds a line per model. `--check` leaves with 1 where a model did
not pass, a package holds a value of more than five axes, or the rewriting made a program dearer by the cost model
(`mobiledeploy.aten.cost.weigh`), and names each.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mobiledeploy.report.wording import amount, decibels
from mobiledeploy.sweep.results import latest, read_results

if TYPE_CHECKING:
    from mobiledeploy.records import SweepRecord

MOST_AXES = 5
# Sums of products of sizes are whole numbers; the weights of two graphs are compared as floats.
SAME = 1e-12


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="+", type=Path)
    parser.add_argument("--models", action="store_true", help="a line per model, too")
    parser.add_argument("--check", action="store_true", help="leave with 1 where a bar is missed")
    arguments = parser.parse_args()
    records = list(latest(record for path in arguments.results for record in read_results(path)).values())
    by_library: dict[str, list[SweepRecord]] = {}
    for record in records:
        by_library.setdefault(library(record), []).append(record)
    print(overview(by_library))
    if arguments.models:
        print("\n" + "\n\n".join(f"{name}\n\n{model_table(found)}" for name, found in sorted(by_library.items())))
    missed = [line for record in records for line in misses(record)]
    print("\n" + ("\n".join(missed) if missed else f"{len(records)} results: every bar is held."))
    return int(arguments.check and bool(missed))


def library(record: SweepRecord) -> str:
    """`torchvision` of `…/torchvision_models.py:swin_t`; what has no file is timm's."""
    place, colon, _ = record.model.rpartition(":")
    name = Path(place).stem.removesuffix("_models").replace("vit_pytorch", "vit-pytorch")
    return f"{name if colon else 'timm'}, {record.target} {record.options.precision}"


def overview(by_library: dict[str, list[SweepRecord]]) -> str:
    rows = [
        "| library | passed | operators | MACs | weight | largest rank | least PSNR |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, records in sorted(by_library.items()):
        passed = [record for record in records if record.outcome == "passed"]
        head = f"| {name} | {len(passed)} of {len(records)} |"
        rows.append(f"{head} {figures(passed)} |" if passed else f"{head} | | | | |")
    return "\n".join(rows)


def figures(passed: Sequence[SweepRecord]) -> str:
    """Sums over the models, the median of their ratios of weight, and the worst of each."""
    operators = f"{total(passed, 'before', 'operators')} → {total(passed, 'after', 'operators')}"
    macs = f"{amount(total(passed, 'before', 'macs'))} → {amount(total(passed, 'after', 'macs'))}"
    ranks = [record.max_rank for record in passed if record.max_rank is not None]
    least = min(math.inf if record.psnr_db is None else record.psnr_db for record in passed)
    median = statistics.median(weight_ratio(record) for record in passed)
    return f"{operators} | {macs} | {median:.2f}x | {max(ranks, default='-')} | {decibels(least)}"


def total(records: Sequence[SweepRecord], side: str, field: str) -> int:
    return sum(getattr(getattr(record, side), field) for record in records)


def weight_ratio(record: SweepRecord) -> float:
    """After the rewriting over before it, by the cost model; 1 where it is not known."""
    if not record.weight_before or record.weight_after is None:
        return 1.0
    return record.weight_after / record.weight_before


def model_table(records: Sequence[SweepRecord]) -> str:
    rows = ["| model | outcome | PSNR | operators | MACs | weight | rank |", "|---|---|---|---|---|---|---|"]
    for record in sorted(records, key=lambda record: record.model):
        name = record.model.rpartition(":")[2]
        if record.before is None or record.after is None:
            place = " at ".join(part for part in (record.operator, record.line) if part)
            rows.append(f"| {name} | {record.reason}{f': {place}' if place else ''} | | | | | |")
            continue
        cells = [name, record.outcome, decibels(record.psnr_db or math.nan)]
        cells += [f"{record.before.operators} → {record.after.operators}"]
        cells += [f"{amount(record.before.macs)} → {amount(record.after.macs)}", f"{weight_ratio(record):.2f}x"]
        rows.append(f"| {' | '.join(cells)} | {record.max_rank or '-'} |")
    return "\n".join(rows)


def misses(record: SweepRecord) -> list[str]:
    """Every bar that the model misses, one sentence each."""
    name = f"{record.model} ({record.target} {record.options.precision})"
    if record.outcome != "passed":
        return [f"{name}: {record.reason}: {record.message}"]
    found = []
    if record.max_rank is not None and record.max_rank > MOST_AXES:
        found.append(f"{name}: a value of {record.max_rank} axes")
    if weight_ratio(record) > 1 + SAME:
        rules = ", ".join(record.dearer) or "no rule by itself"
        found.append(f"{name}: {weight_ratio(record):.3f}x the weight after rewriting ({rules})")
    return found


if __name__ == "__main__":
    sys.exit(main())
