"""What the host remembers beside a job: all that a report is held against later, without the exported folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mobiledeploy.errors import PackageError
from mobiledeploy.records import codec

__all__ = ["Subject", "read_subject"]


@dataclass(frozen=True)
class Subject:
    """`architecture`: the name in timm, empty where there is none. `resolution`: height of the pictures in pixels.

    `reference`: the blob with the original's outputs (`reference.npz`), None where there is none. `prefix`: what the
    names of its samples begin with, where it has those of several sizes. `bar_db`: of the export. `sizes`: (height,
    width) of the pictures. Of a classifier, which answers with a probability per label: the number of its `labels`, and
    the indices of the classes that have one of their own.
    """

    schema: ClassVar[str] = "mobiledeploy.bench-subject/1"

    model: str
    precision: str
    bar_db: float
    architecture: str = ""
    resolution: int | None = None
    reference: str | None = None
    prefix: str = ""
    sizes: tuple[tuple[int, int], ...] = ()
    labels: int = 0
    distinct_classes: tuple[int, ...] = ()


def read_subject(text: str) -> Subject | None:
    """None for a report of a job that this store does not know."""
    if text == "{}":
        return None
    try:
        return codec.loads(Subject, text, where="the store")
    except PackageError:
        return None
