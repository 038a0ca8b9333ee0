"""Activations in the fewest operators that Core ML has for them.

| ATen              | coremltools 9.0                              | here                           |
|-------------------|----------------------------------------------|--------------------------------|
| hardswish         | thresholded_relu, sigmoid_hard, mul          | sigmoid_hard, mul              |
| celu              | mul, exp, sub, mul, greater, select          | mul, elu, mul; elu for alpha 1 |
| log_sigmoid       | clip, abs, mul, exp, log, sub                | mul, softplus, mul             |
| threshold         | threshold, greater_equal, linear_activation… | greater, select                |
| softshrink        | abs, greater, sign, mul, sub, mul, select    | clip, sub                      |
"""

from __future__ import annotations

from typing import Any

import numpy as np
from coremltools.converters.mil import Builder as mb  # noqa: N813 - its name in all of coremltools
from coremltools.converters.mil.frontend.torch import register_torch_op

__all__: list[str] = []


@register_torch_op(override=True)  # type: ignore[untyped-decorator]
def hardswish(context: Any, node: Any) -> None:
    """x · clip(x / 6 + 1/2, 0, 1) (Howard et al. 2019, arXiv:1905.02244): below -3 the factor is 0 by itself."""
    x = context[node.inputs[0]]
    factor = mb.sigmoid_hard(x=x, alpha=1.0 / 6.0, beta=0.5)
    context.add(mb.mul(x=x, y=factor, name=node.name))


@register_torch_op(override=True)  # type: ignore[untyped-decorator]
def celu(context: Any, node: Any) -> None:
    """a · elu(x / a), where elu(t) = t above 0 and exp(t) - 1 below (Barron 2017, arXiv:1704.07483)."""
    x, alpha = (*node.inputs, None)[:2]
    x, scale = context[x], _number(context, alpha, 1.0)
    if scale == 1.0:
        context.add(mb.elu(x=x, alpha=1.0, name=node.name))
    else:
        inner = mb.elu(x=mb.mul(x=x, y=np.float32(1.0 / scale)), alpha=1.0)
        context.add(mb.mul(x=inner, y=np.float32(scale), name=node.name))


@register_torch_op(override=True)  # type: ignore[untyped-decorator]
def log_sigmoid(context: Any, node: Any) -> None:
    """-softplus(-x), which overflows on neither side."""
    negated = mb.mul(x=context[node.inputs[0]], y=np.float32(-1.0))
    context.add(mb.mul(x=mb.softplus(x=negated), y=np.float32(-1.0), name=node.name))


@register_torch_op(override=True)  # type: ignore[untyped-decorator]
def threshold(context: Any, node: Any) -> None:
    """x where it is above the threshold, elsewhere the value."""
    x, limit, value = (context[node.inputs[0]], *(_number(context, i, 0.0) for i in node.inputs[1:3]))
    above = mb.greater(x=x, y=np.float32(limit))
    context.add(mb.select(cond=above, a=x, b=np.float32(value), name=node.name))


@register_torch_op(override=True)  # type: ignore[untyped-decorator]
def softshrink(context: Any, node: Any) -> None:
    """x - clip(x, -l, l)."""
    x, limit = (*node.inputs, None)[:2]
    x, bound = context[x], _number(context, limit, 0.5)
    context.add(mb.sub(x=x, y=mb.clip(x=x, alpha=-bound, beta=bound), name=node.name))


def _number(context: Any, given: Any, default: float) -> float:
    """An argument as the graph of coremltools holds it: a number itself, or the name of a constant."""
    if given is None:
        return default
    if isinstance(given, str):
        given = context[given]
    return float(getattr(given, "val", given))
