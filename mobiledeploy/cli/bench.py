"""`mobiledeploy bench`: models measured on phones."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from mobiledeploy.cli import options
from mobiledeploy.cli.export import Precision, Resolution, Weights
from mobiledeploy.cli.host_options import HostAddress, Lan, Port, Store, listening
from mobiledeploy.cli.options import JsonFlag
from mobiledeploy.errors import HostError, InputError, ParityError
from mobiledeploy.records import ExportOptions, MeasurementPlan
from mobiledeploy.records.codec import encode
from mobiledeploy.records.job import COMPUTE_UNITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mobiledeploy.campaign.session import Request, Session
    from mobiledeploy.campaign.sizes import ChosenSizes
    from mobiledeploy.cli.progress import StepProgress
    from mobiledeploy.cli.screen import Screen
    from mobiledeploy.records import BenchmarkSummary
    from mobiledeploy.server.queue import JobState

__all__ = ["bench"]

_WHAT = "MODEL as `mobiledeploy export` takes it, an exported folder, or anybody's .mlpackage or .mlmodel."
_UNITS = {"cpu": "cpuOnly", "gpu": "cpuAndGPU", "ne": "cpuAndNeuralEngine", "all": "all"}
_DEVICE = "lan: phones that pair; simulated; mac: this one; or a phone by devicectl's identifier, UDID or name."

_APP = "With --device UDID: the HarnessApp.app to install, if not the one that the documented command builds."
_SIZES = "Of a package for several sizes: which to measure (N or HxW), each by itself; its default one if not given."


def _option(metavar: str, text: str, **more: Any) -> Any:
    return typer.Option(metavar=metavar, help=text, **more)


def bench(  # noqa: PLR0917 - a parameter per option
    context: typer.Context,
    models: Annotated[list[str], typer.Argument(metavar="MODEL|PACKAGE...", help=_WHAT)],
    compute_units: Annotated[
        str, _option("cpu,gpu,ne,all", "Compute units, each measured by itself, taking turns.")
    ] = "cpu,gpu,ne,all",
    protocol: Annotated[str, _option("modelbench|mlperf-single-stream|median", "How long to measure.")] = "modelbench",
    device: Annotated[str | None, _option("lan|simulated|mac|UDID", _DEVICE)] = None,
    phones: Annotated[int, _option("N", "Measure each package on so many different phones.", min=1, max=100)] = 1,
    lan: Lan = False,
    host: HostAddress = None,
    port: Port = 8477,
    store: Store = "exports/results.db",
    queue: Annotated[
        bool, typer.Option("--queue", help="Only add the jobs; a running `serve` gives them out.")
    ] = False,
    rounds: Annotated[int | None, _option("N", "Other than the protocol's.", min=1, max=10000)] = None,
    iterations: Annotated[int | None, _option("N", "Per round, other than the protocol's.", min=1, max=10000)] = None,
    app: Annotated[Path | None, _option("PATH", _APP)] = None,
    sizes: Annotated[str | None, _option("N,N,…|all", _SIZES)] = None,
    output: Annotated[Path, _option("DIR", "Where a MODEL is exported to.")] = Path("exports"),
    weights: Weights = "auto",
    resolution: Resolution = None,
    precision: Precision = "float16",
    _json: JsonFlag = False,
) -> None:
    """Measure every MODEL or PACKAGE on phones: latency per compute unit, loads, parity on the device.

    The same command again goes on with what an interrupted one has left.
    """
    screen: Screen = context.obj
    exported = ExportOptions(
        weights=weights, resolution=options.resolution(resolution), precision=options.precision(precision)
    )
    named = options.names(compute_units)
    units = [_UNITS[options.choice(name, tuple(_UNITS), "--compute-units", "compute unit")] for name in named]
    every = sizes is not None and sizes.strip().lower() == "all"
    named_sizes = () if every else options.sizes(sizes, "--sizes")
    _check_device(device, app, phones, queue=queue)
    place = listening(lan=lan or (device == "lan" and host is None), host=host, port=port)
    with screen.working() as progress:
        progress.step("Loading libraries")
        from mobiledeploy.bench.protocols.table import protocol_named
        from mobiledeploy.campaign.session import Request, Session, check_listening
        from mobiledeploy.campaign.sizes import ChosenSizes
        from mobiledeploy.server.ledger import check_place

        plan = protocol_named(protocol).plan(
            MeasurementPlan(compute_units=cast("Any", tuple(u for u in COMPUTE_UNITS if u in units)))
        )
        chosen = ChosenSizes(named_sizes, every)
        request = Request(_changed(plan, rounds, iterations), device or "lan", phones, place, queue, chosen, app)
        check_place(store)
        check_listening(request)
        paths = _paths(models, output, exported, chosen, progress)
        with closing(Session(store, request, progress)) as session:
            summaries = _measure(session, paths, request, progress)
            states = session.states()
    _show(screen, session, states, summaries)


def _check_device(device: str | None, app: Path | None, phones: int, *, queue: bool) -> None:
    """Refuses what is only of phones that devicectl knows, and what is only of those that pair."""
    paired, attached = device in (None, "lan", "simulated"), device not in (None, "lan", "simulated", "mac")
    if app is not None and not attached:
        remedy = "Name the phone: --device UDID. `xcrun devicectl list devices` shows it."
        raise InputError("--app is of a phone that devicectl knows", where="--app", remedy=remedy)
    if queue and not paired:
        remedy = "Leave --queue out; or --device, for phones that pair."
        raise InputError(f"nothing gives out a queue to {device}", where="--queue", remedy=remedy)
    if phones > 1 and not paired:
        remedy = "Leave --phones out, or run the command once for each device."
        raise InputError(f"{device} is one device, not {phones}", where="--phones", remedy=remedy)


def _changed(plan: MeasurementPlan, rounds: int | None, iterations: int | None) -> MeasurementPlan:
    from dataclasses import replace

    return replace(plan, rounds=rounds or plan.rounds, iterations=iterations or plan.iterations)


def _paths(
    models: "Sequence[str]", output: Path, wanted: ExportOptions, chosen: "ChosenSizes", progress: "StepProgress"
) -> "tuple[Path, ...]":
    """Packages and exported folders with one: those that were named, and of the models that were, now exported. Each
    has the sizes that were asked for."""
    from mobiledeploy.campaign.prepare import is_package, measurable

    paths: list[Path] = []
    for model in dict.fromkeys(models):
        if is_package(model):
            progress.step(f"Reading {model}")
            path = Path(model)
        else:
            from mobiledeploy import pipeline

            path = pipeline.export(model, output=output, options=wanted, progress=progress).folder
        measurable(path, chosen)
        paths.append(path)
    return tuple(paths)


def _measure(
    session: "Session", paths: "tuple[Path, ...]", request: "Request", progress: "StepProgress"
) -> "tuple[BenchmarkSummary, ...]":
    from mobiledeploy.cli.serve import PairingOffer

    if request.device == "lan" and request.listening.host == "127.0.0.1" and not request.queue_only:
        progress.warn("Only this machine can reach the host. For phones add --lan.")
    try:
        return session.run(paths, lambda running: PairingOffer(running, progress).renew)
    except KeyboardInterrupt:
        progress.note("The queue is kept: the same command goes on with what is left.")
        raise


def _show(
    screen: "Screen", session: "Session", states: "tuple[JobState, ...]", summaries: "tuple[BenchmarkSummary, ...]"
) -> None:
    from mobiledeploy.report.bench_tables import bench_tables

    document = {
        "store": session.store,
        "campaign": session.campaign,
        "jobs": [{"id": state.id, "state": state.state, "reason": state.reason} for state in states],
        "results": encode(summaries),
    }
    ending = f"{session.store}: campaign {session.campaign}, {len(summaries)} of {len(states)} jobs reported"
    screen.show(*bench_tables(summaries), ending, document=document)
    lost = [state for state in states if state.state in ("given up", "cancelled")]
    if lost:
        what = f"{len(lost)} of {len(states)} jobs were not measured: {lost[0].reason or lost[0].state}"
        raise HostError(what, where=lost[0].name, remedy="See what the phone shows; then run the command again.")
    _demand_equality(summaries)


def _demand_equality(summaries: "tuple[BenchmarkSummary, ...]") -> None:
    """Of real results only: a simulated phone computes nothing."""
    for summary in summaries:
        for unit in summary.units if summary.standing == "real" else ():
            failed = [each for each in unit.parity or () if not each.passed]
            if failed:
                raise _unequal(summary, unit.compute_units, failed[0].reason)


def _unequal(summary: "BenchmarkSummary", units: str, reason: str | None) -> ParityError:
    other = "the original" if summary.parity_against == "original" else "what its program computes in float32"
    itself = "check" if summary.parity_against == "original" else "diagnose"
    return ParityError(
        f"on the device {summary.model} does not equal {other}: {reason}",
        where=f"{units} of {summary.device.name or summary.device.hardware}",
        remedy=f"Compare the compute units; `mobiledeploy {itself}` tells whether the package itself is right.",
    )
