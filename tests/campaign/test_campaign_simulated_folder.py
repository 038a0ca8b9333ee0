"""What simulated phones leave behind: nothing, unless it tells why they ended."""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path

import pytest
from viewer import Viewer

from mobiledeploy.campaign import session as sessions
from mobiledeploy.campaign.harness_program import CLI_VARIABLE
from mobiledeploy.campaign.session import Request, Session
from mobiledeploy.errors import HostError
from mobiledeploy.records import MeasurementPlan
from mobiledeploy.server.host import HostOptions


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def simulate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, watch) -> None:
    program = tmp_path / "harness-cli"
    program.write_text(f"#!{sys.executable}\n{code}\n")
    program.chmod(0o755)
    monkeypatch.setenv(CLI_VARIABLE, str(program))
    monkeypatch.setattr(sessions, "watch", watch)
    request = Request(MeasurementPlan(), "simulated", 2, HostOptions(port=0))
    session = Session(str(tmp_path / "results.db"), request, Viewer())
    try:
        session._simulate()
    finally:
        session.close()


@pytest.mark.parametrize("ending", [None, KeyboardInterrupt])
def test_nothing_is_left_when_all_is_done_or_somebody_interrupts(tmp_path, place, monkeypatch, ending) -> None:
    seen = []

    def watch(*_: object, each_time) -> None:
        each_time()
        seen.extend(path.name for path in place.glob("*/*"))
        if ending is not None:
            raise ending

    code = f"import signal\nsignal.signal({signal.SIGTERM:d}, signal.SIG_DFL)\nsignal.pause()"
    if ending is None:
        simulate(tmp_path, monkeypatch, code, watch)
    else:
        with pytest.raises(ending):
            simulate(tmp_path, monkeypatch, code, watch)
    assert sorted(seen) == ["phone-1", "phone-2"]
    assert list(place.iterdir()) == []


def test_the_log_of_phones_that_ended_by_themselves_is_kept(tmp_path, place, monkeypatch) -> None:
    def watch(*_: object, each_time) -> None:
        while True:
            each_time()

    with pytest.raises(HostError, match="no disk") as ended:
        simulate(tmp_path, monkeypatch, "import sys\nsys.exit('no disk')", watch)
    assert Path(ended.value.where).read_text().strip() == "no disk"
