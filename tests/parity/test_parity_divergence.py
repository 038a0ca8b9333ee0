"""The first operator that leaves the original is named with its source line; a healthy network has none."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mixed_networks import INPUTS, seeded
from torch import nn

from mobiledeploy.parity.alignment import aligned_values
from mobiledeploy.parity.check import check
from mobiledeploy.parity.divergence import first_divergence, first_rounding_divergence
from mobiledeploy.parity.samples import Sample


class Overflow(nn.Module):
    """The square passes fp16's largest number, 65504, though the root after it is small again."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Linear(8, 12)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.gelu(self.first(x))
        y = x * 3000.0
        y = y * y  # culprit
        x = self.second(torch.sqrt(y + 1.0) * 1e-3) + x
        tokens = x.flatten(2).transpose(1, 2)
        tokens = F.scaled_dot_product_attention(tokens, tokens, tokens)
        return self.head(tokens.mean(1))


class Underflow(nn.Module):
    """The product is below fp16's smallest number, 6e-8, though it is scaled up again."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.sigmoid(self.conv(x))
        x = x * 1e-4
        x = x * x * x  # culprit
        return x * 1e12


class Cancellation(nn.Module):
    """A small difference of large numbers: nothing overflows, the bits are gone."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.conv(x))
        shifted = torch.sin(x) + 10000.0
        return torch.relu(shifted - 10000.0)  # culprit


class Saturated(nn.Module):
    """Overflow that heals: infinity becomes 1 in the sigmoid, as the large number would."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        large = torch.exp(x.abs() + 12.0)
        return torch.sigmoid(large) * x


class Split(nn.Module):
    """An operator with several outputs lies on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = torch.split(self.conv(x), 4, dim=1)
        large = (a.abs() + 2.0) * 60000.0  # culprit
        return torch.log(large) + b


class Constant(nn.Module):
    """A constant beyond fp16 keeps its operator in fp32; the cast of its result to fp16 overflows."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        large = (self.conv(x).abs() + 1.0) * 70000.0  # culprit
        return torch.log(large)


class LargeInput(nn.Module):
    """What the package is fed does not fit fp16."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(torch.log(x.abs() + 1.0))


def culprit_line(kind: type[nn.Module]) -> str:
    lines, start = inspect.getsourcelines(kind)
    (offset,) = [i for i, line in enumerate(lines) if line.rstrip().endswith("# culprit")]
    return f"{inspect.getsourcefile(kind)}:{start + offset}"


@pytest.mark.parametrize(
    ("kind", "operator"), [(Overflow, "mul"), (Underflow, "mul"), (Split, "mul"), (Constant, "cast")]
)
def test_an_fp16_failure_is_traced_to_its_operator_and_line(convert, kind, operator):
    converted = convert(seeded(kind()), INPUTS)
    report = check(converted.path, converted.reference, INPUTS, runner="mil", precision="float16")
    assert not report.passed
    for sample in converted.reference.samples:
        found = first_divergence(converted.path, converted.program, sample, bar_db=40.0)
        assert found is not None
        assert found.operator == operator
        assert found.psnr_db < 40.0 <= found.input_psnr_db
        assert found.line == culprit_line(kind)
        alone = first_rounding_divergence(converted.path, sample, bar_db=40.0)
        assert alone is not None
        assert (alone.operator, alone.output, alone.line) == (found.operator, found.output, None)


def test_an_input_beyond_fp16_is_the_first_cast(convert):
    converted = convert(LargeInput(), INPUTS)
    large = Sample("large", {"x": np.full((1, 3, 32, 32), 1e5, np.float32)})
    found = first_divergence(converted.path, converted.program, large, bar_db=40.0)
    assert found is not None
    assert (found.operator, found.input_psnr_db) == ("cast", math.inf)


def test_cancellation_is_named_where_the_difference_shows_it(convert):
    """Each number before the difference is right to 70 dB; what is lost shows where they are subtracted."""
    converted = convert(seeded(Cancellation()), INPUTS)
    found = first_divergence(converted.path, converted.program, converted.reference.samples[0], bar_db=40.0)
    assert found is not None
    assert found.operator in ("sub", "add")
    assert found.input_psnr_db > 66.0
    assert found.line == culprit_line(Cancellation)


@pytest.mark.parametrize("kind", [Overflow, Underflow, Cancellation, Split, Constant])
def test_in_float32_the_same_network_has_no_divergence(convert, kind):
    converted = convert(seeded(kind()), INPUTS, precision="float32")
    sample = converted.reference.samples[0]
    assert first_divergence(converted.path, converted.program, sample, bar_db=60.0) is None
    assert first_rounding_divergence(converted.path, sample, bar_db=60.0) is None


def test_an_overflow_that_heals_is_no_divergence(convert):
    converted = convert(seeded(Saturated()), INPUTS)
    report = check(converted.path, converted.reference, INPUTS, runner="mil", precision="float16")
    assert report.passed, report
    for sample in converted.reference.samples:
        assert first_divergence(converted.path, converted.program, sample, bar_db=40.0) is None
        assert first_rounding_divergence(converted.path, sample, bar_db=40.0) is None


def test_a_wrong_weight_in_the_package_is_found_against_the_program_only(convert):
    """What a converter gets wrong is in both runs of the package, and so invisible to the package alone."""
    converted = convert(seeded(Split()), INPUTS, precision="float32")
    graph = converted.program.graph_module
    weights = [name for name, _ in graph.named_buffers() if getattr(graph, name).dim() == 4]
    getattr(graph, weights[0]).mul_(1.5)
    sample = converted.reference.samples[0]
    found = first_divergence(converted.path, converted.program, sample, bar_db=60.0)
    assert found is not None
    assert found.operator == "conv"
    assert first_rounding_divergence(converted.path, sample, bar_db=60.0) is None


def test_most_values_of_a_package_are_aligned_by_name(convert):
    converted = convert(seeded(Overflow()), INPUTS)
    from mobiledeploy import mil

    operations = mil.load(converted.path).function.block.operations
    names = [name for operation in operations if operation.type != "const" for name in operation.outputs]
    x = torch.from_numpy(converted.reference.samples[0].arrays["x"])
    values, nodes = aligned_values(converted.program, (x,), names)
    assert set(values) == set(nodes)
    unknown = {name for name in names if name not in values}
    assert len(unknown) <= 5, unknown  # the cast of the input, and what attention is made of
    assert values["logits"].shape == (1, 12)


def test_a_bar_that_the_package_meets_gives_no_divergence_and_a_higher_one_does(convert):
    converted = convert(seeded(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3))), INPUTS)
    sample = converted.reference.samples[0]
    assert first_divergence(converted.path, converted.program, sample, bar_db=40.0) is None
    found = first_divergence(converted.path, converted.program, sample, bar_db=300.0)
    assert found is not None
    assert found.operator in ("cast", "conv")


def test_shapes_that_do_not_fit_are_not_compared(convert):
    """A name that coincides without being the same value must not accuse anybody."""
    converted = convert(seeded(Overflow()), INPUTS)
    graph, sample = converted.program.graph, converted.reference.samples[0]
    right = first_divergence(converted.path, converted.program, sample, bar_db=40.0)
    named = {node.name: node for node in graph.nodes}
    named["mul"]._rename("elsewhere")
    graph._graph_namespace._used_names.discard("mul")
    named["mean"]._rename("mul")
    assert named["mean"].name == "mul"
    found = first_divergence(converted.path, converted.program, sample, bar_db=40.0)
    assert found is not None
    assert (found.output, found.line) == (right.output, right.line) == ("mul_1_cast_fp16", culprit_line(Overflow))
