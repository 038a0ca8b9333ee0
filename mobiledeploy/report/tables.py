"""Tables for the terminal. Every text of a record is shown literally: a `[` in it is no markup."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from mobiledeploy.report.plain_table import plain_row, plain_table
from mobiledeploy.report.wording import (
    agreement,
    amount,
    decibels,
    divergence_sentence,
    kept_reason,
    mixture_sentence,
    ranking_word,
    ratio,
    short_line,
    size_text,
    subject,
    weights_sentence,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mobiledeploy.records import (
        FlexibleSizes,
        Manifest,
        MixedPrecision,
        OutputParity,
        ParityReport,
        Proof,
        RewriteLog,
    )

__all__ = ["check_tables", "converted_tables", "export_tables", "mixture_table"]

_GOOD, _BAD, _FAINT = "green", "bold red", "dim"
_REASONS_SHOWN = 8
"""A network of a hundred blocks can refuse a rule a hundred times; the manifest has all of it."""


def export_tables(manifest: Manifest, proof: Proof) -> tuple[RenderableType, ...]:
    """What an export did and proved: the model, the warning if its weights are stand-ins, the rewriting rule by rule,
    what was refused and why, the parity of every output on every sample, and the files."""
    tables: list[RenderableType] = [_model_table(manifest)]
    if manifest.source.weights.fallback is not None:
        tables.append(_weights_warning(manifest.source.weights.fallback))
    tables.append(_rewriting_table(manifest.rewrite, proof))
    if any(record.refusals for record in manifest.rewrite.rules):
        tables.append(_refusal_table(manifest.rewrite))
    tables += _approximation_table(manifest.rewrite, proof)
    tables += map(mixture_table, manifest.mixed)
    return (*tables, *_output_tables(proof.parity), *drift_tables(proof.parity), _file_table(manifest))


def check_tables(reports: Sequence[ParityReport]) -> tuple[RenderableType, ...]:
    """One row per artifact and runner; below it every output that failed, and where the artifact diverges."""
    table = plain_table("artifact", "runner", "precision", "worst PSNR", "bar", "top-1", "result", title="Parity")
    for report in reports:
        verdict = Text("passed", _GOOD) if report.passed else Text("FAILED", _BAD)
        psnr, bar = decibels(report.psnr_db), f"{report.bar_db:g} dB"
        plain_row(table, subject(report), report.runner, report.precision, psnr, bar, agreement(report), verdict)
    failed = [report for report in reports if not report.passed]
    return (table, *_output_tables(failed), *drift_tables(reports))


def converted_tables(reports: Sequence[ParityReport]) -> tuple[RenderableType, ...]:
    """Every output of every converted file on every sample."""
    return tuple(_output_tables(reports))


def _model_table(manifest: Manifest) -> Table:
    source = manifest.source
    table = Table.grid(padding=(0, 2))
    rows = {
        "model": f"{manifest.name}: {source.architecture}, {amount(source.parameters)} parameters",
        "weights": weights_sentence(source.weights),
        "license": source.license or "not known",
        "inputs": ", ".join(f"{i.name} {'x'.join(map(str, i.shape))} {i.kind}" for i in manifest.inputs),
        "outputs": ", ".join(manifest.outputs),
        "capture": manifest.capture,
    }
    for flexible in manifest.flexible:
        rows["sizes" if len(manifest.flexible) == 1 else f"sizes of {flexible.artifact}"] = _sizes(flexible)
    for key, value in rows.items():
        table.add_row(Text(key, _FAINT), Text(value))
    return table


def _sizes(flexible: FlexibleSizes) -> str:
    form = "a function for each" if flexible.functions else "in one function"
    return f"{', '.join(map(size_text, flexible.sizes))}, {form}: {flexible.reason}"


def _weights_warning(reason: str) -> Panel:
    text = Text(
        f"{reason}\n\nThe artifact carries RANDOM weights: its latency is meaningful, its predictions are not.\n"
        "Repeat the export where the weights can be had, or give them with --weights PATH."
    )
    return Panel(text, title="RANDOM WEIGHTS", border_style=_BAD, expand=False)


def _rewriting_table(log: RewriteLog, proof: Proof) -> Table:
    table = plain_table("rule", "matches", "refusals", "operators", "MACs", "error", title="Rewriting")
    for record in log.rules:
        if record.matches == 0:
            continue
        name = record.rule if record.kind == "exact" else f"{record.rule} (approximation)"
        operators = f"{record.before.operators} → {record.after.operators}"
        macs = f"{amount(record.before.macs)} → {amount(record.after.macs)}"
        plain_row(
            table,
            name,
            str(record.matches),
            str(len(record.refusals)),
            operators,
            macs,
            ratio(proof.rewrite_errors.get(record.rule)),
        )
    operators = f"{log.before.operators} → {log.after.operators}"
    macs = f"{amount(log.before.macs)} → {amount(log.after.macs)}"
    table.add_section()
    plain_row(table, "all together", "", "", operators, macs, ratio(proof.rewrite_error))
    return table


def _approximation_table(log: RewriteLog, proof: Proof) -> list[RenderableType]:
    records = [record for record in log.rules if record.kind == "approximation"]
    if not records:
        return []
    table = plain_table("approximation", "replaced", "activation error", "why", title="Approximations, as asked for")
    for record in records:
        error = proof.activation_errors.get(record.rule)
        why = Text(f"warning: {record.warning}", _BAD) if record.warning else Text(record.reason or "")
        plain_row(table, record.rule, str(record.matches), "-" if error is None else f"{error:.3g}", why)
    return [table]


def mixture_table(mixed: MixedPrecision) -> RenderableType:
    """What of a package is in float32, or that nothing has to be."""
    if not mixed.kept:
        return Text(mixture_sentence(mixed), _GOOD)
    table = plain_table("operator", "value", "why", "from", title=mixture_sentence(mixed))
    for kept in mixed.kept:
        plain_row(table, kept.operator, kept.output, kept_reason(kept), short_line(kept.line))
    return table


def _refusal_table(log: RewriteLog) -> Table:
    table = plain_table("rule", "times", "why it was not applied", "first at", title="Refused")
    counts = Counter((record.rule, refusal.reason) for record in log.rules for refusal in record.refusals)
    places: dict[tuple[str, str], str] = {}
    for record in log.rules:
        for refusal in record.refusals:
            places.setdefault((record.rule, refusal.reason), refusal.line or refusal.node)
    shown = counts.most_common(_REASONS_SHOWN)
    for (rule, reason), count in shown:
        plain_row(table, rule, str(count), reason, places[rule, reason])
    if len(counts) > len(shown):
        plain_row(table, "", "", f"and {len(counts) - len(shown)} further reasons: see manifest.json", "")
    return table


def _output_tables(reports: Iterable[ParityReport]) -> list[RenderableType]:
    tables: list[RenderableType] = []
    for report in reports:
        title = f"{subject(report)} under {report.runner}, {report.precision}, bar {report.bar_db:g} dB"
        table = plain_table("sample", "output", "PSNR", "error", "cosine", "top-1", "top-5", "result", title=title)
        for output in report.outputs:
            plain_row(table, *_output_cells(output))
        tables.append(table)
        if report.divergence is not None:
            tables.append(Text(divergence_sentence(report.divergence), _BAD))
    return tables


def drift_tables(reports: Iterable[ParityReport]) -> list[RenderableType]:
    """How far approximations moved each artifact from the original, nothing where none were made."""
    tables: list[RenderableType] = []
    for report in reports:
        if not report.drift:
            continue
        title = f"{subject(report)}: drift from the original as it was"
        table = plain_table("sample", "output", "PSNR", "error", "cosine", "top-1", "top-5", "result", title=title)
        for output in report.drift:
            *numbers, verdict = _output_cells(output)
            plain_row(table, *numbers, Text("as asked for", _FAINT) if output.passed else verdict)
        tables.append(table)
    return tables


def _output_cells(output: OutputParity) -> tuple[str | Text, ...]:
    verdict = Text("passed", _GOOD) if output.passed else Text(f"FAILED: {output.reason}", _BAD)
    top5 = "-" if output.top5 is None else f"{output.top5:.0%}"
    largest = f"{output.max_relative:.1e}"
    numbers = (decibels(output.psnr_db), largest, f"{output.cosine:.6f}", ranking_word(output), top5)
    return (output.input, output.output, *numbers, verdict)


def _file_table(manifest: Manifest) -> Table:
    table = plain_table("file", "sha256", title="Files")
    for name, digest in manifest.files.items():
        plain_row(table, name, digest[:12])
    return table
