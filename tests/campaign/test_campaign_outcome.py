"""Which reports are found, in which order, and what is made of each."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from stored import PHONE, SUBJECT, store

from mobiledeploy.campaign.outcome import campaign_reports, count_reports, find_report, stored_reports, summarize
from mobiledeploy.errors import InputError
from mobiledeploy.records import Validity
from mobiledeploy.server.host import Place, open_place

SIMULATED = replace(PHONE, kind="simulated")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return open_place(str(tmp_path / "results.db"))


def test_results_of_one_standing_are_never_mixed_with_others(place) -> None:
    store(place, "a")
    store(place, "b", device=SIMULATED)
    store(place, "c", device=replace(PHONE, kind="simulator"))
    found = {kind: [each.report.job for each in stored_reports(place.ledger, kind)] for kind in ("real", "simulated")}
    assert found == {"real": ["a"], "simulated": ["b"]}
    assert len(list(stored_reports(place.ledger))) == 3


def test_the_oldest_result_comes_first(place) -> None:
    for name in ("z", "m", "a"):
        store(place, name)
        time.sleep(0.002)  # times are kept to the millisecond
    assert [each.report.job for each in stored_reports(place.ledger)] == ["z", "m", "a"]


def test_the_latest_results_are_those_that_came_last(place) -> None:
    for name in ("z", "m", "a", "k"):
        store(place, name)
        time.sleep(0.002)
    store(place, "later", device=SIMULATED)
    found = [each.report.job for each in stored_reports(place.ledger, "real", latest=2)]
    assert found == ["a", "k"]
    assert count_reports(place.ledger) == {"real": 4, "simulated": 1}


def test_many_results_are_read_a_few_at_a_time(place, monkeypatch) -> None:
    monkeypatch.setattr("mobiledeploy.campaign.outcome._AT_ONCE", 2)
    for name in ("e", "d", "c", "b", "a"):
        store(place, name)
        time.sleep(0.002)
    reading = stored_reports(place.ledger)
    assert next(reading).report.job == "e"
    store(place, "meanwhile")
    assert [each.report.job for each in reading] == ["d", "c", "b", "a"]


def test_the_list_says_what_it_leaves_out(place, tmp_path, command) -> None:
    for name in ("one", "two", "three"):
        store(place, name)
        time.sleep(0.002)
    store(place, "four", device=SIMULATED)
    arguments = ("results", "list", "--store", tmp_path / "results.db", "--limit", 2)
    document = json.loads(command(*arguments, "--json").out)
    assert [each["job"] for each in document["results"]] == ["two", "three"]
    assert (document["older"], document["others"]) == (1, {"simulated": 1})
    told = command(*arguments).out
    assert "1 older: --limit 3" in told
    assert "1 simulated: --kind simulated" in told
    assert "older" not in command("results", "list", "--store", tmp_path / "results.db").out


def test_a_campaign_has_its_own_reports_in_the_order_of_its_jobs(place) -> None:
    for name, campaign in (("z", "one"), ("x", "other"), ("a", "one")):
        store(place, name, campaign=campaign)
    assert [each.report.job for each in campaign_reports(place.ledger, "one")] == ["z", "a"]


def test_a_result_is_found_by_its_name_or_the_beginning_of_it(place) -> None:
    for name in ("abc", "abcd", "xyz"):
        store(place, name)
    for name, job in (("abc", "abc"), ("abcd", "abcd"), ("x", "xyz"), ("r-x", "xyz"), ("r-abc", "abc")):
        assert find_report(place.ledger, name).report.job == job


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nobody", "no result is called `nobody`"),
        ("", "no result is called ``"),
        ("ab", "`ab` is the beginning of 2 results"),
        ("r-", "`r-` is the beginning of 3 results"),
    ],
)
def test_a_name_of_no_or_several_results_is_refused(place, name: str, message: str) -> None:
    for job in ("abc", "abcd", "xyz"):
        store(place, job)
    with pytest.raises(InputError) as refused:
        find_report(place.ledger, name)
    assert refused.value.what == message


def test_a_summary_says_whose_it_is(place) -> None:
    report = store(place, "a")
    summary = summarize(find_report(place.ledger, "a"), place.blobs)
    assert (summary.report, summary.job, summary.model, summary.precision) == (report.id, "a", "fastvit", "float16")
    assert (summary.device, summary.standing, summary.imported) == (PHONE, "real", True)
    assert summary.validity == Validity(True)


def test_the_host_judges_too(place) -> None:
    """A device that finds itself valid while low power mode was on is not believed."""
    conditions = (replace(store(place, "a").conditions[0], low_power=True),)
    store(place, "b", conditions=conditions)
    assert summarize(find_report(place.ledger, "b"), place.blobs).validity == Validity(
        False, ("low power mode was on",)
    )


def test_published_latencies_stand_beside_phones_only(place) -> None:
    counts = {}
    for kind in ("phone", "mac", "simulator", "simulated"):
        store(place, kind, device=replace(PHONE, kind=kind))
        summary = summarize(find_report(place.ledger, kind), place.blobs)
        counts[kind] = sum(len(unit.published) for unit in summary.units)
    assert counts["phone"] > 0
    assert {kind: count for kind, count in counts.items() if count} == {"phone": counts["phone"]}


def test_published_latencies_are_of_the_same_architecture_and_resolution(place) -> None:
    store(place, "other", subject=replace(SUBJECT, resolution=1024))
    store(place, "none", subject=replace(SUBJECT, architecture=""))
    for name in ("other", "none"):
        summary = summarize(find_report(place.ledger, name), place.blobs)
        assert [unit.published for unit in summary.units] == [(), ()]


def test_a_report_of_an_unknown_job_has_figures_and_no_more(place) -> None:
    report = store(place, "a", subject=None)
    summary = summarize(find_report(place.ledger, "a"), place.blobs)
    assert (summary.model, summary.precision) == (report.package[:12], None)
    assert [(unit.samples, unit.parity, unit.published) for unit in summary.units] == [(6, None, ())] * 2
    assert "not of this store" in summary.units[0].parity_reason
