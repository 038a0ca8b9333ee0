"""Translations of ATen operators that coremltools lacks or gets wrong on its ExportedProgram route."""

from __future__ import annotations

from typing import Any

import numpy as np
from coremltools.converters.mil import Builder as mb  # noqa: N813 - its name in all of coremltools
from coremltools.converters.mil.frontend.torch import register_torch_op

__all__: list[str] = []


@register_torch_op(override=True)  # type: ignore[untyped-decorator]
def gelu(context: Any, node: Any) -> None:
    """gelu(x, *, approximate). coremltools drops the keyword, so that tanh became exact (its issue #2863). The sigmoid
    form comes from `sigmoid_gelu`."""
    (approximate,) = (node.kwinputs or {}).get("approximate", ("none",))
    mode = {"tanh": "TANH_APPROXIMATION", "sigmoid": "SIGMOID_APPROXIMATION"}.get(approximate, "EXACT")
    context.add(mb.gelu(x=context[node.inputs[0]], mode=mode, name=node.name))


@register_torch_op(override=True)  # type: ignore[untyped-decorator]
def reciprocal(context: Any, node: Any) -> None:
    """1 / x. coremltools takes Core ML's `inverse`, which adds 1e-4 to x."""
    context.add(mb.real_div(x=np.float32(1), y=context[node.inputs[0]], name=node.name))


@register_torch_op(override=True)  # type: ignore[untyped-decorator]
def rms_norm(context: Any, node: Any) -> None:
    """rms_norm(x, shape, weight, eps) = x / sqrt(mean(x²) + eps) * weight (Zhang and Sennrich 2019, arXiv:1910.07467).

    coremltools adds the epsilon outside the root, which inflates it (its issue #2821).
    """
    x, shape, weight, eps = (*node.inputs, *(None,) * 4)[:4]
    x, axes = context[x], list(range(-len(shape), 0))
    mean = mb.reduce_mean(x=mb.square(x=x), axes=axes, keep_dims=True)
    # torch's default is float32's own epsilon (torch.finfo(float32).eps).
    inverse = mb.rsqrt(x=mean, epsilon=float(np.finfo(np.float32).eps if eps is None else eps))
    if weight is None:
        context.add(mb.mul(x=x, y=inverse, name=node.name))
    else:
        context.add(mb.mul(x=mb.mul(x=x, y=inverse), y=context[weight], name=node.name))


_SCATTER_MODES = {"sum": "add", "prod": "mul", "amax": "max", "amin": "min"}


@register_torch_op(torch_alias=["scatter_reduce.two"])  # type: ignore[untyped-decorator]
def scatter_reduce(context: Any, node: Any) -> None:
    """scatter_reduce(x, dim, index, src, reduce, *, include_self=True); a mean has no mode in Core ML."""
    source, axis, index, updates, mode = node.inputs
    (with_self,) = (node.kwinputs or {}).get("include_self", (True,))
    if mode not in _SCATTER_MODES or not with_self:
        raise ValueError(f"Core ML scatters no {mode}{'' if with_self else ' without what was there'}")
    result = mb.scatter_along_axis(
        data=context[source],
        indices=context[index],
        updates=context[updates],
        axis=axis,
        mode=_SCATTER_MODES[mode],
        name=node.name,
    )
    context.add(result)
