"""What the host remembers beside a job: all that a report is held against later, without the exported folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from mobiledeploy.errors import PackageError
from mobiledeploy.records import codec

__all__ = ["Subject", "read_subject"]


@dataclass(frozen=True)
class Subject:
    """`architecture`: the name in timm, empty where there is none. `resolution`: height of the pictures in pixels.

    `reference`: the blob with the outputs to compare with (`reference.npz`), None where there are none, for
    `no_reference`. `reference_of`: whose outputs they are: the original model's, or, where nobody knows an original,
    the package's own, executed by the host in float32. `prefix`: what the names of its samples begin with, where it has
    those of several sizes. `bar_db`: what the outputs must reach. `precision`: empty where nobody knows it.

    `sizes`: (height, width) of the pictures; `size`: the one that was chosen, where the package takes several. Of a
    classifier, which answers with a probability per label: the number of its `labels`, and the indices of the classes
    that have one of their own.
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
    size: tuple[int, int] | None = None
    reference_of: Literal["original", "package"] = "original"
    no_reference: str = ""


def read_subject(text: str) -> Subject | None:
    """None for a report of a job that this store does not know."""
    if text == "{}":
        return None
    try:
        return codec.loads(Subject, text, where="the store")
    except PackageError:
        return None
