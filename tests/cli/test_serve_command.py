"""`mobiledeploy serve`: its address, its codes, and what it says."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
import segno

from mobiledeploy.cli.pairing_code import code_text
from mobiledeploy.server.host import Host

LINK = "mobiledeploy://pair?host=http://192.168.1.20:8477&token=7KQ2-M9XD"


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "results.db")


def test_it_serves_on_this_machine_and_shows_how_to_pair(command, store) -> None:
    outcome = command("serve", "--port", 0, "--store", store, "--seconds", 0.1, "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out) == {"store": store}
    assert "Pair a phone with mobiledeploy://pair?host=http://127.0.0.1:" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "host"),
    [([], "127.0.0.1"), (["--lan"], "0.0.0.0"), (["--host", "127.0.0.2"], "127.0.0.2")],
)
def test_it_listens_where_it_is_told(command, store, monkeypatch, arguments, host: str) -> None:
    seen = []
    monkeypatch.setattr("mobiledeploy.server.host.reachable", lambda host, port: f"http://x:{port}")
    monkeypatch.setattr(Host, "link", lambda self: seen.append(self.options.host) or ("T", "mobiledeploy://pair"))
    command("serve", "--port", 0, "--store", store, "--seconds", 0.0, *arguments)
    assert seen == [host]


def test_two_addresses_contradict_each_other(command, store) -> None:
    outcome = command("serve", "--lan", "--host", "127.0.0.1", "--store", store)
    assert (outcome.code, "--lan and --host contradict each other" in outcome.err) == (2, True)


def test_a_port_that_is_taken_is_named(command, store, tmp_path) -> None:
    from mobiledeploy.server.address import bind

    taken = bind("127.0.0.1", 0)
    port = taken.getsockname()[1]
    outcome = command("serve", "--port", port, "--store", store)
    taken.close()
    assert outcome.code == 5
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in outcome.err


def test_a_network_that_is_not_there_is_named(command, store, monkeypatch) -> None:
    import socket

    monkeypatch.setattr(socket.socket, "connect", lambda self, address: (_ for _ in ()).throw(OSError()))
    outcome = command("serve", "--lan", "--port", 0, "--store", store, "--seconds", 0.1)
    assert outcome.code == 5
    assert "this machine has no address on a network" in outcome.err


def test_a_used_code_is_followed_by_a_new_one(command, store, monkeypatch) -> None:
    """Paired while it serves: it says who, and shows the next code."""
    monkeypatch.setattr("mobiledeploy.campaign.watch._POLL_SECONDS", 0.02)
    link, paired = Host.link, []

    def first_time(self):
        token, text = link(self)
        if not paired:
            paired.append(token)
            threading.Thread(target=_pair, args=(self, token)).start()
        return token, text

    monkeypatch.setattr(Host, "link", first_time)
    outcome = command("serve", "--port", 0, "--store", store, "--seconds", 1.5)
    assert "paired: a test (iPhone13,2)" in outcome.err
    assert outcome.err.count("Pair a phone with") == 2


def _pair(host: Host, token: str) -> None:
    from mobiledeploy.records import AppIdentity, DeviceIdentity, PairingRequest

    device = DeviceIdentity("phone", "iPhone13,2", "a test", "iOS", "18.1", "22B83", 6, 1)
    host.pairing.pair(PairingRequest(token, device, AppIdentity("0", "x", "release"), (1,)))


def test_the_picture_is_the_code_of_the_link() -> None:
    """Two rows of modules in each line of characters."""
    shown = code_text(LINK, "http://192.168.1.20:8477", "7KQ2-M9XD")
    *lines, typed = shown.plain.splitlines()
    rows = []
    for line in lines:
        rows.append([cell in "▀█" for cell in line])
        rows.append([cell in "▄█" for cell in line])
    expected = [[bool(cell) for cell in row] for row in segno.make(LINK, error="m", micro=False).matrix_iter(border=2)]
    assert rows[: len(expected)] == expected
    assert typed == "Scan this in the app, or type there: http://192.168.1.20:8477 and 7KQ2-M9XD"


def test_where_nothing_can_be_drawn_the_link_is_written() -> None:
    plain = code_text(LINK, "http://192.168.1.20:8477", "7KQ2-M9XD", drawn=False).plain
    assert plain.splitlines() == [
        f"Pair a phone with {LINK}",
        "or type in the app: http://192.168.1.20:8477 and 7KQ2-M9XD",
    ]
