"""Which operator is computed how on carriers: one line for each family."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mobiledeploy.rewrite.axes.families import (
    along,
    attention,
    channels,
    elementwise,
    indexing,
    joining,
    last_axes,
    products,
    reduction,
    regrouping,
)

if TYPE_CHECKING:
    from mobiledeploy.rewrite.axes.invocation import Handler

__all__ = ["REGROUPINGS", "handler", "is_order_free"]

FAMILIES = (
    along,
    attention,
    channels,
    elementwise,
    indexing,
    joining,
    last_axes,
    products,
    reduction,
    regrouping,
)

HANDLERS: dict[Any, Handler] = {target: made for family in FAMILIES for target, made in family.HANDLERS.items()}

# What costs nothing until somebody needs the order in memory.
REGROUPINGS = frozenset(regrouping.HANDLERS)


def handler(target: Any) -> Handler | None:
    """What computes `target` on carriers; None where nobody has said how."""
    found = HANDLERS.get(target)
    if found is None and elementwise.is_elementwise(target):
        return elementwise.elementwise
    return found


def is_order_free(target: Any) -> bool:
    """Whether an operator is computed as well in one order of memory as in another: elementwise, products, attention,
    parts. A linear map or a norm is not, which wants its features at one place."""
    return handler(target) is not None and target not in last_axes.HANDLERS | channels.HANDLERS
