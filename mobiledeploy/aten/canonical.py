"""One spelling for each thing: what `torch.export` gives, brought to the canonical, functional ATen set.

Canonical are the composite operators that converters and people know: conv2d, linear, batch_norm, layer_norm, gelu,
scaled_dot_product_attention. torch's own decompositions would break them up, bring in `as_strided` and cost 1.5 s;
they are asked for only where a program writes into views.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mobiledeploy.aten.graph import remove_dead
from mobiledeploy.aten.inert import strip_inert
from mobiledeploy.aten.mutation import rename_mutations
from mobiledeploy.aten.pooling import unify_pooling
from mobiledeploy.aten.precision import unify_precision
from mobiledeploy.aten.spelling import (
    drop_no_movement,
    unify_constructors,
    unify_convolutions,
    unify_movement,
    unify_norms,
    unify_products,
)
from mobiledeploy.aten.statistics import unify_statistics

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import fx

__all__ = ["STEPS", "canonicalize"]


class Step(NamedTuple):
    """One pass; `after` says why it stands where it does."""

    run: Callable[[fx.GraphModule], None]
    after: str


STEPS: tuple[Step, ...] = (
    Step(rename_mutations, "first: the other passes read the graph as if nothing were ever overwritten"),
    Step(unify_precision, "before the casts are looked at: most of them then cast to what is there"),
    Step(strip_inert, "after the mutations, which tell an alias from a copy"),
    Step(unify_norms, "before anything looks for a norm"),
    Step(unify_statistics, "before anything looks for a mean or a variance"),
    Step(unify_pooling, "before anything looks at windows"),
    Step(unify_convolutions, "before anything looks for a convolution"),
    Step(unify_constructors, "after the functionalization's copies have come in"),
    Step(unify_products, "before movement: it adds a permute"),
    Step(unify_movement, "after the copies are gone, so that chains of movement stand side by side"),
    Step(drop_no_movement, "last: it reads the unified spelling"),
)


def canonicalize(module: fx.GraphModule) -> None:
    """Brings the graph to canonical form, in place."""
    for step in STEPS:
        step.run(module)
    remove_dead(module)
    module.graph.lint()
    module.recompile()
