"""The options that `serve` and `bench` share: where the host listens and what it keeps."""

from typing import TYPE_CHECKING, Annotated

import typer

from mobiledeploy.errors import InputError

if TYPE_CHECKING:
    from mobiledeploy.server.host import HostOptions

__all__ = ["HostAddress", "Lan", "Port", "Store", "listening"]

Lan = Annotated[bool, typer.Option("--lan", help="Let phones on the local network in; else only this machine.")]
HostAddress = Annotated[
    str | None, typer.Option("--host", metavar="ADDRESS", help="Listen on this address of this machine only.")
]
Port = Annotated[int, typer.Option(metavar="N", help="TCP port; 0 for any free one.", min=0, max=65535)]
Store = Annotated[str, typer.Option(metavar="FILE|URL", help="Results: an SQLite file, or a PostgreSQL URL.")]


def listening(*, lan: bool, host: str | None, port: int) -> "HostOptions":
    """Raises InputError where both are asked for."""
    from mobiledeploy.server.host import HostOptions

    if lan and host is not None:
        raise InputError("--lan and --host contradict each other", where="--host", remedy="Give one of them.")
    return HostOptions(host=host or ("0.0.0.0" if lan else "127.0.0.1"), port=port)
