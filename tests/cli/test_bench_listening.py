"""`mobiledeploy bench` asks for its port before it exports anything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mobiledeploy.campaign import session as sessions
from mobiledeploy.server.address import bind


@pytest.fixture
def port(monkeypatch, tmp_path) -> Iterator[int]:
    """Of another host. Exporting would be a mistake."""
    monkeypatch.chdir(tmp_path)
    taken = bind("127.0.0.1", 0)
    yield taken.getsockname()[1]
    taken.close()


def test_a_port_that_is_taken_is_named_before_the_work(command, port, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr("mobiledeploy.cli.bench._paths", lambda *_: pytest.fail("it exported"))
    outcome = command("bench", "fastvit_t8", "--port", port)
    assert outcome.code == 5
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in outcome.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [("--queue",), ("--device", "simulated")])
def test_what_needs_no_port_is_not_stopped_by_one(command, port, monkeypatch, arguments) -> None:
    seen = []
    monkeypatch.setattr("mobiledeploy.cli.bench._paths", lambda *_: [])
    monkeypatch.setattr(sessions.Session, "run", lambda self, paths, offer: seen.append(paths) or ())
    assert command("bench", "fastvit_t8", "--port", port, *arguments).code == 0
    assert seen == [[]]


def test_a_port_that_is_free_is_free_again(monkeypatch, port) -> None:
    from mobiledeploy.campaign.session import Request, check_listening
    from mobiledeploy.records import MeasurementPlan
    from mobiledeploy.server.host import HostOptions

    probe = bind("127.0.0.1", 0)
    free = probe.getsockname()[1]
    probe.close()
    for _ in range(2):
        check_listening(Request(MeasurementPlan(), "lan", 1, HostOptions(port=free)))
