"""The protocols, in the order that `--help` shows them; the first is the default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mobiledeploy.bench.protocols.median import MedianProtocol
from mobiledeploy.bench.protocols.mlperf import SingleStreamProtocol
from mobiledeploy.bench.protocols.modelbench import ModelBenchProtocol
from mobiledeploy.errors import InputError

if TYPE_CHECKING:
    from mobiledeploy.bench.protocols.protocol import LatencyProtocol

__all__ = ["PROTOCOLS", "protocol_named"]

PROTOCOLS: tuple[LatencyProtocol, ...] = (ModelBenchProtocol(), SingleStreamProtocol(), MedianProtocol())


def protocol_named(name: str) -> LatencyProtocol:
    """Raises InputError for a name that no protocol has."""
    for protocol in PROTOCOLS:
        if protocol.name == name:
            return protocol
    known = ", ".join(protocol.name for protocol in PROTOCOLS)
    raise InputError(f"no protocol is called {name!r}", where="--protocol", remedy=f"Use one of {known}.")
