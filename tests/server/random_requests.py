"""Requests that nobody sends on purpose."""

from __future__ import annotations

import random

__all__ = ["random_request"]

_METHODS = ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "BREW")
_REAL = (
    "GET /v1/jobs/next?wait=0",
    "POST /v1/pairings",
    "POST /v1/leases/x/heartbeat",
    "POST /v1/leases/x/release",
    "GET /v1/blobs/" + "0" * 64,
    "PUT /v1/blobs/" + "0" * 64,
    "PUT /v1/jobs/x/report",
)
_PARTS = ("v1", "jobs", "next", "leases", "blobs", "pairings", "report", "..", "%00", "heartbeat", "0" * 64, "\u00fc%")


def random_request(generator: random.Random, secret: str) -> bytes:
    """One request that is to be refused: a path of ours with a body that is none, or a path that nobody has; at times
    with the secret of a paired device, at times no HTTP at all. It never asks to wait, and it closes the connection."""
    if generator.random() < 0.5:
        line = generator.choice(_REAL)
    else:
        path = "/" + "/".join(generator.choice(_PARTS) for _ in range(generator.randrange(6)))
        line = f"{generator.choice(_METHODS)} {path}"
    content = generator.randbytes(generator.randrange(2000))
    head = f"{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(content)}\r\n"
    if generator.random() < 0.3 and "jobs/next" not in line:
        head += f"Authorization: Bearer {secret}\r\n"
    if generator.random() < 0.1:
        head = head.replace(" ", "\x01", 1)
    return head.encode("utf-8") + b"\r\n" + content
