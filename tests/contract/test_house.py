"""Sizes to feel at home in, and nothing that belongs to the place where a file was written."""

from __future__ import annotations

import ast
import re

LONGEST_FILE = 400
LONGEST_FUNCTION = 60

# An absolute path that exists on somebody's machine only. System paths that every Unix has are fine.
PLACES = re.compile(r"(?<![\w.:/~$}-])/(?:home|root|Users|work|workspace|mnt|opt|tmp|srv)/[\w.-]")


def test_files_are_short(sources) -> None:
    lengths = {source.path: len(source.text.splitlines()) for source in sources.values()}
    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}


def test_functions_are_short(sources) -> None:
    long = [
        f"{source.path}:{node.lineno} {node.name} has {length} lines"
        for source in sources.values()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
    ]
    assert long == []


def test_no_file_names_a_place_of_one_machine(sources) -> None:
    wrong = [f"{source.path}: {found.group()}" for source in sources.values() for found in PLACES.finditer(source.text)]
    assert wrong == []


def test_the_pattern_of_places_finds_them() -> None:
    assert PLACES.search('open("/home/me/model.pth")')
    assert PLACES.search("cd /opt/venv/bin")
    assert not PLACES.search("https://example.org/home/page")
    assert not PLACES.search("a/home/of/art")


def test_nothing_is_put_off(sources) -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|raise NotImplementedError")
    wrong = [f"{source.path}: {found.group()}" for source in sources.values() for found in marks.finditer(source.text)]
    assert wrong == []


def test_every_module_says_what_it_is(sources) -> None:
    empty = [source.path for source in sources.values() if source.text.strip() and not ast.get_docstring(source.tree)]
    assert empty == []


def test_every_module_with_code_lists_its_names(sources) -> None:
    """`__all__`: what is not in it is private."""
    missing = [source.path for source in sources.values() if len(source.tree.body) > 1 and "__all__" not in source.text]
    assert missing == []
