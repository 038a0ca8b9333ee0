"""The host as an ASGI application: the paths, and what surrounds all of them."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Router

from mobiledeploy.server.answers import RefusalAnswer
from mobiledeploy.server.paths import Paths
from mobiledeploy.server.reading import PATIENCE, Patience
from mobiledeploy.server.refusal import Refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from mobiledeploy.server.desk import Desk

__all__ = ["build_app"]

_MOST_REQUESTS = 256


def build_app(desk: Desk, patience: Patience = PATIENCE) -> ASGIApp:
    """The application. Every answer of 400 and above has a Problem as its body."""
    router = Router(Paths(desk, patience).routes(), redirect_slashes=False)
    return _Gate(router, patience, desk.note_failure)


class _Gate:
    """Around everything: so many requests at a time, and every failure as a Problem."""

    def __init__(self, router: Router, patience: Patience, failed: Callable[[Exception], None]) -> None:
        self._router = router
        self._patience = patience
        self._failed = failed
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        began = exhausted = False

        async def heard() -> Any:
            nonlocal exhausted
            message = await receive()
            exhausted = exhausted or not message.get("more_body", False)
            return message

        async def watched(message: Any) -> None:
            nonlocal began
            began = began or message["type"] == "http.response.start"
            await send(message)

        self._inside += 1
        try:
            if self._inside > _MOST_REQUESTS:
                raise Refusal(503, "busy", "too many requests at once", "Come again.", retry_after=1)
            # with an `app` in the scope the router raises what it does not find, and does not answer by itself
            await self._router(dict(scope) | {"app": self}, heard, watched)
        except ClientDisconnect:
            return
        except Exception as error:
            if not isinstance(error, Refusal | HTTPException):
                traceback.print_exception(error)  # seen with --debug
                self._failed(error)
            if began:
                raise
            await RefusalAnswer(_refusal(error), self._patience, unread=not exhausted)(scope, receive, send)
        finally:
            self._inside -= 1


def _refusal(error: Exception) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, HTTPException):
        status, what = (
            (405, "the path has no such method") if error.status_code == 405 else (404, "there is no such path")
        )
        allowed = {name.lower(): value for name, value in (error.headers or {}).items()}
        return Refusal(status, "not-found", what, "See docs/protocol.md.", headers=allowed)
    # why is for the people at the screen: a database's words tell of its users and addresses
    return Refusal(500, "internal", "the host failed", "Look at the host's screen; the phone tries again.")
