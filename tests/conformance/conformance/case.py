"""One case of a suite, as it came out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["CATEGORIES", "Case", "append_case", "read_cases"]

CATEGORIES = {
    "passed": "a prediction was compared, and holds the suite's tolerance",
    "rounding": "fp16 values, the program's or those expected, held to a tolerance for float32; all within 0.0078",
    "failed": "the prediction raised, or is not what the suite expects",
    "nothing": "no prediction was compared with anything",
    "unconverted": "failed before there was anything to predict",
    "skipped": "the suite skips it, or expects it to fail",
}


@dataclass(frozen=True)
class Case:
    """`name`: file, class, function and parameters. `category`: a key of `CATEGORIES`. `predictions`: how many were
    made, `comparisons` how many arrays of them were compared. `bound`, `scaled`: the worst comparison, as in
    `comparison`. `zeros`, `zeros_bound`: all-zero outputs would pass as well. `exact`: what the same case gives when
    nothing is rounded to fp16 but constants and inputs: "passed", "within" the bound or "beyond" it; None where that
    was not tried. `message`: the failure, or the reason for the skip. `seconds`: how long it took."""

    name: str
    category: str
    predictions: int = 0
    comparisons: int = 0
    bound: float = 0.0
    scaled: float = 0.0
    zeros: bool = False
    zeros_bound: bool = False
    exact: str | None = None
    message: str = ""
    seconds: float = 0.0

    @property
    def function(self) -> str:
        return self.name.partition("[")[0]

    @property
    def tight(self) -> bool:
        """It passes, also when its values are held to 0.0078."""
        return self.category == "passed" and self.bound <= 1

    @property
    def settled(self) -> bool:
        """There is nothing about it to explain."""
        return self.tight or self.category in ("rounding", "nothing", "skipped")


def append_case(path: Path, case: Case) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(case)) + "\n")


def read_cases(paths: Iterable[Path]) -> dict[str, Case]:
    """By name, the last record of each; a line that a killed run left half-written is passed over."""
    cases: dict[str, Case] = {}
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            try:
                case = Case(**json.loads(line))
            except (ValueError, TypeError):
                continue
            cases[case.name] = case
    return cases
