"""`mobiledeploy check`: exported artifacts against the reference outputs that are kept with them."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mobiledeploy.cli.options import JsonFlag
from mobiledeploy.errors import OutputError, ParityError
from mobiledeploy.records.codec import encode

if TYPE_CHECKING:
    from mobiledeploy.cli.screen import Screen
    from mobiledeploy.records import ParityReport

__all__ = ["check"]


def check(  # noqa: PLR0917 - a parameter per option
    context: typer.Context,
    artifacts: Annotated[
        list[Path], typer.Argument(metavar="ARTIFACT...", help="Exported folders, or packages inside of them.")
    ],
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Further pictures to compare on; the original model is loaded again for them."
        ),
    ] = None,
    runner: Annotated[
        str | None,
        typer.Option(metavar="mil|coreml|onnxruntime", help="What executes the package (mil, onnxruntime)."),
    ] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the result as JUnit XML, too.")] = None,
    summary: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Append the result as Markdown, e.g. to $GITHUB_STEP_SUMMARY.")
    ] = None,
    _json: JsonFlag = False,
) -> None:
    """Execute each ARTIFACT here and compare it with the original model's outputs."""
    screen: Screen = context.obj
    for path in (junit, summary):
        _refuse_unwritable(path)
    with screen.working() as progress:
        progress.step("Loading libraries")
        from mobiledeploy import pipeline
        from mobiledeploy.report.tables import check_tables

        reports = tuple(
            report
            for artifact in artifacts
            for report in pipeline.check(artifact, images=images, runner=runner, progress=progress)
        )
    _write_files(reports, junit, summary)
    screen.show(*check_tables(reports), document={"reports": encode(reports)})
    _demand_equality(reports)


def _refuse_unwritable(path: Path | None) -> None:
    """Before the work, not after it."""
    if path is None:
        return
    folder = path.parent
    if not folder.is_dir() or path.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        raise OutputError(
            f"cannot write {path}", where=str(path), remedy="Name a file in a folder that can be written."
        )


def _write_files(reports: "tuple[ParityReport, ...]", junit: Path | None, summary: Path | None) -> None:
    from mobiledeploy.report.github_summary import github_summary
    from mobiledeploy.report.junit import junit_xml

    try:
        if junit is not None:
            junit.write_text(junit_xml(reports), encoding="utf-8")
        if summary is not None:
            with summary.open("a", encoding="utf-8") as stream:
                stream.write(github_summary(reports))
    except OSError as error:
        raise OutputError(f"cannot write the report: {error.strerror}", where=error.filename) from None


def _demand_equality(reports: "tuple[ParityReport, ...]") -> None:
    """Raises ParityError naming the worst report and its first diverging operator."""
    failed = sorted((report for report in reports if not report.passed), key=lambda report: report.psnr_db)
    if not failed:
        return
    from mobiledeploy.report.wording import divergence_sentence, subject

    worst = failed[0]
    divergence = f" {divergence_sentence(worst.divergence)}" if worst.divergence else ""
    raise ParityError(
        f"{len(failed)} of {len(reports)} packages do not equal their original: {_reason(worst)}.{divergence}",
        where=f"{subject(worst)} under {worst.runner}",
        remedy="`mobiledeploy diagnose` on it shows where, and whether float16 is the cause.",
    )


def _reason(report: "ParityReport") -> str:
    reasons = [output.reason for output in (*report.outputs, *report.drift) if output.reason]
    return reasons[0] if reasons else f"PSNR {report.psnr_db:.1f} dB, bar {report.bar_db:.0f} dB"
