"""Where a host can be reached."""

from __future__ import annotations

import socket

from mobiledeploy.errors import HostError

__all__ = ["LOOPBACK", "bind", "lan_address", "reachable"]

LOOPBACK = "127.0.0.1"
_ANY = ("0.0.0.0", "::")


def lan_address() -> str:
    """This machine's address on the network that its default route leaves by. Raises HostError where it has none.

    Connecting a UDP socket sends nothing; it makes the system choose the address that it would send from. 192.0.2.1 is
    nobody's (RFC 5737).
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            found = str(probe.getsockname()[0])
        except OSError:
            found = ""
    if not found or found.startswith("127."):
        remedy = "Join the phone's network, or name the address that the phone reaches with --host."
        raise HostError("this machine has no address on a network", where="--lan", remedy=remedy)
    return found


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens there; any free port for 0. Raises HostError where it cannot be had."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or str(error)
        remedy = "Stop the other host, or choose another --port; --host must be an address of this machine."
        raise HostError(f"cannot listen on {host}:{port}: {reason}", where="--port", remedy=remedy) from None
    return listener


def reachable(host: str, port: int) -> str:
    """The address that a phone is told, as http://192.168.1.20:8477."""
    name = lan_address() if host in _ANY else host
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
