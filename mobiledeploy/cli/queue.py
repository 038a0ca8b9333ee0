"""`mobiledeploy queue`: the jobs that are in a store and have no report yet."""

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mobiledeploy.cli import options
from mobiledeploy.cli.host_options import Store
from mobiledeploy.cli.options import JsonFlag
from mobiledeploy.errors import InputError
from mobiledeploy.records.codec import encode

if TYPE_CHECKING:
    from mobiledeploy.cli.screen import Screen
    from mobiledeploy.server.host import Place
    from mobiledeploy.server.queue import JobQueue

__all__ = ["queue"]

_ACTIONS = ("list", "cancel")
_WHAT = "To cancel: ids of jobs, or what their ids have in common, which is the campaign that one `bench` began."


def queue(
    context: typer.Context,
    action: Annotated[str, typer.Argument(metavar="list|cancel")] = "list",
    names: Annotated[list[str] | None, typer.Argument(metavar="[JOB|CAMPAIGN]...", help=_WHAT)] = None,
    everything: Annotated[bool, typer.Option("--all", help="Cancel every job.")] = False,
    store: Store = "exports/results.db",
    _json: JsonFlag = False,
) -> None:
    """List or cancel the jobs that wait for a phone or run on one."""
    screen: Screen = context.obj
    chosen = options.choice(action, _ACTIONS, "ACTION", "thing to do with a queue")
    given = names or []
    _check(chosen, given, everything=everything)
    with screen.working() as progress:
        progress.step("Reading the store")
        from mobiledeploy.server.host import open_place
        from mobiledeploy.server.pairing import Terms
        from mobiledeploy.server.queue import JobQueue

        place = open_place(store, make=False)
        with closing(place.ledger):
            waiting = JobQueue(place.ledger, Terms())
            shown, document = _list(place, waiting) if chosen == "list" else _cancel(waiting, given)
    screen.show(*shown, document=document)


def _check(action: str, names: list[str], *, everything: bool) -> None:
    if action == "list" and (names or everything):
        where = names[0] if names else "--all"
        raise InputError("`list` takes no further argument", where=where, remedy="Use `queue cancel`.")
    if action == "cancel" and bool(names) == everything:
        what = "`cancel` needs to know what: jobs, campaigns, or --all"
        raise InputError(what, where="JOB", remedy="`mobiledeploy queue` lists them.")


def _list(place: "Place", waiting: "JobQueue") -> tuple[list[Any], dict[str, Any]]:
    from mobiledeploy.cli.job_table import jobs_as_table
    from mobiledeploy.server.pairing import Pairing, Terms

    states = waiting.unfinished()
    devices = Pairing(place.ledger, Terms()).devices()
    names = {device.id: device.identity.name or device.identity.hardware for device in devices}
    shown = jobs_as_table(states, names) if states else "no job waits or runs"
    return [shown], {"jobs": encode(states)}


def _cancel(waiting: "JobQueue", names: list[str]) -> tuple[list[Any], dict[str, Any]]:
    """Every name is looked up before anything is cancelled. Raises InputError."""
    states = waiting.unfinished()
    campaigns = {state.campaign for state in states}
    known = campaigns | {state.id for state in states}
    for name in names:
        if name not in known:
            what = f"no job or campaign that is open is called `{name}`"
            raise InputError(what, where=name, remedy="`mobiledeploy queue` lists the jobs that are.")
    count = sum(waiting.cancel(name, "cancelled by `mobiledeploy queue`") for name in names or sorted(campaigns))
    return [f"cancelled: {count}"], {"cancelled": count}
