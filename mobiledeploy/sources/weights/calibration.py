"""BatchNorm statistics that fit the activations, as training would have left them.

Random weights with statistics of 0 and 1 do not survive depth: the branches of MobileOne add up to 1e12, and in
EfficientNet nothing of the picture reaches the output. So each BatchNorm, in the order of execution, is shown what
arrives at it from a few seeded pictures, and takes its mean per channel and its deviation from that.

The pictures must be as unlike as photographs are. Where they are alike, little deviation is left deep in the network;
divided by that, a photograph's differences grow from layer to layer until softmax saturates, and with them the rounding
errors: EfficientViT-M0 in fp16 is 26 dB from itself in float32 after two pictures of one kind, 55 dB after four unlike.

A sum is rounded differently on different machines, the weights must not differ. Hence what is measured, in float64, is
only taken as a power of two (deviation) or a multiple of an eighth of one (mean): to come out differently, a
statistic would have to lie within a rounding error, 1e-13, of a step. The variety between channels comes from the
seeded values that the statistics hold before.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from mobiledeploy.sources.caches import forget
from mobiledeploy.sources.weights.uniform import uniform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mobiledeploy.records import InputSpec

__all__ = ["calibrate", "seeded_pictures"]

# What is below is a difference of equal things, the rounding errors of the machine at hand.
SILENCE = 1e-6

PICTURES = 4


def calibrate(module: nn.Module, inputs: Sequence[InputSpec], seed: int) -> None:
    """Fits the running statistics of every BatchNorm in `module`, in place: with u the running mean and v the running
    variance that are there (u around 0, v around 1), and m, s of what arrives, rounded as above,

        mean = m + s u        variance = s² v

    A module without BatchNorm, or one that does not run on pictures, stays as it is.
    """
    norms = [child for child in module.modules() if isinstance(child, nn.modules.batchnorm._BatchNorm)]
    fits = [_Fit(norm, norm.running_mean, norm.running_var) for norm in norms if norm.running_mean is not None]
    if not fits:
        return
    # one picture is for models of a fixed batch, float32 for code that insists on it
    for count, dtype in ((PICTURES, torch.float64), (1, torch.float64), (1, torch.float32)):
        if _fitted(module, fits, _examples(inputs, seed, count, dtype), dtype):
            return
    for fit in fits:
        fit.undo()


def _examples(inputs: Sequence[InputSpec], seed: int, count: int, dtype: torch.dtype) -> list[torch.Tensor]:
    """`count` pictures (of those made for one) for each input in floating point, zeros for the others."""
    examples = []
    for spec in inputs:
        shape = (spec.shape[0] * count, *spec.shape[1:]) if spec.shape else spec.shape
        if getattr(torch, spec.dtype).is_floating_point:
            examples.append(torch.from_numpy(seeded_pictures(seed, shape)).to(dtype))
        else:
            examples.append(torch.zeros(shape, dtype=getattr(torch, spec.dtype)))
    return examples


def _fitted(module: nn.Module, fits: Sequence[_Fit], examples: Sequence[torch.Tensor], dtype: torch.dtype) -> bool:
    handles = [fit.norm.register_forward_pre_hook(fit) for fit in fits]
    forget(module)
    try:
        with torch.no_grad():
            module.to(dtype)(*examples)
    # the model is anybody's code, and a type that it refuses is no error here
    except Exception:
        return False
    finally:
        module.float()
        forget(module)
        for handle in handles:
            handle.remove()
    return True


class _Fit:
    """A forward pre-hook: what arrives, (N, C, ...), fixes the statistics that the norm then works with."""

    def __init__(
        self, norm: nn.modules.batchnorm._BatchNorm, mean: torch.Tensor, variance: torch.Tensor | None
    ) -> None:
        assert variance is not None
        self.norm = norm
        self.mean = mean.double()
        self.variance = variance.double()

    def __call__(self, _: nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
        values = arguments[0].transpose(0, 1).flatten(1).numpy()
        # one value per channel has no deviation
        if values.shape[1] > 1:
            mean, deviation = _rounded(values)
            self._set(torch.from_numpy(mean) + deviation * self.mean, deviation**2 * self.variance)

    def undo(self) -> None:
        self._set(self.mean, self.variance)

    def _set(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        assert self.norm.running_mean is not None
        assert self.norm.running_var is not None
        # the values that remain when the module is float32 again are the ones it is run with here
        self.norm.running_mean.copy_(mean.float())
        self.norm.running_var.copy_(variance.float())


def _rounded(values: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.float64], float]:
    """Mean per channel of (C, N), and one deviation for all: that of the loudest channel, lest one that is nearly
    silent on these pictures is amplified without bounds on others; and at least 0.7 of its mean, lest one that is much
    the same all over them is."""
    mean = values.mean(axis=1, dtype=np.float64)
    deviation = math.sqrt(float((values.var(axis=1, dtype=np.float64) + 0.5 * mean**2).max(initial=0.0)))
    if not SILENCE < deviation < math.inf:
        return np.zeros_like(mean), 1.0
    mantissa, exponent = math.frexp(deviation)
    power = math.ldexp(1.0, exponent if mantissa >= 0.75 else exponent - 1)
    return np.round(mean / power * 8.0) / 8.0 * power, power


def seeded_pictures(seed: int, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Pictures with detail at every scale, as photographs have it: noise in squares of 1, 2, 4 … pixels, added up; and
    as unlike each other as photographs are, in brightness, colour cast, and the share of each scale. Clipped to
    -2.2..2.6, which black and white are after ImageNet's normalization. More grey than colour: the channels of
    photographs are alike.
    """
    if len(shape) != 4:
        return uniform(seed, f"input {shape}", int(np.prod(shape)), -1.7, 1.7).reshape(shape)
    count, channels, height, width = shape
    octaves = max(min(height, width).bit_length(), 1)
    picture = _noise(seed, "brightness", (count, 1, 1, 1), 1.2) + _noise(seed, "cast", (count, channels, 1, 1), 0.6)
    shares = uniform(seed, "shares", count * octaves, 0.0, 3.0).reshape(count, octaves, 1, 1, 1)
    shares /= np.float32(math.sqrt(octaves))
    for octave in range(octaves):
        rows, columns = (height - 1 >> octave) + 1, (width - 1 >> octave) + 1
        squares = _noise(seed, f"gray {octave}", (count, 1, rows, columns), 0.9)
        squares = squares + _noise(seed, f"color {octave}", (count, channels, rows, columns), 0.5)
        squares *= shares[:, octave]
        picture = picture + squares.repeat(1 << octave, 2).repeat(1 << octave, 3)[:, :, :height, :width]
    np.clip(picture, np.float32(-2.2), np.float32(2.6), out=picture)
    return picture


def _noise(seed: int, name: str, shape: tuple[int, ...], bound: float) -> npt.NDArray[np.float32]:
    return uniform(seed, name, math.prod(shape), -bound, bound).reshape(shape)
