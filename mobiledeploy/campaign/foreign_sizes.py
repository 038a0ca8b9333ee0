"""Which sizes of pictures a package takes by its own description, and which function takes each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mobiledeploy.campaign.sizes import Size, SizesTaken, size_text
from mobiledeploy.errors import InputError
from mobiledeploy.parity.pixels import is_picture
from mobiledeploy.parity.unrounded import input_spec

if TYPE_CHECKING:
    from mobiledeploy.mil.description import Feature, Interface

__all__ = ["Form", "forms", "sizes_taken"]


@dataclass(frozen=True)
class Form:
    """What is measured: the pictures' `size`, None where the package has one only; `function`, None for the default
    one; and its interface."""

    size: Size | None
    function: str | None
    interface: Interface


def sizes_taken(interfaces: Sequence[Interface]) -> SizesTaken:
    """Enumerated sizes, a range of them, a function for each, or the only one; none without pictures. Where several
    inputs take pictures, what all of them take."""
    default = _own(interfaces[0])
    if default is None:
        return SizesTaken()
    by_function = _functions(interfaces)
    if len(by_function) > 1:
        return SizesTaken(tuple(by_function))
    flexible = [feature for feature in _pictures(interfaces[0]) if feature.enumerated or feature.ranges]
    if not flexible:
        return SizesTaken((default,))
    if all(feature.enumerated for feature in flexible):
        sizes = [_size(feature, shape) for feature in flexible[:1] for shape in feature.enumerated]
        kept = [size for size in dict.fromkeys([default, *sizes]) if _all_take(flexible, size)]
        return SizesTaken(tuple(kept))
    return SizesTaken((default,), _ends(flexible[0]), lambda size: _all_take(flexible, size))


def forms(interfaces: Sequence[Interface], sizes: Sequence[Size | None]) -> tuple[Form, ...]:
    """The function for each of `sizes`, which `sizes_taken` gave."""
    by_function = _functions(interfaces)
    if len(by_function) > 1:
        return tuple(Form(size, by_function[size].function, by_function[size]) for size in sizes if size)
    return tuple(Form(size, None, interfaces[0]) for size in sizes)


def _functions(interfaces: Sequence[Interface]) -> dict[Size, Interface]:
    """By size; empty unless every function takes pictures of another one, as they do where each has its weights."""
    found = {size: each for each in interfaces if (size := _own(each)) is not None}
    return found if len(found) == len(interfaces) > 1 else {}


def _pictures(interface: Interface) -> list[Feature]:
    return [each for each in interface.inputs if not each.optional and _takes_picture(each)]


def _takes_picture(feature: Feature) -> bool:
    return feature.kind in ("image", "multiarray") and is_picture(input_spec(feature))


def _own(interface: Interface) -> Size | None:
    pictures = _pictures(interface)
    return _size(pictures[0], pictures[0].default_shape) if pictures else None


def _size(feature: Feature, shape: tuple[int, ...]) -> Size:
    height, width = shape[:2] if feature.kind == "image" else shape[-2:]
    return height, width


def _all_take(features: Sequence[Feature], size: Size) -> bool:
    return all(_takes(feature, size) for feature in features)


def _takes(feature: Feature, size: Size) -> bool:
    default = feature.default_shape
    shape = (*size, *default[2:]) if feature.kind == "image" else (*default[:2], *size)
    try:
        feature.check_shape(shape)
    except InputError:
        return False
    return True


def _ends(feature: Feature) -> tuple[str, str]:
    """The smallest and the largest size of a range, in words."""
    axes = feature.ranges[:2] if feature.kind == "image" else feature.ranges[-2:]
    lowest = size_text((max(1, axes[0][0]), max(1, axes[1][0])))
    height, width = ("any" if high is None else str(high) for _, high in axes)
    return lowest, f"{height}x{width}"
