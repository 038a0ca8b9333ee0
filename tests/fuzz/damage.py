"""Damage to a model's message, field by field: what bit flips reach only by luck."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor as Field

from mobiledeploy.mil.dtype import DataType
from mobiledeploy.mil.registry import REGISTRY

__all__ = ["Pick", "damage"]

# a number below the one given, chosen by who drives
Pick = Callable[[int], int]

_INTEGERS = (
    -1,
    0,
    1,
    2,
    3,
    7,
    64,
    1000,
    2**20,
    2**31 - 1,
    -(2**31),
    2**32,
    2**40,
    2**62,
    2**63 - 1,
    -(2**63),
    2**64 - 1,
)
_FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-45, 1e30, -1e30, math.inf, -math.inf, math.nan)
_WORDS = ("", "?", "\0", "a" * 1000, "@model_path/../x", *REGISTRY, *(kind.spelling for kind in DataType))
_RANGES = {
    Field.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    Field.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    Field.CPPTYPE_UINT32: (0, 2**32 - 1),
    Field.CPPTYPE_UINT64: (0, 2**64 - 1),
}


@dataclass(frozen=True)
class _Site:
    """A field that is set: of which message, and which of its elements where it is repeated (or which key)."""

    parent: Any
    field: Any
    place: Any = None


def damage(model: Any, pick: Pick) -> None:
    """Changes one thing in the message, in place."""
    places = list(_sites(model))
    site = places[pick(len(places))]
    if site.place is not None and pick(3) == 0:
        _rearrange(site, pick)
    elif site.field.cpp_type == Field.CPPTYPE_MESSAGE:
        _transplant(site, places, pick)
    else:
        _overwrite(site, places, pick)


def _sites(message: Any) -> Iterator[_Site]:
    for field, value in message.ListFields():
        if _is_map(field):
            for key in sorted(value):
                yield _Site(message, field, key)
                if field.message_type.fields_by_name["value"].cpp_type == Field.CPPTYPE_MESSAGE:
                    yield from _sites(value[key])
        elif isinstance(value, str | bytes) or not hasattr(value, "__len__"):
            yield _Site(message, field)
            if field.cpp_type == Field.CPPTYPE_MESSAGE:
                yield from _sites(value)
        else:
            # of a long row of numbers a few stand for all
            for index in range(len(value)) if len(value) < 8 else (0, 1, len(value) // 2, len(value) - 1):
                yield _Site(message, field, index)
                if field.cpp_type == Field.CPPTYPE_MESSAGE:
                    yield from _sites(value[index])


def _is_map(field: Any) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _rearrange(site: _Site, pick: Pick) -> None:
    """An element is taken away, put in twice, or exchanged with the first."""
    row = getattr(site.parent, site.field.name)
    if _is_map(site.field) or pick(3) == 0:
        del row[site.place]
    elif site.field.cpp_type == Field.CPPTYPE_MESSAGE:
        row.add().CopyFrom(row[site.place])
    else:
        row.append(row[site.place])
        row[0], row[-1] = row[-1], row[0]


def _held(site: _Site) -> Any:
    value = getattr(site.parent, site.field.name)
    return value if site.place is None else value[site.place]


def _transplant(site: _Site, places: list[_Site], pick: Pick) -> None:
    """A message gives way to another of its kind from elsewhere, or is emptied."""
    if _is_map(site.field) and site.field.message_type.fields_by_name["value"].cpp_type != Field.CPPTYPE_MESSAGE:
        return
    held = _held(site)
    others = [
        other
        for place in places
        if place.field.cpp_type == Field.CPPTYPE_MESSAGE
        and getattr(other := _held(place), "DESCRIPTOR", None) is held.DESCRIPTOR
    ]
    # a copy: one may lie inside the other
    donor = type(held)()
    donor.CopyFrom(others[pick(len(others))])
    held.Clear()
    if pick(4):
        held.CopyFrom(donor)


def _overwrite(site: _Site, places: list[_Site], pick: Pick) -> None:
    value = _other_value(site, places, pick)
    if site.place is None:
        setattr(site.parent, site.field.name, value)
    else:
        getattr(site.parent, site.field.name)[site.place] = value


def _other_value(site: _Site, places: list[_Site], pick: Pick) -> Any:
    kind = site.field.cpp_type
    if kind == Field.CPPTYPE_BOOL:
        return not _held(site)
    if kind in _RANGES:
        low, high = _RANGES[kind]
        return min(max(_INTEGERS[pick(len(_INTEGERS))], low), high)
    if kind in (Field.CPPTYPE_FLOAT, Field.CPPTYPE_DOUBLE):
        return _FLOATS[pick(len(_FLOATS))]
    if site.field.type == Field.TYPE_BYTES:
        held = _held(site)
        return held[: pick(len(held) + 1)]
    names = sorted({_held(place) for place in places if place.field.type == Field.TYPE_STRING and place.place is None})
    words = (*_WORDS, *names, *names, *names)
    return words[pick(len(words))]
