"""`mobiledeploy bench`: its options become a plan and a request, and wrong ones are refused before any work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mobiledeploy.campaign import session as sessions
from mobiledeploy.campaign.sizes import ChosenSizes
from mobiledeploy.records import MeasurementPlan


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """The request of each session; nothing is measured."""
    seen = []
    monkeypatch.setattr("mobiledeploy.cli.bench._paths", lambda *arguments: [])
    monkeypatch.setattr(sessions, "check_listening", lambda request: None)
    monkeypatch.setattr(sessions.Session, "run", lambda self, paths, offer: seen.append(self._request) or ())
    monkeypatch.chdir(tmp_path)
    return seen


def test_by_default_all_compute_units_are_measured_as_modelbench_does(command, asked) -> None:
    outcome = command("bench", "fastvit_t8")
    assert outcome.code == 0
    (request,) = asked
    assert request.plan == MeasurementPlan()
    assert (request.device, request.phones, request.queue_only) == ("lan", 1, False)
    assert (request.listening.host, request.listening.port) == ("127.0.0.1", 8477)
    assert "Only this machine can reach the host. For phones add --lan." in outcome.err
    assert Path("exports/results.db").is_file()


def test_every_option_reaches_the_request(command, asked) -> None:
    arguments = ("--compute-units", "all,cpu", "--protocol", "mlperf-single-stream", "--phones", 3, "--device", "lan")
    command("bench", "x", *arguments, "--port", 9, "--rounds", 30, "--iterations", 7, "--queue", "--store", "s.db")
    (request,) = asked
    plan = request.plan
    assert plan.compute_units == ("cpuOnly", "all")
    assert (plan.rounds, plan.iterations, plan.reload, plan.minimum_seconds) == (30, 7, False, 60.0)
    assert (request.phones, request.queue_only) == (3, True)
    assert (request.listening.host, request.listening.port) == ("0.0.0.0", 9)


@pytest.mark.parametrize(
    ("given", "sizes"),
    [
        ((), ChosenSizes()),
        (("--sizes", "160, 192x256,160"), ChosenSizes(((160, 160), (192, 256)))),
        (("--sizes", "All"), ChosenSizes(every=True)),
    ],
)
def test_sizes_reach_the_request(command, asked, given, sizes) -> None:
    command("bench", "x", *given)
    assert asked[0].sizes == sizes


def test_the_app_for_a_phone_reaches_the_request(command, asked) -> None:
    command("bench", "x", "--device", "00008101-1", "--app", "Harness.app")
    assert (asked[0].device, asked[0].app) == ("00008101-1", Path("Harness.app"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--compute-units", "npu"), "`npu` is no compute unit that mobiledeploy knows"),
        (("--protocol", "mean"), "no protocol is called 'mean'"),
        (("--lan", "--host", "127.0.0.1"), "--lan and --host contradict each other"),
        (("--device", "mac", "--app", "x.app"), "--app is of a phone that devicectl knows"),
        (("--device", "mac", "--queue"), "nothing gives out a queue to mac"),
        (("--device", "00008101-1", "--phones", 2), "00008101-1 is one device, not 2"),
        (("--precision", "int8"), "`int8` is no precision that mobiledeploy knows"),
        (("--store", "delphi://x"), "cannot open the store: Can't load plugin: sqlalchemy.dialects:delphi"),
    ],
)
def test_wrong_options_are_refused(command, asked, arguments, message: str) -> None:
    outcome = command("bench", "x", *arguments)
    assert (outcome.code, asked) == (2, [])
    assert message in outcome.err


def test_the_document_names_store_and_campaign(command, asked) -> None:
    document = json.loads(command("bench", "x", "--json").out)
    assert document == {"store": "exports/results.db", "campaign": "", "jobs": [], "results": []}


def test_a_folder_that_is_no_export_is_refused(command, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("other").mkdir()
    outcome = command("bench", "other")
    assert outcome.code == 2
    assert "Traceback" not in outcome.err
