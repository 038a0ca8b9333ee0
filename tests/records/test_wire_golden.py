"""Every record of docs/protocol.md as a document that phones in the field send: the golden ones are read for ever.

NAME.json has every field filled, NAME-minimal.json none that may be left out, NAME-sparse.json is the minimal one
without any field that has a default. The Swift package reads the same files. `MOBILEDEPLOY_RECORD_GOLDEN=1` writes them
anew, and fails; a file that is not committed fails too, so that nobody adds or changes one unseen.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_examples import FULL, MINIMAL

from mobiledeploy.errors import PackageError
from mobiledeploy.records import benchmark, codec, device, exchange, job

GOLDEN = Path(__file__).parents[1] / "golden"
REPOSITORY = GOLDEN.parents[1]
MODULES = (benchmark, device, exchange, job)
REMEDY = "Update the app on the phone."


def name(record: Any) -> str:
    return str(record.schema).removeprefix("mobiledeploy.").partition("/")[0]


def sparse(value: Any) -> Any:
    """The JSON form without any field that has a default."""
    if dataclasses.is_dataclass(value):
        schema = getattr(value, "schema", None)
        needed = [
            field.name
            for field in dataclasses.fields(value)
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        ]
        return ({"schema": schema} if schema else {}) | {key: sparse(getattr(value, key)) for key in needed}
    return codec.encode(value)


def pretty(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


DOCUMENTS = (
    {f"{name(record)}.json": codec.dumps(record) for record in FULL}
    | {f"{name(record)}-minimal.json": codec.dumps(record) for record in MINIMAL}
    | {f"{name(record)}-sparse.json": pretty(sparse(record)) for record in MINIMAL}
)


@pytest.mark.parametrize("file", DOCUMENTS)
def test_the_golden_document_is_what_the_record_becomes(file: str) -> None:
    if os.environ.get("MOBILEDEPLOY_RECORD_GOLDEN"):
        (GOLDEN / file).write_text(DOCUMENTS[file], encoding="utf-8")
        pytest.fail(f"{file} was written; look at the difference")
    assert (GOLDEN / file).read_text(encoding="utf-8") == DOCUMENTS[file]


@pytest.mark.parametrize("record", FULL, ids=name)
def test_a_golden_document_is_read_as_its_record(record: Any) -> None:
    assert codec.read(type(record), GOLDEN / f"{name(record)}.json") == record


@pytest.mark.parametrize("form", ["minimal", "sparse"])
@pytest.mark.parametrize("record", MINIMAL, ids=name)
def test_what_is_missing_takes_its_default(record: Any, form: str) -> None:
    assert codec.read(type(record), GOLDEN / f"{name(record)}-{form}.json") == record


def test_every_record_that_travels_alone_has_its_golden_documents() -> None:
    kinds = {
        kind
        for module in MODULES
        for kind in vars(module).values()
        if dataclasses.is_dataclass(kind) and hasattr(kind, "schema")
    }
    assert {type(record) for record in FULL} == {type(record) for record in MINIMAL} == kinds
    assert {path.name for path in GOLDEN.glob("*.json")} == DOCUMENTS.keys()


def test_every_golden_document_is_committed() -> None:
    """In a copy without version control nothing can be said, and nothing is."""
    if not (REPOSITORY / ".git").exists():
        return
    listed = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all", "--", "tests/golden"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert listed.stdout == "", "commit the golden documents together with the change that made them"


def fields_below(value: Any, where: str) -> Iterator[tuple[str, str, Any]]:
    """(class and field, path, value) of every dataclass below, for each time that it occurs."""
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            inner = getattr(value, field.name)
            yield f"{type(value).__name__}.{field.name}", f"{where}.{field.name}", inner
            yield from fields_below(inner, f"{where}.{field.name}")
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from fields_below(item, f"{where}[{index}]")


def test_every_field_is_filled_somewhere_in_the_full_documents() -> None:
    """With something else than its default: a reader that forgets the field is found out."""
    defaults = {
        f"{kind.__name__}.{field.name}": field.default
        for module in MODULES
        for kind in vars(module).values()
        if dataclasses.is_dataclass(kind)
        for field in dataclasses.fields(kind)
    }
    filled = {
        field
        for record in FULL
        for field, _, value in fields_below(record, name(record))
        if value not in (None, (), {}, defaults[field])
    }
    assert defaults.keys() - filled == set()


@pytest.mark.parametrize("record", FULL, ids=name)
def test_fields_of_a_later_writer_are_passed_over(record: Any) -> None:
    def widen(document: Any) -> Any:
        if isinstance(document, dict):
            return {key: item if key == "notes" else widen(item) for key, item in document.items()} | {"mood": [None]}
        return [widen(item) for item in document] if isinstance(document, list) else document

    assert codec.decode(type(record), widen(codec.encode(record)), where="test") == record


def test_notes_are_text_only() -> None:
    document = codec.encode(FULL[3]) | {"notes": {"locale": 3}}
    with pytest.raises(PackageError, match="expected a str, found 3"):
        codec.decode(type(FULL[3]), document, where="report")


@pytest.mark.parametrize("record", FULL, ids=name)
@pytest.mark.parametrize("version", ["2", "10"])
def test_a_newer_version_is_refused_and_says_so(record: Any, version: str) -> None:
    document = codec.encode(record) | {"schema": f"mobiledeploy.{name(record)}/{version}"}
    with pytest.raises(PackageError, match="is newer than") as refusal:
        codec.decode(type(record), document, where="body")
    assert refusal.value.remedy == "Update mobiledeploy."


@pytest.mark.parametrize("record", FULL, ids=name)
def test_another_record_is_refused(record: Any) -> None:
    other = next(each for each in FULL if type(each) is not type(record))
    with pytest.raises(PackageError, match="schema is mobiledeploy"):
        codec.decode(type(record), codec.encode(other), where="body")


HOSTILE = [
    ("[" * 200_000, "not valid JSON: nested too deeply"),
    ('{"schema": "mobiledeploy.heartbeat-answer/1", "cancelled": NaN}', "NaN is no number of JSON"),
    ('{"schema": "mobiledeploy.receipt/1", "report": "\\ud800", "first": true}', "half of a surrogate pair"),
    ('{"schema": "mobiledeploy.receipt/1", "report": "r", "first": 1}', "expected a bool, found 1"),
    ('{"schema": "mobiledeploy.receipt/' + "9" * 40 + '"}', "is newer than"),
    ('{"schema": "mobiledeploy.receipt/²"}', "schema is mobiledeploy.receipt/²"),
    ('{"schema": 3}', "no `schema` field"),
    (
        '{"schema": "mobiledeploy.pairing-answer/1", "device_id": "d", "secret": "s", '
        '"protocol": 18446744073709551616}',
        "expected a whole number, found 18446744073709551616",
    ),
    (
        '{"schema": "mobiledeploy.pairing-answer/1", "device_id": "d", "secret": "s", "protocol": 1, '
        '"heartbeat_seconds": ' + "9" * 400 + "}",
        "expected a number",
    ),
    ('{"schema": "mobiledeploy.receipt/1", "report": ' + "9" * 5000 + "}", "not valid JSON"),
]


@pytest.mark.parametrize(("text", "message"), HOSTILE, ids=[message[:30] for _, message in HOSTILE])
def test_hostile_documents_are_refused_with_the_remedy_of_the_reader(text: str, message: str) -> None:
    kind = exchange.PairingAnswer if "pairing" in text else exchange.Receipt
    kind = exchange.HeartbeatAnswer if "heartbeat-answer" in text else kind
    with pytest.raises(PackageError) as refusal:
        codec.loads(kind, text, where="body", remedy=REMEDY)
    assert message in refusal.value.what
    assert refusal.value.remedy in (REMEDY, "Update mobiledeploy.", "Is this the right file?")
    assert "Export the model again" not in str(refusal.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(field=st.sampled_from([f.name for f in dataclasses.fields(FULL[3])]), value=JSON)
def test_any_json_in_any_field_of_a_report_is_taken_or_refused(field: str, value: object) -> None:
    document = codec.encode(FULL[3]) | {field: value}
    try:
        record = codec.decode(type(FULL[3]), document, where="report", remedy=REMEDY)
    except PackageError:
        return
    assert codec.decode(type(FULL[3]), codec.encode(record), where="again") == record


def test_the_identity_of_a_package_is_the_hash_of_its_list_of_files() -> None:
    assert FULL[2].package.identity == FULL[3].package
    assert FULL[2].package.files == tuple(sorted(FULL[2].package.files, key=lambda file: file.path))
