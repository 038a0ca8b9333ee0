"""How a phone becomes known: a one-time token against a secret of its own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Row, insert, select

from mobiledeploy.records import DeviceIdentity, PairingAnswer, PairingRequest, codec
from mobiledeploy.records.exchange import PROTOCOL
from mobiledeploy.server.ledger import Ledger, utc
from mobiledeploy.server.refusal import Refusal
from mobiledeploy.server.tables import devices, tokens

__all__ = ["TOKEN_SECONDS", "Device", "Pairing", "Terms", "pairing_link"]

TOKEN_SECONDS = 600.0
"""For so long a token can be used after it was made."""

# Douglas Crockford's base 32: no letter that is read as a digit, and no U.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans({"I": "1", "L": "1", "O": "0", "-": None, " ": None})
_LENGTH = 8


@dataclass(frozen=True)
class Device:
    """A paired device."""

    id: str
    identity: DeviceIdentity


@dataclass(frozen=True)
class Terms:
    """How often a lease must be renewed, and when one that was not is lost, in seconds."""

    heartbeat_seconds: float = 5.0
    lease_seconds: float = 30.0


def pairing_link(address: str, token: str) -> str:
    """The URL of the QR code. `address`: of the host, as http://192.168.1.20:8477."""
    return f"mobiledeploy://pair?{urllib.parse.urlencode({'host': address, 'token': token}, safe=':/')}"


class Pairing:
    """Tokens and devices of one store. `clock`: seconds since the epoch."""

    def __init__(self, ledger: Ledger, terms: Terms, clock: Callable[[], float] = time.time) -> None:
        self._ledger = ledger
        self._terms = terms
        self._clock = clock
        self._key = ledger.key("pairing")
        self._known: dict[str, Device] = {}

    def token(self) -> str:
        """A new token, eight characters with a hyphen. The store keeps its hash."""
        text = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
        with self._ledger.writing() as connection:
            values = {"digest": _digest(text), "expires": self._clock() + TOKEN_SECONDS}
            connection.execute(insert(tokens).values(values))
        return f"{text[:4]}-{text[4:]}"

    def is_used(self, token: str) -> bool:
        """Whether a device has paired with it."""
        with self._ledger.reading() as connection:
            found = connection.execute(select(devices.c.id).where(devices.c.token == _digest(_plain(token))))
            return found.scalar() is not None

    def pair(self, request: PairingRequest) -> PairingAnswer:
        """Raises Refusal: `token` for one that is wrong, used by another, or expired; `protocol` without a version in
        common, which leaves the token unused."""
        token = _digest(_plain(request.token))
        asked = _digest(codec.dumps(replace(request, token=_plain(request.token))))
        secret = self._secret(token, asked)
        with self._ledger.writing() as connection:
            device = self._paired(connection, token, asked)
            protocol = _common(request.protocols)
            if device is None:
                device = secrets.token_hex(8)
                document = codec.dumps(request.device)
                row = {"id": device, "token": token, "request": asked, "secret": _digest(secret)}
                connection.execute(insert(devices).values(**row, document=document, paired=utc()))
        return PairingAnswer(device, secret, protocol, self._terms.heartbeat_seconds, self._terms.lease_seconds)

    def _paired(self, connection: Connection, token: str, asked: str) -> str | None:
        """The device that this very request has paired before."""
        found = connection.execute(select(devices.c.id, devices.c.request).where(devices.c.token == token)).first()
        if found is not None and hmac.compare_digest(found.request, asked):
            return str(found.id)
        expires = connection.execute(select(tokens.c.expires).where(tokens.c.digest == token)).scalar()
        if found is not None or expires is None or expires < self._clock():
            why = "was used before" if found is not None else "is not known" if expires is None else "has expired"
            raise Refusal(401, "token", f"the pairing token {why}", "Scan the code that the host shows now.")
        return None

    def _secret(self, token: str, asked: str) -> str:
        """The same for the same request, so that an answer which was lost can be given again; the store need not hold
        it for that."""
        digest = hmac.new(self._key, f"{token} {asked}".encode(), "sha256").digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def device(self, secret: str) -> Device | None:
        """The device with that secret."""
        digest = _digest(secret)
        if digest not in self._known:
            with self._ledger.reading() as connection:
                row = connection.execute(select(devices).where(devices.c.secret == digest)).first()
            if row is None:
                return None
            self._known[digest] = _device(row)
        return self._known[digest]

    def devices(self) -> tuple[Device, ...]:
        """All that ever paired, oldest first."""
        with self._ledger.reading() as connection:
            return tuple(_device(row) for row in connection.execute(select(devices).order_by(devices.c.paired)))


def _device(row: Row[tuple[str, ...]]) -> Device:
    return Device(row.id, codec.loads(DeviceIdentity, row.document, where=f"device {row.id}", remedy="Pair it again."))


def _common(offered: tuple[int, ...]) -> int:
    if PROTOCOL in offered:
        return PROTOCOL
    older = max(offered, default=0) < PROTOCOL
    remedy = "Update the app on the phone." if older else "Update mobiledeploy on the host."
    spoken = ", ".join(map(str, offered)) or "none"
    raise Refusal(426, "protocol", f"the phone speaks versions {spoken:.80}, the host {PROTOCOL}", remedy)


def _plain(token: str) -> str:
    return token.upper().translate(_READ_AS)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
