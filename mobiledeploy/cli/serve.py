"""`mobiledeploy serve`: the host, until it is stopped."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from mobiledeploy.cli.host_options import HostAddress, Lan, Port, Store, listening
from mobiledeploy.cli.options import JsonFlag

if TYPE_CHECKING:
    from mobiledeploy.cli.progress import StepProgress
    from mobiledeploy.cli.screen import Screen
    from mobiledeploy.server.host import Host

__all__ = ["PairingOffer", "serve"]

_RENEW_SECONDS = 540.0


def serve(  # noqa: PLR0917 - a parameter per option
    context: typer.Context,
    lan: Lan = False,
    host: HostAddress = None,
    port: Port = 8477,
    store: Store = "exports/results.db",
    seconds: Annotated[float | None, typer.Option(metavar="N", help="Stop after so long.", min=0.0)] = None,
    _json: JsonFlag = False,
) -> None:
    """Be the host for many phones: pair them, and give out the jobs that are in the store, until Ctrl-C.

    `mobiledeploy bench --queue` adds jobs to the same store from another terminal.
    """
    screen: Screen = context.obj
    options = listening(lan=lan, host=host, port=port)
    with screen.working() as progress:
        progress.step("Starting the host")
        from mobiledeploy.server.address import bind
        from mobiledeploy.server.host import Host, open_place
        from mobiledeploy.server.store_url import shown_store

        shown = shown_store(store)
        with bind(options.host, options.port) as listener, Host(open_place(store), options, listener) as running:
            progress.step(f"Serving {shown} at {running.address}")
            _serve(running, progress, seconds)
    screen.show(f"Stopped. {shown} has all that was reported.", document={"store": shown})


def _serve(host: "Host", progress: "StepProgress", seconds: float | None) -> None:
    from mobiledeploy.campaign.watch import watch_all

    until = None if seconds is None else time.monotonic() + seconds
    offer = PairingOffer(host, progress)

    def go_on() -> bool:
        offer.renew()
        return until is None or time.monotonic() < until

    watch_all(host, progress, each_time=go_on)


class PairingOffer:
    """A code on the screen that pairs one phone."""

    def __init__(self, host: "Host", progress: "StepProgress") -> None:
        self._host = host
        self._progress = progress
        self._show()

    def _show(self) -> None:
        from mobiledeploy.cli.pairing_code import code_text

        self._token, link = self._host.link()
        self._shown = time.monotonic()
        drawn = self._progress.is_terminal
        self._progress.show(code_text(link, self._host.address, self._token, drawn=drawn))

    def renew(self) -> None:
        """Says who has paired; a new code where the one on the screen was used or is about to expire."""
        used = self._host.pairing.is_used(self._token)
        if used:
            device = self._host.pairing.devices()[-1].identity
            self._progress.note(f"paired: {device.name or device.hardware} ({device.hardware})")
        if used or time.monotonic() - self._shown > _RENEW_SECONDS:
            self._show()
