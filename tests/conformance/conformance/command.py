"""The command line of the conformance runs."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from conformance.campaign import Campaign, run_campaign
from conformance.case import read_cases
from conformance.causes import explain
from conformance.report import markdown, summary, write_results
from conformance.suites import SUITES

__all__ = ["main"]

_BUILD = Path(__file__).resolve().parents[3] / "build" / "conformance"


def main(arguments: list[str] | None = None) -> int:
    """0 where every case that is not as it should be has a known cause, 1 otherwise."""
    options = _parser().parse_args(arguments)
    bad = False
    for name in options.suite or list(SUITES):
        campaign = _campaign(name, options)
        if options.fresh:
            shutil.rmtree(campaign.folder, ignore_errors=True)
        cases = read_cases(campaign.records()) if options.report else run_campaign(campaign)
        if options.write:
            write_results(campaign.suite, cases, campaign.collected())
        print(markdown(campaign.suite, cases, campaign.collected()))
        open_ones = [case for case in cases.values() if not case.settled and explain(case) is None]
        for case in open_ones[: options.show]:
            print(f"{case.category} {case.name}\n    bound {case.bound} exact {case.exact} {case.message}")
        print(summary(campaign.suite, cases))
        print(f"records: {campaign.folder}", file=sys.stderr)
        bad |= bool(open_ones)
    return int(bad)


def _campaign(name: str, options: argparse.Namespace) -> Campaign:
    suite = SUITES[name]
    part = "" if options.sample is None else f"-sample{options.sample}"
    part += "" if options.seed == "0" else f"-seed{options.seed}"
    return Campaign(
        suite,
        options.folder / f"{name}{part}" if options.folder else _BUILD / f"{name}{part}",
        jobs=options.jobs,
        per_function=options.sample,
        seed=options.seed,
        containing=options.containing,
        files=tuple(file for file in suite.files() if options.file in file),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/conformance",
        description="Runs the tests that come with coremltools, ML Programs only, with mobiledeploy's executor in the "
        "place of Core ML. Goes on where it was interrupted. Leaves with 1 if a case fails without a known cause.",
    )
    parser.add_argument("--suite", action="append", choices=list(SUITES), help="both when not given")
    parser.add_argument("--sample", type=int, metavar="N", help="N cases of every test function instead of all")
    parser.add_argument("--seed", default="0", help="of the sample and of the cases' random values; 0 is what CI runs")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--file", default="", metavar="TEXT", help="only the files whose path contains this")
    parser.add_argument("--containing", default="", metavar="TEXT", help="only the cases whose name contains this")
    parser.add_argument("--fresh", action="store_true", help="forget what was recorded before")
    parser.add_argument("--show", type=int, default=20, metavar="N", help="how many open cases to print")
    parser.add_argument("--folder", type=Path, help="where records and logs go; build/conformance when not given")
    parser.add_argument("--report", action="store_true", help="run nothing: tell of what is recorded")
    parser.add_argument("--write", action="store_true", help="put the results into tests/conformance")
    return parser
