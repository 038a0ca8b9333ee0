"""Tokens over time and as people read them, with a clock that the test moves."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from wire_client import APP, DEVICE

from mobiledeploy.records import PairingRequest
from mobiledeploy.server.host import Place, open_place
from mobiledeploy.server.pairing import Pairing, Terms
from mobiledeploy.server.refusal import Refusal


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return open_place(str(tmp_path / "results.db"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pairing(place: Place, clock: Clock) -> Pairing:
    return Pairing(place.ledger, Terms(), clock)


def asked(token: str, protocols: tuple[int, ...] = (1,)) -> PairingRequest:
    return PairingRequest(token, DEVICE, APP, protocols)


def refusal(pairing: Pairing, request: PairingRequest) -> tuple[str, str, str]:
    with pytest.raises(Refusal) as refused:
        pairing.pair(request)
    problem = refused.value.problem
    return problem.code, problem.message, problem.remedy


def test_a_token_lives_for_ten_minutes(pairing, clock) -> None:
    """As docs/protocol.md says. An answer that was lost is given again later, too."""
    early, late = pairing.token(), pairing.token()
    clock.now += 600
    answer = pairing.pair(asked(early))
    clock.now += 1
    assert refusal(pairing, asked(late))[:2] == ("token", "the pairing token has expired")
    assert pairing.pair(asked(early)) == answer


@pytest.mark.parametrize(("read", "shown"), [("I", "1"), ("L", "1"), ("O", "0"), ("i", "1"), ("l", "1"), ("o", "0")])
def test_letters_that_look_like_digits_are_read_as_such(pairing, monkeypatch, read: str, shown: str) -> None:
    monkeypatch.setattr(secrets, "choice", lambda alphabet: shown)
    token = pairing.token()
    assert token == f"{shown * 4}-{shown * 4}"
    assert pairing.pair(asked(read * 8)).device_id


@pytest.mark.parametrize(
    ("protocols", "remedy"),
    [
        ((2, 3), "Update mobiledeploy on the host."),
        ((0,), "Update the app on the phone."),
        ((), "Update the app on the phone."),
    ],
)
def test_a_version_that_is_not_spoken_leaves_the_token_as_it_was(pairing, protocols, remedy: str) -> None:
    token = pairing.token()
    assert refusal(pairing, asked(token, protocols))[::2] == ("protocol", remedy)
    assert not pairing.is_used(token)
    assert pairing.pair(asked(token)).protocol == 1
    assert pairing.is_used(token)


def test_a_paired_device_is_known_to_a_host_that_starts_later(pairing, place) -> None:
    answer = pairing.pair(asked(pairing.token()))
    later = Pairing(place.ledger, Terms())
    assert later.device(answer.secret).id == answer.device_id
    assert later.device(answer.secret + "x") is None
    assert [device.identity for device in later.devices()] == [DEVICE]
