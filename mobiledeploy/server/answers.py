"""Records and files as HTTP answers."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from mobiledeploy.records import codec
from mobiledeploy.server.reading import PATIENCE, Patience, drain
from mobiledeploy.server.refusal import Refusal

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

__all__ = ["RefusalAnswer", "file_answer", "record_answer"]

_CHUNK = 256 * 1024
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def record_answer(record: Any, status: int = 200) -> Response:
    return Response(codec.dumps(record), status_code=status, media_type="application/json")


class RefusalAnswer:
    """The Problem of a refusal. `unread`: some of the body may be to come; it is thrown away, and the connection
    closed: a client that is busy sending would otherwise meet a broken connection in the place of the answer."""

    def __init__(self, refusal: Refusal, patience: Patience = PATIENCE, *, unread: bool = True) -> None:
        self._refusal = refusal
        self._patience = patience
        self._unread = unread
        self._content = codec.dumps(refusal.problem).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {"content-type": "application/json", "content-length": str(len(self._content))}
        headers |= self._refusal.headers
        if self._unread:
            headers["connection"] = "close"
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": self._refusal.problem.status, "headers": encoded})
        content = b"" if scope["method"] == "HEAD" else self._content
        await send({"type": "http.response.body", "body": content, "more_body": True})
        if self._unread:
            await drain(Request(scope, receive), self._patience)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def file_answer(path: Path, asked: str | None) -> Response:
    """The file, or the range of it that the header `Range` asks for. Raises Refusal for one outside of it.

    A header of another form is passed over (RFC 9110, section 14.2).
    """
    size = path.stat().st_size
    match = _RANGE.fullmatch(asked or "")
    headers = {"accept-ranges": "bytes", "content-length": str(size), "content-type": "application/octet-stream"}
    if match is None or match.groups() == ("", ""):
        return StreamingResponse(_chunks(path, 0, size), headers=headers)
    first, last = _bounds(match[1], match[2], size)
    if first > last:
        remedy = "Ask for a range inside of it."
        raise Refusal(416, "range", f"the blob has {size} bytes", remedy, headers={"content-range": f"bytes */{size}"})
    headers |= {"content-length": str(last - first + 1), "content-range": f"bytes {first}-{last}/{size}"}
    return StreamingResponse(_chunks(path, first, last - first + 1), status_code=206, headers=headers)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return (max(0, size - int(last)), size - 1) if int(last) else (size, size - 1)
    if last and int(last) < int(first):
        return size, size - 1
    return int(first), min(int(last), size - 1) if last else size - 1


async def _chunks(path: Path, start: int, count: int) -> AsyncIterator[bytes]:
    with path.open("rb") as stream:
        stream.seek(start)
        while count > 0 and (chunk := await run_in_threadpool(stream.read, min(_CHUNK, count))):
            count -= len(chunk)
            yield chunk
