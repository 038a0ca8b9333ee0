"""A seeded picture with the statistics of a photograph.

White noise excites a vision model like nothing it was trained on: activations stay small, and errors in the large ones
go unseen. Two properties make noise resemble a photograph: its amplitude spectrum falls as 1/f, and its colours vary
mostly together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["natural_picture"]

_MEAN = np.array([0.485, 0.456, 0.406])
"""Mean of ImageNet's RGB pixels in 0..1 (torchvision's normalization constants)."""

_AXES = np.array([[-0.5675, -0.5808, -0.5836], [0.7192, -0.0045, -0.6948], [0.4009, -0.8140, 0.4203]])
_VARIANCES = np.array([0.2175, 0.0188, 0.0045])
"""Principal axes of ImageNet's RGB pixels and the variance along each: Krizhevsky et al. 2012 (AlexNet), section 4.1;
the numbers are those of facebook/fb.resnet.torch, datasets/imagenet.lua."""


def natural_picture(height: int, width: int, *, seed: int | Sequence[int]) -> NDArray[np.uint8]:
    """A (height, width, 3) uint8 RGB picture, the same on every machine for the same seed.

    Amplitude spectrum 1/f: Field 1987, "Relations between the statistics of natural images and the response properties
    of cortical cells". The noise is uniform (the 1/f sum over all pixels makes it Gaussian), because uniform doubles
    of PCG64 need no logarithm or cosine, whose last bits differ between C libraries.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    noise = generator.random((3, height, width))
    fields = np.fft.irfft2(np.fft.rfft2(noise) * _one_over_f(height, width), s=(height, width))
    spread = np.sqrt(np.mean(fields**2, axis=(1, 2), keepdims=True))
    fields = np.divide(fields, spread, out=np.zeros_like(fields), where=spread > 0)
    colours = np.einsum("khw,kc->hwc", fields * np.sqrt(_VARIANCES)[:, None, None], _AXES)
    pixels: NDArray[np.float64] = np.rint(np.clip(_MEAN + colours, 0.0, 1.0) * 255.0)
    return pixels.astype(np.uint8)


def _one_over_f(height: int, width: int) -> NDArray[np.float64]:
    """(height, width // 2 + 1): the reciprocal of the spatial frequency, zero at the constant."""
    frequency = np.sqrt(np.fft.fftfreq(height)[:, None] ** 2 + np.fft.rfftfreq(width)[None, :] ** 2)
    frequency[0, 0] = np.inf
    return np.asarray(1.0 / frequency)
