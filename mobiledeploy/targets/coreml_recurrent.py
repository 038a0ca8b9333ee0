"""LSTM layers as Core ML's own operator, which coremltools has for TorchScript only.

lstm(x, (h, c), weights, …)  ──▶  lstm ── lstm ── …, one for each layer, both directions in one

torch stacks the gates as input, forget, cell, output (torch.nn.LSTM); Core ML as input, forget, output, cell (its iOS15
`lstm`). Core ML's GRU applies the reset gate before the product, torch behind it: a GRU stays the steps it consists of.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from coremltools.converters.mil import Builder as mb  # noqa: N813 - its name in all of coremltools
from coremltools.converters.mil.frontend.torch import register_torch_op

__all__: list[str] = []


@register_torch_op(torch_alias=["lstm.input"], override=True)  # type: ignore[untyped-decorator]
def lstm(context: Any, node: Any) -> None:
    """lstm.input(x, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)."""
    source, states, parameters, has_biases, layers, _, _, bidirectional, batch_first = node.inputs
    directions = 2 if bidirectional else 1
    x = context[source]
    if batch_first:
        x = mb.transpose(x=x, perm=[1, 0, 2])
    hidden, cell = (_by_layer(context[state], layers, directions) for state in states)
    values = [np.asarray(context[name].val) for name in parameters]
    size = len(values) // layers
    last = []
    for layer in range(layers):
        weights = _weights(values[layer * size : (layer + 1) * size], has_biases, directions)
        x, h, c = mb.lstm(x=x, initial_h=hidden[layer], initial_c=cell[layer], output_sequence=True, **weights)
        last.append((h, c))
    if batch_first:
        x = mb.transpose(x=x, perm=[1, 0, 2])
    finals = [_stacked([pair[part] for pair in last], directions) for part in (0, 1)]
    context.add((x, *finals), torch_name=node.name)


def _weights(values: list[Any], has_biases: bool, directions: int) -> dict[str, Any]:
    size = len(values) // directions
    arguments: dict[str, Any] = {"direction": "bidirectional" if directions == 2 else "forward"}
    for suffix, start in (("", 0), ("_back", size))[:directions]:
        arguments[f"weight_ih{suffix}"] = _reordered(values[start])
        arguments[f"weight_hh{suffix}"] = _reordered(values[start + 1])
        if has_biases:
            arguments[f"bias{suffix}"] = _reordered(values[start + 2] + values[start + 3])
    return arguments


def _reordered(gates: Any) -> Any:
    entry, forget, cell, output = np.split(gates, 4)
    return np.concatenate((entry, forget, output, cell))


def _by_layer(state: Any, layers: int, directions: int) -> list[Any]:
    """(layers * directions, batch, hidden)  ──▶  for each layer (batch, directions * hidden)"""
    rows = mb.split(x=state, num_splits=layers * directions, axis=0) if layers * directions > 1 else [state]
    flat = [mb.squeeze(x=row, axes=[0]) for row in rows]
    if directions == 1:
        return flat
    return [mb.concat(values=flat[2 * layer : 2 * layer + 2], axis=1) for layer in range(layers)]


def _stacked(states: list[Any], directions: int) -> Any:
    """The way back: (layers * directions, batch, hidden)"""
    rows = states if directions == 1 else [half for state in states for half in mb.split(x=state, num_splits=2, axis=1)]
    return mb.stack(values=rows, axis=0)
