"""Random weights as training would have left them, as far as a wrong conversion has to show.

torch's own initial values hide bugs: a BatchNorm with mean 0, variance 1 and gamma 1 folds wrongly without a trace,
and so does a layer scale of 1e-5. Here every role gets values that matter, and that keep activations in fp16's range.

| role                                   | values                                                          |
|----------------------------------------|-----------------------------------------------------------------|
| weight of a convolution or Linear      | uniform, variance 1 / fan-in (He et al. 2015, without the ReLU) |
| its bias, a norm's beta                | uniform in -0.1..0.1                                            |
| a norm's gamma                         | uniform in 0.7..1.3                                             |
| a layer scale (one per channel)        | uniform in 0.1..0.5                                             |
| the slope of a PReLU                   | uniform in 0.1..0.4                                             |
| BatchNorm's running mean, variance     | what `calibration` measures, times 0.7..1.3 and off by 0.2     |
| position embeddings, tokens, the rest  | uniform in -0.1..0.1                                            |
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import torch
from torch import nn

from mobiledeploy.sources.weights.calibration import calibrate
from mobiledeploy.sources.weights.uniform import uniform

if TYPE_CHECKING:
    from mobiledeploy.records import InputSpec

__all__ = ["seed_weights"]

SCALE = re.compile(r"gamma|layer_?scale|^ls_?\d?$|scale$")
EMBEDDING = re.compile(r"pos|token|embed|bias|beta")


def seed_weights(module: nn.Module, inputs: tuple[InputSpec, ...], seed: int) -> None:
    """Overwrites every floating-point parameter and running statistic of `module`, in place. A value depends on
    `seed` and on the parameter's name, not on the order of creation."""
    with torch.no_grad():
        for path, owner in module.named_modules():
            for name, tensor in [*owner.named_parameters(recurse=False), *owner.named_buffers(recurse=False)]:
                bounds = _bounds(owner, name, tensor)
                if bounds is None:
                    continue
                values = uniform(seed, f"{path}.{name}", tensor.numel(), *bounds)
                tensor.copy_(torch.from_numpy(values).reshape(tensor.shape))
    module.eval()
    calibrate(module, inputs, seed)


def _bounds(owner: nn.Module, name: str, tensor: torch.Tensor) -> tuple[float, float] | None:
    """The interval that the values of `owner.name` are drawn from, or None for what stays as it is."""
    if not tensor.is_floating_point():
        return None
    if not isinstance(tensor, nn.Parameter):
        return {"running_mean": (-0.2, 0.2), "running_var": (0.7, 1.3)}.get(name)
    if name == "weight" and tensor.ndim >= 2:
        return _symmetric(1.0 / math.sqrt(_fan_in(owner, tensor)))
    if isinstance(owner, nn.PReLU):
        return 0.1, 0.4
    if name in ("weight", "alpha"):
        return 0.7, 1.3
    if SCALE.search(name):
        return 0.1, 0.5
    if tensor.ndim >= 2 and not EMBEDDING.search(name):
        return _symmetric(1.0 / math.sqrt(tensor.shape[-1]))
    return -0.1, 0.1


def _fan_in(owner: nn.Module, tensor: torch.Tensor) -> int:
    if isinstance(owner, nn.Embedding):
        return 1
    return tensor[0].numel()


def _symmetric(deviation: float) -> tuple[float, float]:
    bound = math.sqrt(3.0) * deviation
    return -bound, bound
