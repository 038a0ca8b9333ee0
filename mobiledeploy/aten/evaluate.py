"""Runs a program's graph in float64 or float32, node by node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program

__all__ = ["apply", "evaluate", "evaluate_all"]

Listener = Callable[[fx.Node, Any], None]

_COMPLEX = {torch.float64: torch.complex128, torch.float32: torch.complex64}


def evaluate(
    program: Program, inputs: Sequence[torch.Tensor], *, dtype: torch.dtype, listener: Listener | None = None
) -> tuple[torch.Tensor, ...]:
    """The program's outputs on `inputs` (one tensor per placeholder; floating ones are converted to `dtype`)."""
    return evaluate_all(program, (inputs,), dtype=dtype, listener=listener)[0]


def evaluate_all(
    program: Program,
    samples: Sequence[Sequence[torch.Tensor]],
    *,
    dtype: torch.dtype,
    listener: Listener | None = None,
) -> tuple[tuple[torch.Tensor, ...], ...]:
    """The outputs on every sample, side by side: each weight is converted to `dtype` once for all samples, when it is
    first read, and dropped after its last use, so that a float64 run of a float32 model holds no second copy of it.

    `listener` is given each node's value, once per sample.
    """
    run = _Run(program, dtype, len(samples), listener)
    feeds = iter(zip(*samples, strict=True))
    with torch.no_grad():
        for node in program.graph.nodes:
            if node.op == "placeholder":
                run.keep(node, [_converted(tensor, dtype) for tensor in next(feeds)])
            elif node.op == "call_function":
                run.call(node)
        outputs: Any = program.graph.output_node().args[0]
        values = [run.values_of(node) for node in outputs]
    return tuple(zip(*values, strict=True)) if values else ((),) * len(samples)


class _Run:
    """The values that somebody still reads, one per sample."""

    def __init__(self, program: Program, dtype: torch.dtype, samples: int, listener: Listener | None) -> None:
        self.program, self.dtype, self.samples, self.listener = program, dtype, samples, listener
        self.values: dict[fx.Node, list[Any]] = {}
        self.remaining = {node: len(node.users) for node in program.graph.nodes}

    def keep(self, node: fx.Node, values: list[Any]) -> None:
        self.values[node] = values
        if self.listener is not None:
            for value in values:
                self.listener(node, value)

    def values_of(self, node: fx.Node) -> list[Any]:
        if node.op == "get_attr" and node not in self.values:
            self.keep(node, [_converted(self.program.constant(node), self.dtype)] * self.samples)
        return self.values[node]

    def call(self, node: fx.Node) -> None:
        given = {source: self.values_of(source) for source in node.all_input_nodes}
        self.keep(node, [apply(node, lambda n, i=i: given[n][i], self.dtype) for i in range(self.samples)])  # type: ignore[misc]
        for source in given:
            self.remaining[source] -= 1
            if not self.remaining[source]:
                del self.values[source]


def apply(node: fx.Node, value: Callable[[fx.Node], Any], dtype: torch.dtype) -> Any:
    """Calls the node's operator on `value(argument)`, with every floating dtype it names or implies as `dtype`."""

    def argument(leaf: Any) -> Any:
        if isinstance(leaf, fx.Node):
            return value(leaf)
        return _wide(leaf, dtype) if isinstance(leaf, torch.dtype) else leaf

    args, kwargs = fx.node.map_aggregate((node.args, node.kwargs), argument)
    if not node.all_input_nodes and kwargs.get("dtype") is None and _has_dtype(node):
        # A constructor without a dtype takes torch's default.
        kwargs = {**kwargs, "dtype": _wide(node.meta["val"].dtype, dtype)}
    if not _chooses_dtype(node):
        return node.target(*args, **kwargs)  # type: ignore[operator]
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        return node.target(*args, **kwargs)  # type: ignore[operator]
    finally:
        torch.set_default_dtype(before)


def _chooses_dtype(node: fx.Node) -> bool:
    """A floating result of no floating tensor, as `arange(4) + 0.5`, is of torch's default type."""
    if not _is_floating(node):
        return False
    return not any(_is_floating(source) for source in node.all_input_nodes)


def _is_floating(node: fx.Node) -> bool:
    value = node.meta.get("val")
    return isinstance(value, torch.Tensor) and value.dtype.is_floating_point


def _has_dtype(node: fx.Node) -> bool:
    schema = getattr(node.target, "_schema", None)
    return schema is not None and any(argument.name == "dtype" for argument in schema.arguments)


def _wide(dtype: torch.dtype, floating: torch.dtype) -> torch.dtype:
    if dtype.is_complex:
        return _COMPLEX[floating]
    return floating if dtype.is_floating_point else dtype


def _converted(tensor: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    return tensor.to(_wide(tensor.dtype, dtype))
