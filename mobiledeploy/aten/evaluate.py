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
    """The outputs on every sample, side by side: each weight is converted to `dtype` once for all samples, and
    dropped after its last use, so that a float64 run of a float32 model holds no second copy of it.

    `listener` is given each node's value, once per sample.
    """
    values: dict[fx.Node, list[Any]] = {}
    remaining = {node: len(node.users) for node in program.graph.nodes}
    feeds = iter(zip(*samples, strict=True))

    def value_of(node: fx.Node, number: int) -> Any:
        return apply(node, lambda argument: values[argument][number], dtype)

    with torch.no_grad():
        for node in program.graph.nodes:
            if node.op == "placeholder":
                values[node] = [_converted(tensor, dtype) for tensor in next(feeds)]
            elif node.op == "get_attr":
                values[node] = [_converted(program.constant(node), dtype)] * len(samples)
            elif node.op == "call_function":
                values[node] = [value_of(node, number) for number in range(len(samples))]
            if listener is not None and node.op != "output":
                for value in values[node]:
                    listener(node, value)
            for source in node.all_input_nodes if node.op != "output" else ():
                remaining[source] -= 1
                if not remaining[source]:
                    del values[source]
    outputs: Any = program.graph.output_node().args[0]
    return tuple(tuple(values[node][number] for node in outputs) for number in range(len(samples)))


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
    return node.target(*args, **kwargs)  # type: ignore[operator]


def _has_dtype(node: fx.Node) -> bool:
    schema = getattr(node.target, "_schema", None)
    return schema is not None and any(argument.name == "dtype" for argument in schema.arguments)


def _wide(dtype: torch.dtype, floating: torch.dtype) -> torch.dtype:
    if dtype.is_complex:
        return _COMPLEX[floating]
    return floating if dtype.is_floating_point else dtype


def _converted(tensor: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    return tensor.to(_wide(tensor.dtype, dtype))
