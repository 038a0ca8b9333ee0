"""Normalizations. Statistics are computed in float32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from mobiledeploy.mil.operator import Family, Kernel
from mobiledeploy.mil.size import checked_shape

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY"]

FAMILY = Family("normalization")


@FAMILY.operator("batch_norm")
def batch_norm(call: Call) -> Kernel:
    """gamma (x - mean) / sqrt(variance + epsilon) + beta, per channel, with constant statistics."""
    affine = _scale_and_offset(call)
    for statistic in ("mean", "variance"):
        call.tensor(statistic)
    epsilon = call.epsilon(1e-5)

    def run(x: torch.Tensor, mean: torch.Tensor, variance: torch.Tensor, *constants: torch.Tensor) -> torch.Tensor:
        gamma, beta = affine(constants)
        return functional.batch_norm(x, mean, variance, gamma, beta, False, 0.0, epsilon)

    return Kernel(("x", "mean", "variance", *affine.given), run)


@FAMILY.operator("instance_norm")
def instance_norm(call: Call) -> Kernel:
    """gamma (x - E[x]) / sqrt(Var[x] + epsilon) + beta, over the spatial axes of each channel of each sample."""
    affine = _scale_and_offset(call)
    epsilon = call.epsilon(1e-5)
    axes = tuple(range(2, call.rank("x")))

    def run(x: torch.Tensor, *constants: torch.Tensor) -> torch.Tensor:
        gamma, beta = affine(constants)
        variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
        result = (x - mean).mul_((variance + epsilon).rsqrt_())
        shape = (-1, *(1,) * len(axes))
        if gamma is not None:
            result.mul_(gamma.reshape(shape))
        return result if beta is None else result.add_(beta.reshape(shape))

    return Kernel(("x", *affine.given), run)


@FAMILY.operator("layer_norm")
def layer_norm(call: Call) -> Kernel:
    """gamma (x - E[x]) / sqrt(Var[x] + epsilon) + beta, over `axes`; gamma and beta have those axes' shape, in
    the order of the axes of x."""
    rank = call.rank("x")
    axes = tuple(sorted(call.axes("axes", "x", tuple(range(rank)))))
    affine = _scale_and_offset(call)
    operands = ("x", *affine.given)
    epsilon = call.epsilon(1e-5)
    if axes == tuple(range(rank - len(axes), rank)):
        return Kernel(
            operands, lambda x, *given: functional.layer_norm(x, x.shape[-len(axes) :], *affine(given), epsilon)
        )

    def run(x: torch.Tensor, *constants: torch.Tensor) -> torch.Tensor:
        gamma, beta = affine(constants)
        variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
        result = (x - mean).mul_((variance + epsilon).rsqrt_())
        shape = [size if axis in axes else 1 for axis, size in enumerate(x.shape)]
        if gamma is not None:
            result.mul_(gamma.reshape(shape))
        return result if beta is None else result.add_(beta.reshape(shape))

    return Kernel(operands, run)


@FAMILY.operator("l2_norm")
def l2_norm(call: Call) -> Kernel:
    """x / sqrt(sum(x²) + epsilon), the sum over the last three axes."""
    epsilon = call.epsilon(1e-6)
    return Kernel(("x",), lambda x: x * (x.square().sum((-3, -2, -1), keepdim=True) + epsilon).rsqrt_())


@FAMILY.operator("local_response_norm")
def local_response_norm(call: Call) -> Kernel:
    """x / (k + alpha / size * sum over `size` neighbouring channels of x²)^beta.

    The channels are the third axis from the end at every rank, as in the neural-network layer of the name
    (NeuralNetwork.proto, LRNLayerParams). The documentation has them on axis 1, but the values that coremltools' tests
    expect of rank 3 do not.
    """
    size = call.integer("size")
    alpha, beta, k = call.number("alpha", 1e-4), call.number("beta", 0.75), call.number("k", 1.0)

    def run(x: torch.Tensor) -> torch.Tensor:
        images = x.reshape(-1, *x.shape[-3:])
        checked_shape([len(images), images.shape[1] + size, *images.shape[2:]])
        return functional.local_response_norm(images, size, alpha, beta, k).reshape(x.shape)

    return Kernel(("x",), run)


@dataclass(frozen=True)
class _Affine:
    """gamma and beta, of which a call may leave out either. `given`: those it has, operands of the kernel."""

    given: tuple[str, ...]

    def __call__(self, constants: Sequence[torch.Tensor]) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        by_name = dict(zip(self.given, constants, strict=True))
        return by_name.get("gamma"), by_name.get("beta")


def _scale_and_offset(call: Call) -> _Affine:
    given = call.present("gamma", "beta")
    for parameter in given:
        call.tensor(parameter)
    return _Affine(given)
