"""Every formula, by operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mobiledeploy.targets.formulas import (
    attention,
    bits,
    indexing,
    movement,
    norms,
    pointwise,
    pooling,
    products,
    reductions,
    sampling,
)

if TYPE_CHECKING:
    from mobiledeploy.targets.formulas.formula import Formula, Formulas

__all__ = ["FAMILIES", "formula_of"]

FAMILIES: tuple[Formulas, ...] = (
    attention.FORMULAS,
    bits.FORMULAS,
    indexing.FORMULAS,
    movement.FORMULAS,
    norms.FORMULAS,
    pointwise.FORMULAS,
    pooling.FORMULAS,
    products.FORMULAS,
    reductions.FORMULAS,
    sampling.FORMULAS,
)


def formula_of(operator: Any) -> Formula | None:
    """The formula of an operator overload, or None."""
    return next((family.by_operator[operator] for family in FAMILIES if operator in family.by_operator), None)
