"""What results files say of the zoo's models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from mobiledeploy.errors import InputError
from mobiledeploy.progress import SILENT, Progress
from mobiledeploy.sweep.results import DEFAULT_RESULTS, latest, read_results

if TYPE_CHECKING:
    from mobiledeploy.records.sweep import SweepRecord

__all__ = ["MEASURED", "ModelStatus", "model_status"]

MEASURED = Path(__file__).with_name("measured.jsonl")
"""Results that come with mobiledeploy, measured by its makers on the versions that each record names."""


@dataclass(frozen=True)
class ModelStatus:
    """`records`: the last of each target and options, empty for a model that nobody has tried."""

    name: str
    records: tuple[SweepRecord, ...]


def model_status(
    names: Sequence[str],
    *,
    files: Sequence[Path] = (),
    pattern: str | None = None,
    progress: Progress = SILENT,
) -> tuple[ModelStatus, ...]:
    """Of each of `names`, in their order, and after them of further models in the files that match the glob `pattern`.

    `files`: results files, of which a later one's record of the same task counts; without any, those that come with
    mobiledeploy and then `DEFAULT_RESULTS`, if there is one. Raises InputError for a file that is missing or no
    results file.
    """
    for path in files:
        if not path.is_file():
            raise InputError(f"no results file is there: {path}", where="--results", remedy="Check the path.")
    found = [
        record for path in files or (MEASURED, DEFAULT_RESULTS) for record in read_results(path, progress=progress)
    ]
    by_model: dict[str, list[SweepRecord]] = {}
    for record in latest(found).values():
        by_model.setdefault(record.model, []).append(record)
    further = sorted(name for name in by_model.keys() - set(names) if pattern and fnmatchcase(name, pattern))
    return tuple(ModelStatus(name, _sorted(by_model.get(name, []))) for name in (*names, *further))


def _sorted(records: list[SweepRecord]) -> tuple[SweepRecord, ...]:
    return tuple(sorted(records, key=lambda record: (record.target, record.options.precision, record.finished)))
