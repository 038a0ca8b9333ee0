"""`mobiledeploy sweep`: many models, each exported in a process of its own, with results that can be resumed."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from mobiledeploy.cli import options
from mobiledeploy.cli.export import DeploymentTarget, Resolution, Seed
from mobiledeploy.cli.line_options import options_of_line
from mobiledeploy.cli.options import JsonFlag
from mobiledeploy.errors import ConversionError, HostError, InputError, MobileDeployError, ParityError
from mobiledeploy.records import ExportOptions
from mobiledeploy.records.codec import encode

if TYPE_CHECKING:
    from mobiledeploy.cli.screen import Screen
    from mobiledeploy.records.sweep import SweepRecord
    from mobiledeploy.sweep.run import SweepResult

__all__ = ["sweep"]

_PATTERN = (
    "A zoo name or pattern ('fastvit_*'), a MODEL as `mobiledeploy export` takes it, 'file.py:pattern', or a file "
    "with one MODEL per line, options of `mobiledeploy export` behind it."
)
_ENGINE = "Where: processes of this machine, or the workers of a running Dask or Ray cluster."
_RETRY = "Try again what did not pass, or everything; else what is done with these versions is passed over."


def _option(metavar: str, text: str, **more: Any) -> Any:
    return typer.Option(metavar=metavar, help=text, **more)


def sweep(  # noqa: PLR0917 - a parameter per option
    context: typer.Context,
    patterns: Annotated[list[str], typer.Argument(metavar="PATTERN|FILE...", help=_PATTERN)],
    target: Annotated[list[str] | None, _option("coreml|onnx", "Format; repeatable (coreml by default).")] = None,
    precision: Annotated[list[str] | None, _option("float16|float32|mixed", "Repeatable (float16 by default).")] = None,
    weights: Annotated[str, _option("auto|pretrained|random|FILE", "As for export.")] = "auto",
    resolution: Resolution = None,
    deployment_target: DeploymentTarget = "iOS16",
    min_psnr: Annotated[float | None, _option("DB", "Least PSNR of every output.")] = None,
    seed: Seed = 0,
    jobs: Annotated[int, _option("N", "Models at a time on this machine.", min=1)] = 1,
    timeout: Annotated[float, _option("SECONDS", "Per model, from the start of its process.", min=0.001)] = 1800.0,
    memory: Annotated[int | None, _option("MIB", "Private memory that one model may take.", min=1)] = None,
    results: Annotated[Path, _option("FILE", "Results, one JSON record per line; appended to.")] = Path(
        "exports/sweep.jsonl"
    ),
    retry: Annotated[str, _option("none|failed|all", _RETRY)] = "none",
    output: Annotated[Path | None, _option("DIR", "Keep the exported folders, in DIR/TARGET-PRECISION.")] = None,
    engine: Annotated[str, _option("local|dask|ray", _ENGINE)] = "local",
    address: Annotated[str | None, _option("ADDRESS", "Of the engine's scheduler, as tcp://host:8786.")] = None,
    _json: JsonFlag = False,
) -> None:
    """Export every model that PATTERN or FILE names, and say which convert, how exactly, and what stopped the others.

    Each runs in a process of its own: a crash, a hang or a lack of memory is one result. The same command again goes on
    where it was interrupted. Exit codes: 0 all passed; of the rest the gravest: 1 a crash or bug, 4 not equal, 3 could
    not be captured or converted, 5 time, memory or network, 2 bad input.
    """
    given = ExportOptions(
        weights=weights,
        resolution=options.resolution(resolution),
        deployment_target=options.deployment_target(deployment_target),
        min_psnr=min_psnr,
        seed=seed,
    )
    precisions = tuple(options.precision(text) for text in precision or ["float16"])
    again = options.choice(retry, ("none", "failed", "all"), "--retry", "choice of what to try again")
    place = options.choice(engine, ("local", "dask", "ray"), "--engine", "engine")
    if address is not None and place == "local":
        raise InputError("--address says nothing of this machine", where="--address", remedy="Add --engine.")
    screen: Screen = context.obj
    with screen.working() as progress:
        progress.step("Reading the names")
        from mobiledeploy.sweep.attempt import Limits
        from mobiledeploy.sweep.engines import Engine
        from mobiledeploy.sweep.plan import Choice, plan
        from mobiledeploy.sweep.run import sweep as run

        choice = Choice(tuple(patterns), given, tuple(target or ["coreml"]), precisions)
        result = run(
            plan(choice, options_of_line, progress=progress),
            results=results,
            engine=Engine(cast("Any", place), address, jobs),
            limits=Limits(timeout, memory, output=output),
            retry=cast("Any", again),
            progress=progress,
        )
    _show(screen, result, results)


def _show(screen: "Screen", result: "SweepResult", results: Path) -> None:
    from mobiledeploy.report.sweep_tables import summary, sweep_tables

    document = {
        "results": str(results),
        "tried": result.tried,
        "counts": summary(result.records),
        "records": encode(result.records),
    }
    screen.show(*sweep_tables(result.records), f"{results}", document=document)
    _demand_passes(result.records, results)


_KINDS: dict[int, type[MobileDeployError]] = {
    1: MobileDeployError,
    2: InputError,
    3: ConversionError,
    4: ParityError,
    5: HostError,
}


def _demand_passes(records: "Iterable[SweepRecord]", results: Path) -> None:
    """Raises the error whose exit code is that of the gravest reason."""
    from mobiledeploy.sweep.reasons import EXIT_CODES

    records = tuple(records)
    failed = [record for record in records if record.reason is not None]
    if not failed:
        return
    present = {record.reason for record in failed}
    counts = {reason: sum(record.reason == reason for record in failed) for reason in EXIT_CODES if reason in present}
    listed = ", ".join(f"{count} {reason}" for reason, count in counts.items())
    raise _KINDS[EXIT_CODES[next(iter(counts))]](
        f"{len(failed)} of {len(records)} did not pass: {listed}",
        where=str(results),
        remedy="Each has its reason above and in the file; --retry failed tries them again.",
    )
