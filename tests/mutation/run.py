"""Breaks the executor, the host and the figures on purpose, many times; the tests must notice each time.

    python tests/mutation/run.py                     every declared mistake
    python tests/mutation/run.py pooling             those with "pooling" in their name; "server." or "bench." too
    python tests/mutation/run.py --shard 1/2         every second one
    python tests/mutation/run.py --json              one JSON document on standard output
    python tests/mutation/run.py --swift             those declared for the Swift package (half an hour)
    python tests/mutation/run.py --generic           mistakes made by rule, everywhere (an hour; see generic.py)
    python tests/mutation/run.py --generic --sample 200 --seed 1

Exit codes: 0 all were caught, 1 one was not, 2 the table no longer fits the sources, or these are not sound. Generic
mistakes that survive are listed and counted; they are not an error, since many change nothing that can be seen.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from convention_mutants import CONVENTION_MUTANTS
from figure_mutants import FIGURE_MUTANTS
from generic import generic_mutants
from host_mutants import HOST_MUTANTS
from mutant import EXECUTOR, TESTS, Mutant, StaleMutantError, broken_source
from operator_mutants import OPERATOR_MUTANTS
from phone_mutants import PHONE_MUTANTS
from swift_trial import PackageCopy, UnsoundPackageError
from trial import Outcome, preload, run_trial

DECLARED: tuple[Mutant, ...] = (*OPERATOR_MUTANTS, *CONVENTION_MUTANTS, *HOST_MUTANTS, *FIGURE_MUTANTS)


def choose(mutants: Sequence[Mutant], pattern: str, shard: str) -> list[Mutant]:
    """The mutants with `pattern` in their name, of which `shard` ("2/3") takes its part."""
    place, count = (int(number) for number in shard.split("/"))
    if not 1 <= place <= count:
        raise ValueError(f"no shard {shard}")
    return [mutant for mutant in mutants if pattern in mutant.name][place - 1 :: count]


def try_all(mutants: Sequence[Mutant], trial: Callable[[Mutant, str], Outcome]) -> dict[str, Outcome]:
    """The outcome of each, by name; one line of progress for each on standard error."""
    sources = [broken_source(mutant) for mutant in mutants]
    outcomes = {}
    for number, (mutant, source) in enumerate(zip(mutants, sources, strict=True), 1):
        outcome = trial(mutant, source)
        outcomes[mutant.name] = outcome
        note = f"[{number}/{len(mutants)}] {outcome.verdict} in {outcome.seconds:.1f} s: {mutant.name}"
        print(note if outcome.verdict == "caught" else f"{note}\n    {outcome.evidence}", file=sys.stderr, flush=True)
    return outcomes


def try_python(mutants: Sequence[Mutant]) -> dict[str, Outcome]:
    preload()
    return try_all(mutants, lambda mutant, source: run_trial(mutant.full_module, source, mutant.found_tests))


def try_swift(mutants: Sequence[Mutant], scratch: Path | None) -> dict[str, Outcome]:
    """In a copy of the package, which is built anew with each mistake."""
    with PackageCopy(scratch) as package:
        package.must_be_sound(sorted({name for mutant in mutants for name in mutant.found_tests}))
        return try_all(mutants, package.trial)


def try_generic(pattern: str, sample: int | None, seed: int) -> int:
    """Tries the mistakes made by rule, or a sample of them, against all tests of the executor."""
    modules = sorted({mutant.module for mutant in DECLARED if mutant.area is EXECUTOR})
    mutants = [mutant for module in modules if pattern in module for mutant in generic_mutants(module)]
    if sample is not None:
        mutants = random.Random(seed).sample(mutants, min(sample, len(mutants)))
    preload()
    missed = 0
    for number, mutant in enumerate(mutants, 1):
        outcome = run_trial(f"mobiledeploy.mil.{mutant.module}", mutant.source, _tests_for(mutant.module))
        if outcome.verdict in ("survived", "unclear"):
            missed += outcome.verdict == "survived"
            print(f"[{number}/{len(mutants)}] {outcome.verdict}: {mutant.name}", flush=True)
    print(f"{len(mutants) - missed} of {len(mutants)} generic mistakes caught")
    return 0


def _tests_for(module: str) -> list[str]:
    """All tests of operators, executor and models, those first that are declared for the module."""
    mutants = (mutant for mutant in DECLARED if mutant.area is EXECUTOR and mutant.module == module)
    own = {file for mutant in mutants for file in mutant.found_tests}
    names = " ".join(
        file.stem.removeprefix("test_mil_").removeprefix("ops_") for file in sorted(TESTS.glob("mil/ops/test_*"))
    )
    others = EXECUTOR.find_tests(f"{names} executor model registry package")
    return [*sorted(own), *(file for file in others if file not in own)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pattern", nargs="?", default="")
    parser.add_argument("--shard", default="1/1")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--swift", action="store_true")
    parser.add_argument("--scratch", type=Path, help="with --swift: a folder to build in, kept; else a temporary one")
    parser.add_argument("--generic", action="store_true")
    parser.add_argument("--sample", type=int)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.generic:
        return try_generic(options.pattern, options.sample, options.seed)
    started = time.monotonic()
    try:
        mutants = choose(PHONE_MUTANTS if options.swift else DECLARED, options.pattern, options.shard)
        outcomes = try_swift(mutants, options.scratch) if options.swift else try_python(mutants)
    except (StaleMutantError, FileNotFoundError, UnsoundPackageError) as error:
        print(error, file=sys.stderr)
        return 2
    missed = [name for name, outcome in outcomes.items() if outcome.verdict != "caught"]
    print(
        f"{len(outcomes) - len(missed)} of {len(outcomes)} mistakes caught in {time.monotonic() - started:.0f} s",
        file=sys.stderr,
    )
    if options.json:
        print(json.dumps({name: asdict(outcome) for name, outcome in outcomes.items()}, indent=1))
    return 1 if missed or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
