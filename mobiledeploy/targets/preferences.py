"""Where our own formula stands before a converter's translation: it fails there, or gives other values.

Each entry says for an operator which of its calls are meant; what the formula itself declines stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import fx

from mobiledeploy.aten.graph import arguments, aten, is_call, rank, shape

__all__ = ["COREML", "ONNX", "Preferences", "has_projections", "prefers_formula"]

Preferences = Mapping[Any, Callable[[fx.Node], bool]]


def prefers_formula(node: fx.Node, preferences: Preferences) -> bool:
    applies = preferences.get(node.target)
    return applies is not None and applies(node)


def _always(_: fx.Node) -> bool:
    return True


def _unusual_average(node: fx.Node) -> bool:
    """Unbatched, windows that hang over (coremltools' issue #2772), a divisor of its own."""
    x, kernel, _, _, ceil_mode, _, *divisor = arguments(node)
    return rank(x) == len(kernel) + 1 or ceil_mode or any(d is not None for d in divisor)


def _own_divisor(node: fx.Node) -> bool:
    return len(node.args) > 6 and node.args[6] is not None


def _dilated(node: fx.Node) -> bool:
    dilation: Any = arguments(node)[4]
    return any(step != 1 for step in dilation)


def _in_training(node: fx.Node) -> bool:
    return bool(node.args[5])


def _of_all(node: fx.Node) -> bool:
    return arguments(node)[1] is None


def has_projections(node: fx.Node) -> bool:
    """An LSTM whose output is narrower than its cell, which neither Core ML nor ONNX has."""
    if not is_call(node, aten.lstm.input):
        return False
    states: Any = node.args[1]
    hidden, cell = states
    return shape(hidden)[-1] != shape(cell)[-1]


# Of coremltools 9.0.
COREML: Preferences = {
    aten.__and__.Scalar: _always,  # booleans only
    aten.affine_grid_generator.default: _always,  # raises
    aten.argmax.default: _of_all,  # along the last axis
    aten.argmin.default: _of_all,
    aten.avg_pool1d.default: _unusual_average,
    aten.avg_pool2d.default: _unusual_average,
    aten.avg_pool3d.default: _unusual_average,
    aten.bitwise_and.Scalar: _always,
    aten.bitwise_and.Tensor: _always,
    aten.diag.default: _always,  # gives the matrix back
    aten.diagonal.default: _always,  # first two axes only
    aten.index_put.default: _always,  # by one number beside whole slices only
    aten.max_pool1d.default: _dilated,
    aten.max_pool2d.default: _dilated,
    aten.max_pool2d_with_indices.default: _always,
    aten.max_pool3d.default: _dilated,
    aten.nan_to_num.default: _always,  # writes through the places of NaN, whose number depends on data
    aten.scaled_dot_product_attention.default: _always,  # passes over enable_gqa
    aten.searchsorted.Tensor: _always,  # passes over right
}

# Of torch.onnx 2.13.
ONNX: Preferences = {
    aten.avg_pool2d.default: _own_divisor,  # passes over it
    aten.avg_pool3d.default: _own_divisor,
    aten.batch_norm.default: _in_training,  # takes the running statistics
    # Several of them in one graph, inlined with a cast of their bounds, lose a bound.
    aten.clamp.default: _always,
    aten.clamp.Tensor: _always,
    aten.clip.default: _always,
    aten.clip.Tensor: _always,
    aten.logit.default: _always,
    aten.log_sigmoid.default: _always,  # log(sigmoid(x)) overflows
    aten.scaled_dot_product_attention.default: _always,
}
