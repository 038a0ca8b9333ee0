"""`mobiledeploy results`: what devices have reported."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mobiledeploy.cli import options
from mobiledeploy.cli.host_options import Store
from mobiledeploy.cli.options import JsonFlag
from mobiledeploy.errors import InputError, OutputError, PackageError
from mobiledeploy.records.codec import encode

if TYPE_CHECKING:
    from mobiledeploy.campaign.outcome import StoredReport
    from mobiledeploy.cli.screen import Screen
    from mobiledeploy.records import BenchmarkSummary
    from mobiledeploy.server.host import Place
    from mobiledeploy.server.reception import Reported

__all__ = ["results"]

_ACTIONS = ("list", "show", "import", "export")
_KINDS = ("real", "simulated", "simulator", "debug")
_WHAT = "RESULT to show (its beginning is enough), or FILE to import (report.json, its folder, .zip) or to export to."
_EXPORT = "Of a CSV: a row per timed prediction in the place of one per compute unit."


def results(  # noqa: PLR0917 - a parameter per option
    context: typer.Context,
    action: Annotated[str, typer.Argument(metavar="list|show|import|export")],
    names: Annotated[list[str] | None, typer.Argument(metavar="[RESULT|FILE]...", help=_WHAT)] = None,
    kind: Annotated[
        str, typer.Option(metavar="|".join(_KINDS), help="Which to list or export; they are never mixed.")
    ] = "real",
    samples: Annotated[bool, typer.Option("--samples", help=_EXPORT)] = False,
    limit: Annotated[int, typer.Option(metavar="N", help="List so many, those that came last.", min=1)] = 50,
    store: Store = "exports/results.db",
    _json: JsonFlag = False,
) -> None:
    """List, show, import or export the results that are in the store."""
    screen: Screen = context.obj
    chosen = options.choice(action, _ACTIONS, "ACTION", "thing to do with results")
    wanted = options.choice(kind, _KINDS, "--kind", "kind of result")
    given = names or []
    _check(chosen, given)
    with screen.working() as progress:
        progress.step("Reading the store")
        from mobiledeploy.campaign.folders import read_report_file
        from mobiledeploy.server.host import open_place

        brought = [(name, *read_report_file(Path(name))) for name in given] if chosen == "import" else []
        place, refused = open_place(store, make=chosen == "import"), None
        with closing(place.ledger):
            if chosen == "list":
                shown, document = _list(place, wanted, limit)
            elif chosen == "show":
                shown, document = _show(place, given)
            elif chosen == "import":
                shown, document, refused = _import(place, brought)
            else:
                shown, document = _export(place, wanted, Path(given[0]), samples=samples)
    screen.show(*shown, document=document)
    if refused is not None:
        raise refused


def _check(action: str, names: list[str]) -> None:
    if action == "list" and names:
        raise InputError("`list` takes no further argument", where=names[0], remedy="Use `results show RESULT`.")
    if action != "list" and not names:
        raise InputError(f"`{action}` needs to know what", where="ACTION", remedy=f"mobiledeploy results {action} ...")
    if action == "export" and (len(names) > 1 or Path(names[0]).suffix not in (".json", ".csv")):
        raise InputError("results are exported to one .json or .csv", where=names[0], remedy="Name one such file.")


def _summaries(
    place: "Place", kind: str, latest: int | None = None
) -> "Iterator[tuple[StoredReport, BenchmarkSummary]]":
    from mobiledeploy.campaign.outcome import stored_reports, summarize

    for stored in stored_reports(place.ledger, kind, latest=latest):
        yield stored, summarize(stored, place.blobs)


def _list(place: "Place", kind: str, limit: int) -> tuple[list[Any], dict[str, Any]]:
    from mobiledeploy.campaign.outcome import count_reports
    from mobiledeploy.report.bench_tables import result_list

    counts = count_reports(place.ledger)
    listed = [summary for _, summary in _summaries(place, kind, limit)]
    older = counts.get(kind, 0) - len(listed)
    others = {other: counts[other] for other in _KINDS if other != kind and other in counts}
    told = [f"{older} older: --limit {counts.get(kind, 0)}"] if older > 0 else []
    told += [f"{count} {other}: --kind {other}" for other, count in others.items()]
    table = result_list(listed) if listed else f"no {kind} results"
    return [table, *told], {"results": encode(listed), "older": older, "others": others}


def _show(place: "Place", names: list[str]) -> tuple[list[Any], dict[str, Any]]:
    from mobiledeploy.campaign.outcome import find_report, summarize
    from mobiledeploy.report.bench_tables import bench_tables

    found = [summarize(find_report(place.ledger, name), place.blobs) for name in names]
    return [*bench_tables(found)], {"results": encode(found)}


def _import(
    place: "Place", brought: "list[tuple[str, Reported, Mapping[str, bytes]]]"
) -> tuple[list[Any], dict[str, Any], PackageError | None]:
    """Also the refusal that ended it, if one did: what was stored before it is stored."""
    from mobiledeploy.campaign.direct import bring
    from mobiledeploy.server.reception import Reception

    reception, refused = Reception(place.ledger, place.blobs), None
    lines, receipts = [], []
    for name, reported, found in brought:
        try:
            receipt = bring(reception, place.blobs, reported, found)
        except PackageError as error:
            refused = PackageError(error.what, where=name, remedy=error.remedy)
            break
        lines.append(f"{name}: {receipt.report}" + ("" if receipt.first else " (was there before)"))
        receipts.append(encode(receipt))
    return [*lines], {"receipts": receipts}, refused


def _export(place: "Place", kind: str, path: Path, *, samples: bool) -> tuple[list[Any], dict[str, Any]]:
    from mobiledeploy.campaign.export_results import as_csv, as_json, samples_as_csv
    from mobiledeploy.campaign.outcome import count_reports

    found = list(_summaries(place, kind))
    write = as_json if path.suffix == ".json" else samples_as_csv if samples else as_csv
    _replace(path, write(found))
    others = {other: count for other, count in count_reports(place.ledger).items() if other != kind}
    told = [f"{count} {other}, not in it: --kind {other}" for other, count in others.items()]
    document = {"file": str(path), "results": len(found), "others": others}
    return [f"{len(found)} {kind} results in {path}", *told], document


def _replace(path: Path, text: str) -> None:
    """The file is the old one or the whole new one. Raises OutputError."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        remedy = "Check space and rights, and that the folder is there."
        raise OutputError(f"cannot write {path}: {error.strerror}", where=str(path), remedy=remedy) from None
