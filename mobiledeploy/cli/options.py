"""Texts of the command line to values; a wrong one is refused with the list of right ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Annotated, Literal, cast

import typer

from mobiledeploy.errors import InputError

__all__ = [
    "DEPLOYMENT_TARGETS",
    "JsonFlag",
    "choice",
    "deployment_target",
    "input_type",
    "names",
    "precision",
    "resolution",
    "sizes",
]

# Read from the arguments before they are parsed (cli/main.py): an error of parsing answers in JSON, too.
JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]

DEPLOYMENT_TARGETS = ("iOS15", "iOS16", "iOS17", "iOS18")
_PRECISIONS = ("float16", "float32", "mixed")
_INPUT_TYPES = ("image", "tensor")


def resolution(text: str | None) -> tuple[int, int] | None:
    """`N` or `HxW` in pixels, both at least 1, as (height, width)."""
    return None if text is None else _size(text, "--resolution")


def sizes(text: str | None, option: str = "--flexible") -> tuple[tuple[int, int], ...]:
    """Sizes with commas between them, each as `resolution` takes it, none twice, in the order given."""
    found = [] if text is None else [_size(part.strip(), option) for part in text.split(",")]
    return tuple(dict.fromkeys(found))


def names(text: str | None) -> tuple[str, ...]:
    """Names with commas between them."""
    return () if text is None else tuple(part.strip() for part in text.split(","))


def _size(text: str, option: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9][0-9]{0,4})(?:x([1-9][0-9]{0,4}))?", text)
    if match is None:
        raise InputError(
            f"`{text}` is no resolution",
            where=option,
            remedy="Write one number of pixels, as in 256, or height x width, as in 256x192.",
        )
    height, width = match.groups()
    return int(height), int(width or height)


def precision(text: str) -> Literal["float16", "float32", "mixed"]:
    return cast("Literal['float16', 'float32', 'mixed']", _one_of(text, _PRECISIONS, "--precision", "precision"))


def input_type(text: str | None) -> Literal["image", "tensor"] | None:
    if text is None:
        return None
    return cast("Literal['image', 'tensor']", _one_of(text, _INPUT_TYPES, "--input-type", "input type"))


def deployment_target(text: str) -> str:
    return _one_of(text, DEPLOYMENT_TARGETS, "--deployment-target", "deployment target")


def choice(text: str, choices: Sequence[str], option: str, noun: str) -> str:
    """The one of `choices` that `text` is, whatever its case."""
    return _one_of(text, choices, option, noun)


def _one_of(text: str, choices: Sequence[str], option: str, noun: str) -> str:
    for choice in choices:
        if choice.lower() == text.lower():
            return choice
    near = get_close_matches(text.lower(), [choice.lower() for choice in choices], n=1)
    hint = f"Did you mean {choices[[c.lower() for c in choices].index(near[0])]}? " if near else ""
    raise InputError(
        f"`{text}` is no {noun} that mobiledeploy knows", where=option, remedy=f"{hint}Use {' or '.join(choices)}."
    )
