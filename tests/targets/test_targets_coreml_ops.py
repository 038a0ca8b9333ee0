"""Operators through coremltools and the executor, held against torch in float32."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from small_programs import TENSOR, example, largest_difference, program_of
from torch.nn import functional as F

from mobiledeploy import mil

Convert = Callable[..., Path]
Operator = Callable[[torch.Tensor], torch.Tensor]

# coremltools 9.0 lacks these or, where a number follows, gives other values (its issues).
OPERATORS: dict[str, Operator] = {
    "gelu tanh, #2863": lambda x: F.gelu(x * 3, approximate="tanh"),
    "gelu exact": lambda x: F.gelu(x * 3),
    "rms_norm, #2821": lambda x: F.rms_norm(x, (8,), eps=1e-1),
    "rms_norm of two axes with weight": lambda x: F.rms_norm(x, (8, 8), torch.arange(64.0).reshape(8, 8), eps=1e-3),
    "rms_norm without epsilon": lambda x: F.rms_norm(x, (8,)),
    "add with alpha": lambda x: torch.add(x, x.relu(), alpha=3),
    "addcmul": lambda x: torch.addcmul(x, x, x + 1, value=0.5),
    "average with its own divisor": lambda x: F.avg_pool2d(x, 3, 2, 1, divisor_override=4),
    "average with a divisor and a wide kernel": lambda x: F.avg_pool2d(x, (1, 3), divisor_override=7),
    "transposed convolution with output padding": lambda x: F.conv_transpose2d(
        x, torch.arange(54.0).reshape(3, 2, 3, 3) / 54, torch.tensor([1.0, -2.0]), 2, 0, 1
    ),
    "grouped transposed convolution with output padding": lambda x: F.conv_transpose2d(
        x, torch.arange(54.0).reshape(3, 2, 3, 3) / 54, None, (3, 2), 0, (2, 0), 3
    ),
    "transposed convolution with both paddings": lambda x: F.conv_transpose2d(
        x, torch.arange(54.0).reshape(3, 2, 3, 3) / 54, torch.tensor([1.0, -2.0]), 2, 1, 1
    ),
    "antialiased bilinear": lambda x: F.interpolate(x, size=(5, 3), mode="bilinear", antialias=True),
    "bilinear by a half of an odd size": lambda x: F.interpolate(x[:, :, 1:], scale_factor=0.5, mode="bilinear"),
    "nearest, exact": lambda x: F.interpolate(x, size=(5, 13), mode="nearest-exact"),
    "circular padding": lambda x: F.pad(x, (1, 2, 3, 1), mode="circular"),
    "negative padding": lambda x: F.pad(x, (-1, 2, 0, -1)),
    "reciprocal": lambda x: 1 / (x.abs() + 0.01),
    "softplus with a threshold": lambda x: F.softplus(x, 2.0, 1.0),
    "where with a number": lambda x: torch.where(x > 0, x, 0.5),
    "cosine similarity": lambda x: F.cosine_similarity(x, x + 1, dim=1),
    "logsigmoid": lambda x: F.logsigmoid(x * 5),
    "bicubic": lambda x: F.interpolate(x, size=(13, 11), mode="bicubic"),
    "celu": lambda x: F.celu(x, 1.5),
    "chunk": lambda x: torch.cat(x.chunk(3, -1)[::-1], -1),
    "tensor_split": lambda x: x.tensor_split(3, -1)[1],
    "cast of a mask": lambda x: (x > 0).to(torch.float32),
    "attention with scale": lambda x: F.scaled_dot_product_attention(x, x, x, scale=0.3),
    "causal attention": lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_values_are_torchs(convert: Convert, name: str) -> None:
    function = OPERATORS[name]
    package = convert(program_of(lambda net, x: function(x)), "coreml", precision="float32")
    x = example(TENSOR)
    (output,) = mil.load(package).predict({"x": x.numpy()}).values()
    assert largest_difference(output, function(x)) < 1e-5


@pytest.mark.parametrize("approximate", ["tanh", "none"])
def test_the_two_kinds_of_gelu_stay_apart(convert: Convert, approximate: str) -> None:
    """They differ by 5e-4 at most: too little for a tolerance to tell, so the operator's own mode is read."""
    package = convert(program_of(lambda net, x: F.gelu(x, approximate=approximate)), "coreml", precision="float32")
    (gelu,) = [op for op in mil.load(package).function.block.operations if op.type == "gelu"]
    other = {"tanh": "none", "none": "tanh"}[approximate]
    x = torch.linspace(-3, 3, 192).reshape(TENSOR.shape)
    (output,) = mil.load(package).predict({"x": x.numpy()}).values()
    right, wrong = (largest_difference(output, F.gelu(x, approximate=mode)) for mode in (approximate, other))
    assert right < 1e-6
    assert wrong > 1e-4
    assert gelu.outputs
