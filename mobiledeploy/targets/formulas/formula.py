"""Our own decompositions: an operator as torch code over operators that every converter has.

    @FORMULAS.of(aten.fmod.Tensor)
    def fmod(x, y): return x - y * trunc(x / y)

A formula takes the operator's arguments with its defaults and gives what the operator gives. It is traced where a
converter lacks the operator or gets it wrong, and stands before torch's own decompositions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["Formula", "Formulas"]

# Returns NotImplemented for arguments that it says nothing about.
Formula = Callable[..., Any]


class Formulas:
    """The formulas of one family, by operator overload."""

    def __init__(self) -> None:
        self._by_operator: dict[Any, Formula] = {}

    def of(self, *operators: Any) -> Callable[[Formula], Formula]:
        """Registers a function as the formula of `operators`. Raises ValueError for one that has a formula."""

        def register(function: Formula) -> Formula:
            for operator in operators:
                if operator in self._by_operator:
                    raise ValueError(f"{operator} has a formula: {self._by_operator[operator].__name__}")
                self._by_operator[operator] = function
            return function

        return register

    @property
    def by_operator(self) -> Mapping[Any, Formula]:
        return self._by_operator
