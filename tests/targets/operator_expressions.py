"""Torch's public functional API that a vision model may use, as expressions over one picture-like tensor.

`x` is a float32 (2, 3, 8, 6) of normally distributed numbers, `n` an int64 (2, 5) of 0..3, `m`
a module made by the expression before the colon.
"""

from __future__ import annotations

from expressions_of_places import CONVOLUTIONS, INDEXING, MODULES, MOVEMENT, POOLING, RESIZING
from expressions_of_values import ACTIVATIONS, COMPARISONS, LOSSES, NORMS, POINTWISE, PRODUCTS, REDUCTIONS, SPECTRA

__all__ = ["EXPRESSIONS", "REFUSED"]

EXPRESSIONS: dict[str, str] = {
    "pointwise": POINTWISE,
    "comparisons": COMPARISONS,
    "reductions": REDUCTIONS,
    "movement": MOVEMENT,
    "indexing": INDEXING,
    "products": PRODUCTS,
    "activations": ACTIVATIONS,
    "norms": NORMS,
    "convolutions": CONVOLUTIONS,
    "pooling": POOLING,
    "resizing": RESIZING,
    "spectra": SPECTRA,
    "losses": LOSSES,
    "modules": MODULES,
}

# What stays refused, by target, and the words it is refused with.
REFUSED: dict[str, dict[str, str]] = {
    "torch.digamma(x.abs() + 0.5)": dict.fromkeys(("coreml", "onnx"), "digamma"),
    "torch.lgamma(x.abs() + 0.5)": dict.fromkeys(("coreml", "onnx"), "lgamma"),
    "torch.mode(n, 1).values": dict.fromkeys(("coreml", "onnx"), "mode"),
    "nn.EmbeddingBag(4, 6): m(n)": {"coreml": "_embedding_bag"},
    "torch.special.i0(x)": dict.fromkeys(("coreml", "onnx"), "i0"),
}
