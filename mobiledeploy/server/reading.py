"""The body of a request, in pieces: never more of it than is allowed, never for longer than is decent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mobiledeploy.server.refusal import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["PATIENCE", "Patience", "body", "drain", "pieces"]


@dataclass(frozen=True)
class Patience:
    """A body must come at `bytes_per_second` on the average, after a grace of `seconds`. What is refused is read for
    `drain_seconds` more and thrown away, so that the sender sees the answer before the connection is closed."""

    seconds: float = 15.0
    bytes_per_second: float = 16 * 1024
    drain_seconds: float = 2.0


PATIENCE = Patience()


async def pieces(request: Request, limit: int, patience: Patience = PATIENCE) -> AsyncIterator[bytes]:
    """The body as it comes. Raises Refusal: `too-large` as soon as that is known, `slow`, `malformed`."""
    declared = request.headers.get("content-length")
    if declared is not None and (not declared.isascii() or not declared.isdigit()):
        raise Refusal(400, "malformed", "Content-Length is no number", "Send the number of bytes.")
    if declared is not None and (len(declared) > 18 or int(declared) > limit):
        raise _too_large(limit)
    started, received = asyncio.get_running_loop().time(), 0
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout_at(started + patience.seconds + received / patience.bytes_per_second):
                piece = await anext(stream, None)
        except TimeoutError:
            raise Refusal(408, "slow", "the body came too slowly", "Send it again over a better network.") from None
        if piece is None:
            return
        received += len(piece)
        if received > limit:
            raise _too_large(limit)
        yield piece


async def body(request: Request, limit: int, patience: Patience = PATIENCE) -> bytes:
    """The whole body, at most `limit` bytes. Raises Refusal as `pieces` does."""
    return b"".join([piece async for piece in pieces(request, limit, patience)])


def _too_large(limit: int) -> Refusal:
    return Refusal(413, "too-large", f"the body is larger than {limit} bytes", "Send less.")


async def drain(request: Request, patience: Patience = PATIENCE) -> None:
    """Reads what still comes and throws it away, for a while."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience.drain_seconds):
            while (await request.receive()).get("more_body", False):
                pass
