"""Runs a program's graph in float64 or float32, node by node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import fx
from torch.utils import _pytree as pytree

from mobiledeploy.aten.program import Program

__all__ = ["Evaluator", "evaluate"]

Listener = Callable[[fx.Node, Any], None]


class Evaluator(fx.Interpreter):
    """Interprets the graph with every floating-point constant and every dtype argument replaced by `dtype`.

    Weights are converted one at a time and dropped after their last use, so a float64 run of a float32 model does not
    hold a second copy of it.
    """

    def __init__(self, program: Program, dtype: torch.dtype, listener: Listener | None = None) -> None:
        super().__init__(program.graph_module, garbage_collect_values=True)
        self.dtype = dtype
        self.listener = listener

    def get_attr(self, target: Any, args: Any, kwargs: Any) -> Any:
        value = super().get_attr(target, args, kwargs)
        return value.to(self.dtype) if value.is_floating_point() else value

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        args, kwargs = pytree.tree_map_only(torch.dtype, self._dtype, (args, kwargs))
        return target(*args, **kwargs)

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        if self.listener is not None:
            self.listener(n, result)
        return result

    def _dtype(self, dtype: torch.dtype) -> torch.dtype:
        return self.dtype if dtype.is_floating_point else dtype


def evaluate(
    program: Program, inputs: Sequence[torch.Tensor], *, dtype: torch.dtype, listener: Listener | None = None
) -> tuple[torch.Tensor, ...]:
    """The program's outputs on `inputs` (one tensor per placeholder; floating ones are converted to `dtype`)."""
    converted = [x.to(dtype) if x.is_floating_point() else x for x in inputs]
    with torch.no_grad():
        return tuple(Evaluator(program, dtype, listener).run(*converted, enable_io_processing=False))
