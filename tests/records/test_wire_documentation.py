"""docs/protocol.md lists every field of every wire record, as the dataclasses have them.

`MOBILEDEPLOY_RECORD_GOLDEN=1` writes the list anew, and fails.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import os
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mobiledeploy.records import benchmark, codec, device, exchange, job

PAGE = Path(__file__).parents[2] / "docs" / "protocol.md"
BEGIN = "<!-- The rest is made from mobiledeploy/records by tests/records/test_wire_documentation.py. -->\n"
PLAIN = {str: "text", int: "whole number", float: "number", bool: "true or false"}


def records() -> Iterator[type]:
    for module in (exchange, device, job, benchmark):
        for name in module.__all__:
            kind = getattr(module, name)
            if dataclasses.is_dataclass(kind):
                yield kind


def type_text(kind) -> str:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return type_text(next(each for each in arguments if each is not type(None))) + "?"
    if origin is typing.Literal:
        return "one of " + ", ".join(f"`{each}`" for each in arguments)
    if origin is tuple:
        return f"list of {type_text(arguments[0])}"
    if origin is Mapping:
        return f"object of {type_text(arguments[1])}"
    return PLAIN.get(kind) or f"[{kind.__name__}](#{kind.__name__.lower()})"


def default_text(field: dataclasses.Field) -> str:
    if field.default_factory is not dataclasses.MISSING:
        value = codec.encode(field.default_factory())
        return "`{}`" if value == {} else "all of its defaults"
    if field.default is dataclasses.MISSING:
        return ""
    encoded = codec.encode(field.default)
    return f"`{encoded}`" if isinstance(encoded, str) else f"`{json.dumps(encoded)}`"


def section(kind: type) -> str:
    schema = getattr(kind, "schema", None)
    said = inspect.getdoc(kind) or ""
    said = "" if said.startswith(f"{kind.__name__}(") else said
    head = [f"### {kind.__name__}", ""] + ([f"`{schema}`", ""] if schema else [])
    head += [said, ""] if said else []
    hints = typing.get_type_hints(kind)
    rows = [
        f"| `{field.name}` | {type_text(hints[field.name])} | {default_text(field)} |"
        for field in dataclasses.fields(kind)
    ]
    return "\n".join([*head, "| field | type | default |", "|---|---|---|", *rows, ""])


def fields() -> str:
    return BEGIN + "\n## Fields\n\n" + "\n".join(section(kind) for kind in records())


def test_the_page_lists_every_field_as_it_is() -> None:
    page = PAGE.read_text(encoding="utf-8")
    written, _, listed = page.partition(BEGIN)
    if os.environ.get("MOBILEDEPLOY_RECORD_GOLDEN"):
        PAGE.write_text(written.rstrip() + "\n\n" + fields(), encoding="utf-8")
        pytest.fail("the list of fields was written; look at the difference")
    assert BEGIN + listed == fields()


def test_every_path_and_every_code_of_a_refusal_is_on_the_page() -> None:
    from mobiledeploy.server.paths import Paths

    page = PAGE.read_text(encoding="utf-8")
    routes = Paths(None, None).routes()
    for route in routes:
        documented = route.path.replace("{lease}", "LEASE").replace("{digest}", "SHA256").replace("{job}", "JOB")
        assert documented in page
    assert [code for code in typing.get_args(exchange.ProblemCode) if f"`{code}`" not in page] == []
