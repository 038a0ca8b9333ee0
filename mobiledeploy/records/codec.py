"""Records to JSON and back: frozen dataclasses, nothing but the standard library.

A record type declares `schema: ClassVar[str] = "mobiledeploy.NAME/VERSION"`; the document carries it, and a document
of another name or of a newer version is refused with a sentence. Field order is the declared order, so one record
always gives the same bytes.
"""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from mobiledeploy.errors import PackageError

__all__ = ["decode", "dumps", "encode", "loads", "read"]

RecordT = TypeVar("RecordT")

_EXPORT_AGAIN = "Export the model again."
_WHOLE = range(-(2**63), 2**63)
"""Whole numbers that every reader can hold: 64 bits with a sign (Swift's Int, SQL's BIGINT)."""


class _MisfitError(Exception):
    """Where a document is not what a record asks for; becomes a PackageError with the caller's remedy."""

    def __init__(self, what: str, where: str) -> None:
        super().__init__(what)
        self.what = what
        self.where = where


def encode(value: Any) -> Any:
    """The JSON form of a record: dicts, lists, strings, numbers, booleans, None.

    A float that JSON cannot hold (NaN, infinity) becomes its name as a string; `decode` reads it back.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        schema = getattr(value, "schema", None)
        head = {"schema": schema} if schema else {}
        return head | {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return value


def dumps(record: Any) -> str:
    """The record as indented JSON text that ends in a newline."""
    return json.dumps(encode(record), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def loads(kind: type[RecordT], text: str, *, where: str, remedy: str = _EXPORT_AGAIN) -> RecordT:
    """The record in `text`. Raises PackageError naming `where` and saying `remedy` if it is no such record.

    Hostile text is refused like any other: too deep for the parser, numbers without end, bare NaN.
    """
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise PackageError("not valid JSON: nested too deeply", where=where, remedy=remedy) from None
    except ValueError as error:
        raise PackageError(f"not valid JSON: {error}", where=where, remedy=remedy) from error
    return decode(kind, document, where=where, remedy=remedy)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON; write it as a string")


def read(kind: type[RecordT], path: Path) -> RecordT:
    """The record in the file `path`. Raises PackageError if it cannot be read or is no such record."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PackageError(f"cannot read {path.name}: {error}", where=str(path), remedy=_EXPORT_AGAIN) from None
    return loads(kind, text, where=str(path))


def decode(kind: type[RecordT], document: Any, *, where: str, remedy: str = _EXPORT_AGAIN) -> RecordT:
    """The record of type `kind` in a JSON `document`; unknown fields are ignored, missing ones take their defaults.

    Raises PackageError naming the path of the field that does not fit, and saying `remedy`.
    """
    if isinstance(document, dict):
        _check_schema(kind, document, where)
    try:
        return typing.cast(RecordT, _decode(kind, document, where))
    except _MisfitError as misfit:
        raise PackageError(misfit.what, where=misfit.where, remedy=remedy) from None


def _check_schema(kind: type, document: dict[str, Any], where: str) -> None:
    expected = getattr(kind, "schema", None)
    if expected is None:
        return
    found = document.get("schema")
    if not isinstance(found, str):
        raise PackageError(f"no `schema` field; expected {expected}", where=where, remedy="Is this the right file?")
    name, _, version = found.partition("/")
    known_name, _, known_version = expected.partition("/")
    if name != known_name or not (version.isascii() and version.isdigit()):
        raise PackageError(f"schema is {found:.80}; expected {expected}", where=where, remedy="Is this the right file?")
    if len(version) > 9 or int(version) > int(known_version):
        raise PackageError(f"schema {found:.80} is newer than {expected}", where=where, remedy="Update mobiledeploy.")


def _decode(kind: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        (inner,) = [a for a in arguments if a is not type(None)]
        return _decode(inner, value, where)
    if origin is typing.Literal:
        return _expect(value, value in arguments, where, "one of " + ", ".join(map(repr, arguments)))
    if origin is tuple:
        _expect(value, isinstance(value, list), where, "a list")
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(_decode(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(value))
        _expect(value, len(value) == len(arguments), where, f"a list of {len(arguments)}")
        return tuple(
            _decode(a, item, f"{where}[{i}]") for i, (a, item) in enumerate(zip(arguments, value, strict=True))
        )
    if origin in (dict, Mapping):
        _expect(value, isinstance(value, dict), where, "an object")
        return {_expect_text(key, where): _decode(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(typing.cast(type, kind), value, where)
    return _decode_scalar(kind, value, where)


def _decode_dataclass(kind: type, value: Any, where: str) -> Any:
    _expect(value, isinstance(value, dict), where, "an object")
    hints = typing.get_type_hints(kind)
    arguments = {}
    for field in dataclasses.fields(kind):
        if field.name in value:
            arguments[field.name] = _decode(hints[field.name], value[field.name], f"{where}.{field.name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise _MisfitError(f"field `{field.name}` is missing", where)
    return kind(**arguments)


def _decode_scalar(kind: Any, value: Any, where: str) -> Any:
    if kind is float:
        if isinstance(value, str) and value in ("nan", "inf", "-inf"):
            return float(value)
        _expect(value, isinstance(value, float) or _is_whole(value), where, "a number")
        return float(value)
    if kind is int:
        return _expect(value, _is_whole(value), where, "a whole number")
    if kind is str:
        return _expect_text(value, where)
    return _expect(value, isinstance(value, kind), where, f"a {kind.__name__}")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value in _WHOLE


def _expect_text(value: Any, where: str) -> str:
    """Text that can be written as UTF-8: JSON can spell half a surrogate pair, which no file and no database takes."""
    _expect(value, isinstance(value, str), where, "a str")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _MisfitError("expected text, found half of a surrogate pair", where) from None
    return typing.cast(str, value)


def _expect(value: Any, holds: bool, where: str, expected: str) -> Any:
    if not holds:
        raise _MisfitError(f"expected {expected}, found {value!r:.80}", where)
    return value
