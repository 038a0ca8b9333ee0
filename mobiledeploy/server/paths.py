"""The paths of docs/protocol.md, version 1."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from mobiledeploy.errors import PackageError
from mobiledeploy.records import Heartbeat, HeartbeatAnswer, PairingRequest, Release, codec
from mobiledeploy.server.answers import file_answer, record_answer
from mobiledeploy.server.blobs import is_digest
from mobiledeploy.server.reading import Patience, body, pieces
from mobiledeploy.server.reception import read_report, refused_document
from mobiledeploy.server.refusal import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

    from mobiledeploy.server.desk import Desk

__all__ = ["LARGE", "SMALL", "Paths"]

SMALL = 64 * 1024
LARGE = 64 * 1024 * 1024
"""Bytes of a body: of pairing, heartbeats and releases; of reports and blobs."""

_POLL_SECONDS = 0.5

T = TypeVar("T")


class Paths:
    """One method per path; each raises Refusal."""

    def __init__(self, desk: Desk, patience: Patience) -> None:
        self._desk = desk
        self._patience = patience
        self._reading = asyncio.Lock()

    def routes(self) -> list[Route]:
        return [
            Route("/v1/pairings", self.pair, methods=["POST"]),
            Route("/v1/jobs/next", self.next_job, methods=["GET"]),
            Route("/v1/leases/{lease}/heartbeat", self.heartbeat, methods=["POST"]),
            Route("/v1/leases/{lease}/release", self.release, methods=["POST"]),
            Route("/v1/blobs/{digest}", self.blob, methods=["GET", "PUT"]),
            Route("/v1/jobs/{job}/report", self.put_report, methods=["PUT"]),
        ]

    async def _record(self, request: Request, kind: type[T]) -> T:
        content = await body(request, SMALL, self._patience)
        try:
            return codec.loads(kind, content.decode(), where="body", remedy="Update the app on the phone.")
        except UnicodeDecodeError:
            raise Refusal(400, "malformed", "the body is not UTF-8", "Update the app on the phone.") from None
        except PackageError as error:
            raise refused_document(error) from None

    async def pair(self, request: Request) -> Response:
        address = request.client.host if request.client else ""
        self._desk.allow_pairing(address)
        asked = await self._record(request, PairingRequest)
        try:
            return record_answer(await run_in_threadpool(self._desk.pairing.pair, asked), 201)
        except Refusal as refusal:
            if refusal.problem.code == "token":
                self._desk.note_wrong_token(address)
            raise

    async def next_job(self, request: Request) -> Response:
        device, seconds = await self._desk.device(request), _wait(request)
        until = time.monotonic() + seconds
        while True:
            if self._desk.stopping.is_set():
                raise Refusal(503, "busy", "the host is stopping", "Come again.", retry_after=2)
            if (lease := await run_in_threadpool(self._desk.queue.take, device)) is not None:
                return record_answer(lease)
            if time.monotonic() >= until or await request.is_disconnected():
                return Response(status_code=204)
            await asyncio.sleep(min(_POLL_SECONDS, max(0.0, until - time.monotonic())))

    async def heartbeat(self, request: Request) -> Response:
        device, lease = await self._desk.device(request), request.path_params["lease"]
        beat = await self._record(request, Heartbeat)
        cancelled = await run_in_threadpool(self._desk.queue.renew, device, lease, beat.progress)
        return record_answer(HeartbeatAnswer(cancelled))

    async def release(self, request: Request) -> Response:
        device, lease = await self._desk.device(request), request.path_params["lease"]
        await run_in_threadpool(self._desk.queue.release, device, lease, await self._record(request, Release))
        return Response(status_code=204)

    async def blob(self, request: Request) -> Response:
        return await (self.put_blob if request.method == "PUT" else self.get_blob)(request)

    async def get_blob(self, request: Request) -> Response:
        device, digest = await self._desk.device(request), _digest(request)
        path = await run_in_threadpool(self._desk.blobs.find, digest)
        if not await run_in_threadpool(self._desk.offers, device, digest):
            if path is None:
                raise _no_blob()
            raise Refusal(403, "forbidden", "no job of this device needs this blob", "Ask for the next job.")
        if path is None:
            raise _no_blob()
        return file_answer(path, request.headers.get("range"))

    async def put_blob(self, request: Request) -> Response:
        device, digest = await self._desk.device(request), _digest(request)
        await run_in_threadpool(self._desk.expects, device, 0)
        known = await run_in_threadpool(self._desk.blobs.find, digest) is not None
        with self._desk.blobs.receive(digest) as incoming:
            size = 0
            async for piece in pieces(request, LARGE, self._patience):
                size += len(piece)
                incoming.write(piece)
            if not known:
                await run_in_threadpool(self._desk.expects, device, size)
            if not await run_in_threadpool(incoming.keep):
                raise Refusal(400, "digest", "the bytes do not have the hash in the path", "Send the blob again.")
        return Response(status_code=200 if known else 201)

    async def put_report(self, request: Request) -> Response:
        device, job = await self._desk.device(request), str(request.path_params["job"])
        content = await body(request, LARGE, self._patience)
        async with self._reading:  # one at a time: a hostile one may take a few hundred megabytes while it is read
            reported = await run_in_threadpool(read_report, content)
            receipt = await run_in_threadpool(self._desk.reception.take, device, job, reported)
        return record_answer(receipt, 201 if receipt.first else 200)


def _no_blob() -> Refusal:
    return Refusal(404, "not-found", "there is no such blob", "Ask for the next job.")


def _digest(request: Request) -> str:
    digest = str(request.path_params["digest"])
    if not is_digest(digest):
        raise _no_blob()
    return digest


def _wait(request: Request) -> float:
    text = request.query_params.get("wait", "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 2 and int(text) <= 60):
        raise Refusal(400, "malformed", "`wait` is a whole number of seconds from 0 to 60", "Ask as in `wait=25`.")
    return float(text)
