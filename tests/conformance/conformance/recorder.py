"""What a case did with predictions: how many there were, what was compared, and how well it held."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import numpy as np

from conformance.comparison import Comparison, measure

__all__ = ["Predicted", "Recorder", "Tally"]

# tests of random operators let values differ by a hundred times, to compare shapes only
_ASKS_NOTHING = 100.0


class Predicted(np.ndarray):
    """An array that a prediction gave, or that was computed from one. Comparisons of others count for nothing."""


@dataclass
class Tally:
    """`labels`: compared class labels and probabilities. `compared`: arrays that held the suite's tolerance,
    `differing`: that did not. `refused`: models that could not be loaded. `half`: some program held fp16 values.
    `mismatches`: the share of elements that may differ in what is compared now."""

    predictions: int = 0
    refused: int = 0
    labels: int = 0
    half: bool = False
    mismatches: float = 0.0
    compared: list[Comparison] = field(default_factory=list)
    differing: list[Comparison] = field(default_factory=list)

    @property
    def comparisons(self) -> int:
        return len(self.compared) + self.labels

    @property
    def bound(self) -> float:
        return max((comparison.bound for comparison in (*self.compared, *self.differing)), default=0.0)

    @property
    def scaled(self) -> float:
        return max((comparison.scaled for comparison in (*self.compared, *self.differing)), default=0.0)

    @property
    def zeros(self) -> bool:
        return bool(self.compared) and all(comparison.zeros for comparison in self.compared)

    @property
    def zeros_bound(self) -> bool:
        return bool(self.compared) and all(comparison.zeros_bound for comparison in self.compared)


class Recorder:
    """Stands between the tests and NumPy's comparisons. `tally`: of the case that runs."""

    def __init__(self) -> None:
        self.tally = Tally()

    def watch_numpy(self) -> None:
        """From now on NumPy's comparisons are noted where a prediction takes part; their results stay as they are."""
        for module, name, rtol, atol in (
            (np.testing, "assert_allclose", 1e-7, 0.0),
            (np.testing, "assert_array_equal", 0.0, 0.0),
            (np.testing, "assert_equal", 0.0, 0.0),
            (np, "allclose", 1e-5, 1e-8),
            (np, "array_equal", 0.0, 0.0),
        ):
            setattr(module, name, self._watched(getattr(module, name), rtol, atol))

    def watch_backend(self, compare: Callable[..., Any]) -> Callable[..., Any]:
        """coremltools' `compare_backend`, noting what NumPy is not asked: labels, and the share that may differ."""
        signature = inspect.signature(compare)

        @wraps(compare)
        def watched(*args: Any, **kwargs: Any) -> Any:
            given = signature.bind(*args, **kwargs)
            given.apply_defaults()
            before = len(self.tally.differing)
            with self._letting(given.arguments["allow_mismatch_ratio"]):
                outputs = compare(*args, **kwargs)
            # those that differ by no more elements than may
            self.tally.compared += self.tally.differing[before:]
            del self.tally.differing[before:]
            expected = given.arguments["expected_outputs"] or {}
            values = [outputs[name] for name in expected if name in (outputs or {})]
            self.tally.labels += sum(isinstance(value, str | int | dict) for value in values)
            return outputs

        return watched

    @contextmanager
    def _letting(self, mismatches: float) -> Iterator[None]:
        self.tally.mismatches = mismatches
        try:
            yield
        finally:
            self.tally.mismatches = 0.0

    def _watched(self, compare: Callable[..., Any], rtol: float, atol: float) -> Callable[..., Any]:
        @wraps(compare)
        def watched(actual: Any, expected: Any, *args: Any, **kwargs: Any) -> Any:
            if not (_is_predicted(actual) or _is_predicted(expected)):
                return compare(actual, expected, *args, **kwargs)
            allowed = dict(zip(("rtol", "atol"), args, strict=False)) | kwargs
            tolerance = float(allowed.get("atol", atol)), float(allowed.get("rtol", rtol))
            comparison = self._measured(actual, expected, *tolerance)
            try:
                result = compare(_plain(actual), _plain(expected), *args, **kwargs)
            except AssertionError:
                self.tally.differing += comparison
                raise
            if max(tolerance) < _ASKS_NOTHING:
                (self.tally.differing if result is False else self.tally.compared).extend(comparison)
            return result

        return watched

    def _measured(self, actual: Any, expected: Any, atol: float, rtol: float) -> list[Comparison]:
        """Nothing where no numbers are compared."""
        pair = (actual, expected) if _is_predicted(actual) else (expected, actual)
        values = [np.asarray(_plain(value)) for value in pair]
        if any(value.dtype.kind not in "biufc" for value in values):
            return []
        return [measure(values[0], values[1], atol, rtol, self.tally.mismatches)]


def _is_predicted(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_is_predicted, value))
    return isinstance(value, Predicted)


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(map(_plain, value))
    return np.asarray(value) if isinstance(value, Predicted) else value
