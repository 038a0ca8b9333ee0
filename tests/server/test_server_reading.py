"""How long a body may take: by its size, whatever comes in between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest
from starlette.requests import Request

from mobiledeploy.server.reading import Patience, body
from mobiledeploy.server.refusal import Refusal

PATIENCE = Patience(seconds=0.3, bytes_per_second=1000, drain_seconds=0.1)


def request(pieces: Sequence[bytes], pause: float, headers: Sequence[tuple[bytes, bytes]] = ()) -> Request:
    """A request whose body comes in pieces, with a pause before each."""
    rest = list(pieces)

    async def receive() -> dict[str, object]:
        await asyncio.sleep(pause)
        return {"type": "http.request", "body": rest.pop(0), "more_body": bool(rest)}

    return Request({"type": "http", "method": "PUT", "path": "/", "headers": list(headers)}, receive)


def refusal(asked: Request, limit: int = 10_000) -> tuple[int, str]:
    with pytest.raises(Refusal) as refused:
        asyncio.run(body(asked, limit, PATIENCE))
    return refused.value.problem.status, refused.value.problem.code


def test_pieces_that_trickle_do_not_wind_the_clock_up() -> None:
    started = time.monotonic()
    assert refusal(request([b"a"] * 30, 0.1)) == (408, "slow")
    assert time.monotonic() - started < 2


def test_what_has_come_earns_time() -> None:
    """1000 bytes are a second: six pieces at a tenth of a second take longer than the grace, and pass."""
    assert asyncio.run(body(request([b"a" * 500] * 6, 0.1), 10_000, PATIENCE)) == b"a" * 3000


def test_a_body_is_cut_where_it_becomes_too_large() -> None:
    assert asyncio.run(body(request([b"a" * 5000] * 2, 0), 10_000, PATIENCE)) == b"a" * 10_000
    assert refusal(request([b"a" * 5000, b"a" * 5000, b"a"], 0)) == (413, "too-large")


@pytest.mark.parametrize(
    ("length", "refused"),
    [
        (b"10001", (413, "too-large")),
        (b"9" * 19, (413, "too-large")),
        (b"-1", (400, "malformed")),
        (b"1e3", (400, "malformed")),
        (b"", (400, "malformed")),
    ],
)
def test_a_declared_length_is_judged_before_anything_is_read(length: bytes, refused: tuple[int, str]) -> None:
    asked = request([], 0, [(b"content-length", length)])
    assert refusal(asked) == refused
