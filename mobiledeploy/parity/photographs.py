"""Where the photographs of a parity check come from: the one that matplotlib installs, or a folder of the user's."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from mobiledeploy.errors import ImageError

__all__ = ["PICTURE_SUFFIXES", "installed_photograph", "pictures_in", "read_picture"]

PICTURE_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
"""What counts as a picture in a folder, so that a note or a thumbnail database next to the pictures does no harm."""


def installed_photograph() -> Path:
    """The photograph in matplotlib's sample data: 512x600 RGB, public domain (US Navy, Grace Hopper).

    matplotlib is looked up, not imported: its import takes longer than the whole parity check of a small model.
    Raises ImageError if matplotlib is not installed or came without its sample data.
    """
    remedy = "Install it again with its sample data: pip install --force-reinstall matplotlib"
    spec = importlib.util.find_spec("matplotlib")
    if spec is None or not spec.submodule_search_locations:
        raise ImageError("matplotlib, which carries the photograph of the parity check, is missing", remedy=remedy)
    path = Path(spec.submodule_search_locations[0], "mpl-data", "sample_data", "grace_hopper.jpg")
    if not path.is_file():
        raise ImageError("matplotlib's sample photograph is missing", where=str(path), remedy=remedy)
    return path


def pictures_in(folder: Path) -> tuple[Path, ...]:
    """The pictures directly in `folder`, sorted by name, whatever order the file system lists them in.

    Raises ImageError naming the folder if it is missing, is no folder, cannot be listed, or holds no picture.
    """
    if not folder.exists():
        raise ImageError("the folder of pictures does not exist", where=str(folder), remedy="Check the path.")
    if not folder.is_dir():
        raise ImageError(
            "expected a folder of pictures", where=str(folder), remedy="Give the folder, not a file of it."
        )
    try:
        found = [path for path in folder.iterdir() if _is_picture(path)]
    except OSError as error:
        reason = error.strerror or str(error)
        raise ImageError(f"cannot list the folder: {reason}", where=str(folder), remedy="Check its rights.") from None
    if not found:
        kinds = " ".join(PICTURE_SUFFIXES)
        raise ImageError("no picture in the folder", where=str(folder), remedy=f"Pictures end in one of {kinds}.")
    return tuple(sorted(found, key=lambda path: path.name))


def _is_picture(path: Path) -> bool:
    hidden = path.name.startswith(".")
    return not hidden and path.suffix.lower() in PICTURE_SUFFIXES and not path.is_dir()


def read_picture(path: Path) -> Image.Image:
    """The picture in `path` as mode RGB. Transparency is dropped, of several frames the first is taken, and the
    orientation in the metadata is not applied: that is how the training code of the zoo's models reads its pictures.

    Raises ImageError naming the file if it cannot be read or decoded.
    """
    with _readable(path), Image.open(path) as picture:
        # a palette with transparency converts cleanly only by way of RGBA
        opaque = picture.convert("RGBA") if "transparency" in picture.info else picture
        return opaque.convert("RGB")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            # Pillow only warns of a picture of more than 89 megapixels; as a parity sample it is a mistake all the same
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    # SyntaxError: what Pillow raises for a broken PNG chunk
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        reason = getattr(error, "strerror", None) or str(error).replace(str(path), path.name)
        remedy = "Replace or remove the file."
        raise ImageError(f"cannot read the picture: {reason}", where=str(path), remedy=remedy) from None
