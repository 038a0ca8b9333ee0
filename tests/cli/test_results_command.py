"""`mobiledeploy results`: every wrong request, with one sentence. What it shows is tested in tests/campaign."""

from __future__ import annotations

import json

import pytest

from mobiledeploy.server.ledger import open_ledger


@pytest.fixture
def store(tmp_path) -> str:
    open_ledger(str(tmp_path / "results.db")).close()
    return str(tmp_path / "results.db")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("lost",), "error: `lost` is no thing to do with results that mobiledeploy knows"),
        (("list", "x"), "error: `list` takes no further argument"),
        (("show",), "error: `show` needs to know what"),
        (("import",), "error: `import` needs to know what"),
        (("export",), "error: `export` needs to know what"),
        (("export", "a.csv", "b.csv"), "error: results are exported to one .json or .csv"),
        (("export", "a.txt"), "error: results are exported to one .json or .csv"),
        (("list", "--kind", "reel"), "error: `reel` is no kind of result that mobiledeploy knows"),
        (("show", "r-1"), "error: no result is called `r-1`"),
        (("show", ""), "error: no result is called ``"),
    ],
)
def test_wrong_requests_are_answered_with_one_sentence(command, store, arguments, message: str) -> None:
    outcome = command("results", *arguments, "--store", store)
    assert outcome.code == 2
    assert message in outcome.err
    assert "Traceback" not in outcome.err


def test_a_store_that_is_not_there_is_not_made(command, tmp_path) -> None:
    outcome = command("results", "list", "--store", tmp_path / "absent.db")
    assert (outcome.code, "no store is there" in outcome.err) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_store_has_no_results(command, store, tmp_path) -> None:
    document = json.loads(command("results", "list", "--store", store, "--json").out)
    assert document == {"results": [], "older": 0, "others": {}}
    file = tmp_path / "r.csv"
    assert command("results", "export", file, "--store", store).code == 0
    header = file.read_text()
    assert header.startswith("result,kind,valid,model,")
    assert header.endswith(",failure\n")
    assert command("results", "export", file, "--samples", "--store", store).code == 0
    assert file.read_text().endswith(",round,index,start_ns,duration_ns\n")
    assert "no real results" in command("results", "list", "--store", store).out


def test_an_export_that_cannot_be_written_is_named(command, store, tmp_path) -> None:
    outcome = command("results", "export", tmp_path / "absent" / "r.json", "--store", store)
    assert (outcome.code, "cannot write" in outcome.err) == (2, True)
