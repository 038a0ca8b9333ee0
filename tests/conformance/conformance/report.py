"""What a run of a suite amounts to: tables for people, and the results that are kept in the repository."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from conformance.case import CATEGORIES, Case
from conformance.causes import explain
from conformance.suites import SUITES, Suite

__all__ = ["markdown", "summary", "write_results"]

_FOLDER = Path(__file__).resolve().parents[1]
_REASONS = 12
_VERSIONS = ("coremltools", "torch", "numpy")
_BY_REASON = {
    "nothing": "Compared nothing, by reason",
    "unconverted": "Not converted, by message",
    "skipped": "Skipped, by reason",
}


def summary(suite: Suite, cases: Mapping[str, Case]) -> str:
    """One line."""
    counts = Counter(case.category for case in cases.values())
    tight = sum(case.tight for case in cases.values())
    parts = [f"{counts[category]} {category}" for category in CATEGORIES]
    unexplained = sum(not case.settled and explain(case) is None for case in cases.values())
    return f"{suite.name}: {len(cases)} cases: {', '.join(parts)}; {tight} within 0.0078; {unexplained} unexplained"


def markdown(suite: Suite, cases: Mapping[str, Case], collected: int = 0) -> str:
    """The tables of one suite, which has `collected` cases."""
    part = f"A part of the suite: {len(cases)} of {collected} cases."
    made = ", ".join(f"{name} {version(name)}" for name in _VERSIONS)
    head = [f"## {suite.title}", "", f"{made}.", "", *([part, ""] if len(cases) < collected else [])]
    return "\n".join([*head, *_counts(cases.values()), "", *_files(cases.values()), "", *_rest(cases)])


def _counts(cases: Iterable[Case]) -> list[str]:
    groups: dict[str, list[Case]] = {category: [] for category in CATEGORIES}
    for case in cases:
        groups[case.category].append(case)
    rows = ["| outcome | cases | |", "|---|---|---|"]
    for category, text in CATEGORIES.items():
        rows.append(f"| {category} | {len(groups[category])} | {text} |")
        if category == "passed":
            rows += _passed(groups[category])
        if category == "rounding":
            passing = sum(case.exact == "passed" for case in groups[category])
            rows.append(
                f"| … by the program alone | {passing} | pass when nothing is rounded but constants and inputs |"
            )
    return rows


def _passed(passed: list[Case]) -> list[str]:
    blind = [case for case in passed if case.zeros]
    return [
        f"| … within 0.0078, too | {sum(case.tight for case in passed)} | "
        "also when no element may be off by more than 0.0078, or by 0.0078 of itself |",
        f"| … of its scale | {sum(case.scaled <= 1 for case in passed)} | "
        "also when 0.0078 of the largest expected value is all that small tensors may be off |",
        f"| … as zeros would | {len(blind)} | by the suite's tolerance; {sum(case.zeros_bound for case in passed)} by "
        f"0.0078; {sum(case.scaled <= 1 for case in blind)} of these {len(blind)} hold 0.0078 of their scale |",
    ]


def _files(cases: Iterable[Case]) -> list[str]:
    files: dict[str, Counter[str]] = defaultdict(Counter)
    for case in cases:
        count = files[case.name.partition("::")[0]]
        count[case.category] += 1
        count["tight"] += case.tight
        count["all"] += 1
    rows = ["| file | cases | passed | within 0.0078 | " + " | ".join(list(CATEGORIES)[1:]) + " |"]
    rows.append("|---" * (3 + len(CATEGORIES)) + "|")
    for file, count in sorted(files.items()):
        others = " | ".join(str(count[category]) for category in list(CATEGORIES)[1:])
        rows.append(f"| {file} | {count['all']} | {count['passed']} | {count['tight']} | {others} |")
    return rows


def _rest(cases: Mapping[str, Case]) -> list[str]:
    """What is not as it should be, by cause, and why cases were skipped or not converted."""
    rows = ["What is not as it should be:", ""]
    causes: dict[str, list[Case]] = defaultdict(list)
    for case in cases.values():
        if not case.settled and case.category != "unconverted":
            cause = explain(case)
            causes[f"**{cause.title}.** {cause.text}" if cause else "**Unexplained.**"].append(case)
    for text, found in sorted(causes.items(), key=lambda item: -len(item[1])):
        functions = ", ".join(f"`{name}` {count}" for name, count in Counter(case.function for case in found).items())
        rows.append(f"- {len(found)}: {text} {functions}")
    rows += ["" if causes else "Nothing.", ""]
    for category, title in _BY_REASON.items():
        rows += [f"{title}:", "", *_reasons(case for case in cases.values() if case.category == category), ""]
    return rows


def _reasons(cases: Iterable[Case]) -> list[str]:
    counts = Counter(_reason(case.message) for case in cases)
    rows = [f"- {count}: {reason}" for reason, count in counts.most_common(_REASONS)]
    others = sum(counts.values()) - sum(count for _, count in counts.most_common(_REASONS))
    return [*rows, *([f"- {others}: others"] if others else [])] or ["None."]


def _reason(message: str) -> str:
    """Without what differs from case to case."""
    return re.sub(r"\d+", "n", message)[:140].replace("|", "/").replace("\n", " ")


def write_results(suite: Suite, cases: Mapping[str, Case], collected: int = 0) -> None:
    """Keeps the suite's results in results.json, and writes RESULTS.md from those of all suites."""
    path = _FOLDER / "results.json"
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    document[suite.name] = _kept(suite, cases, collected)
    path.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    parts = [document[name]["markdown"] for name in SUITES if name in document]
    (_FOLDER / "RESULTS.md").write_text("\n\n".join([_HEAD, *parts]).strip() + "\n", encoding="utf-8")


def _kept(suite: Suite, cases: Mapping[str, Case], collected: int) -> dict[str, Any]:
    counts = Counter(case.category for case in cases.values())
    return {
        "versions": {name: version(name) for name in _VERSIONS},
        "cases": len(cases),
        "collected": max(collected, len(cases)),
        "counts": {category: counts[category] for category in CATEGORIES},
        "within_bound": sum(case.tight for case in cases.values()),
        "open": {
            case.name: {
                "category": case.category,
                "bound": case.bound if case.bound < 1e9 else "inf",
                "exact": case.exact,
                "cause": cause.title if (cause := explain(case)) else None,
                "message": case.message[:200],
            }
            for case in sorted(cases.values(), key=lambda case: case.name)
            if not case.settled and case.category != "unconverted"
        },
        "markdown": markdown(suite, cases, collected),
    }


_HEAD = """# Conformance

coremltools' own tests, as they come in its wheel, with mobiledeploy's executor in the place of Core ML's prediction; ML
Programs only. Written by `scripts/conformance --write`; see README.md in this folder."""
