"""The host as a whole: store, blobs, queue and HTTP in one place, in a thread of its own."""

from __future__ import annotations

import logging
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn

from mobiledeploy.errors import HostError
from mobiledeploy.server.address import LOOPBACK, bind, reachable
from mobiledeploy.server.app import build_app
from mobiledeploy.server.blobs import Blobs
from mobiledeploy.server.desk import Desk
from mobiledeploy.server.folder_identity import folder_identity
from mobiledeploy.server.guard import GuardedProtocol
from mobiledeploy.server.ledger import Ledger, open_ledger
from mobiledeploy.server.pairing import Pairing, Terms, pairing_link
from mobiledeploy.server.queue import ATTEMPTS, JobQueue
from mobiledeploy.server.reading import PATIENCE, Patience
from mobiledeploy.server.store_url import is_url, sqlite_file, store_url

__all__ = ["DEFAULT_PORT", "Host", "HostOptions", "Place", "open_place"]

DEFAULT_PORT = 8477
_START_SECONDS = 10.0

# what strangers send is no news for the screen; a failure of ours is shown by the application itself
logging.getLogger("uvicorn").addHandler(logging.NullHandler())


@dataclass(frozen=True)
class HostOptions:
    """`host`: the address to listen on. `port`: 0 for any free one. `attempts`: how often one job is given out."""

    host: str = LOOPBACK
    port: int = DEFAULT_PORT
    terms: Terms = field(default_factory=Terms)
    patience: Patience = PATIENCE
    attempts: int = ATTEMPTS


@dataclass(frozen=True)
class Place:
    """A store and the blobs beside it."""

    ledger: Ledger
    blobs: Blobs


def open_place(store: str, blobs: Path | None = None, *, make: bool = True) -> Place:
    """The store at `store` (see `open_ledger`) and its blobs: in `blobs`, or for an SQLite file in the folder of its
    name with `.blobs` behind it, else in exports/results.blobs."""
    ledger = open_ledger(store, make=make)
    return Place(ledger, Blobs(blobs or _beside(store)))


def _beside(store: str) -> Path:
    url = store_url(store)
    if url.get_backend_name() != "sqlite":
        return Path("exports/results.blobs")
    return (sqlite_file(url) if is_url(store) else Path(store)).with_suffix(".blobs")


class Host:
    """A context manager: listens while it lasts. `listener`: a socket that is bound already, as `options` say.

    Raises HostError where the port cannot be had.
    """

    def __init__(self, place: Place, options: HostOptions | None = None, listener: socket.socket | None = None) -> None:
        self.options = options or HostOptions()
        self.place = place
        self.pairing = Pairing(place.ledger, self.options.terms)
        files = folder_identity(place.blobs.folder)
        self.queue = JobQueue(place.ledger, self.options.terms, attempts=self.options.attempts, files=files)
        self.desk = Desk(place.ledger, place.blobs, self.pairing, self.queue)
        self._socket = listener or bind(self.options.host, self.options.port)
        self.port = int(self._socket.getsockname()[1])
        self._server = uvicorn.Server(
            uvicorn.Config(
                build_app(self.desk, self.options.patience),
                http=GuardedProtocol,
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=2,
            )
        )
        self._thread = threading.Thread(target=self._serve, name="mobiledeploy-host", daemon=True)

    @property
    def address(self) -> str:
        """What a phone is told. Raises HostError where this machine has no address on a network."""
        return reachable(self.options.host, self.port)

    def link(self) -> tuple[str, str]:
        """A new token, and the URL that pairs a phone with it."""
        token = self.pairing.token()
        return token, pairing_link(self.address, token)

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])

    def __enter__(self) -> Self:
        self.place.blobs.clear_incoming()
        self._thread.start()
        until = time.monotonic() + _START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > until:
                raise HostError("the host did not start", where=self.address, remedy="Run it again with --debug.")
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.desk.stopping.set()
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
        self.place.ledger.close()
