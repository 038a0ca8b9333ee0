"""Class names, from timm's own list or from a file."""

from __future__ import annotations

from pathlib import Path

from mobiledeploy.errors import LabelsError
from mobiledeploy.sources.timm_library import timm

__all__ = ["read_labels"]


def read_labels(choice: str) -> tuple[str, ...]:
    """`imagenet`: the thousand names of ILSVRC 2012 in the order of timm's classifiers (timm.data.ImageNetInfo);
    otherwise a UTF-8 text file with one name to a line, blank lines left out.

    Raises LabelsError if the file cannot be read or names nothing.
    """
    if choice == "imagenet":
        info = timm().data.ImageNetInfo()
        return tuple(str(info.index_to_description(index)) for index in range(info.num_classes()))
    return _from_file(Path(choice))


def _from_file(path: Path) -> tuple[str, ...]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise LabelsError(
            f"cannot read the labels in {path}: {reason}",
            where="--labels",
            remedy="Give a text file, one name to a line.",
        ) from None
    labels = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not labels:
        raise LabelsError(f"{path} names no class", where="--labels", remedy="Give a text file, one name to a line.")
    return labels
