"""Operators that stay in float32 in a float16 program, told to coremltools by their names."""

from __future__ import annotations

import filecmp

import pytest
import torch
from small_programs import TENSOR, program_of
from torch import nn

from mobiledeploy import mil
from mobiledeploy.errors import InternalError, TargetError, UnsupportedError
from mobiledeploy.mil.dtype import DataType
from mobiledeploy.mil.program import TensorType
from mobiledeploy.targets.table import target_named
from mobiledeploy.targets.target import ALL_ROUNDED, ConversionOptions, EveryName, Mixture

FILES = ("Data/com.apple.CoreML/model.mlmodel", "Data/com.apple.CoreML/weights/weight.bin")


class Gated(nn.Module):
    """`silu` is one operator of Core ML, which coremltools fuses only after it has asked for the types."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(nn.functional.silu(self.first(x)))


class Huge(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.full((4, 3, 1, 1), 1e5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(nn.functional.conv2d(x, self.weight))


def converted(tmp_path, name, module, **options):
    package = tmp_path / f"{name}.mlpackage"
    target_named("coreml").convert(program_of(module, TENSOR), ConversionOptions(**options), package)
    return package


def dtypes(package):
    """By the operator's type, that of its first value; casts and constants left out."""
    operations = mil.load(package).function.block.operations
    working = [o for o in operations if o.type not in ("cast", "const")]
    kinds = {o.outputs[0]: (o.type, o.output_types[0]) for o in working}
    return [(name, kind[0], kind[1].dtype) for name, kind in kinds.items() if isinstance(kind[1], TensorType)]


def all_kept() -> Mixture:
    return Mixture(kept=EveryName(), rounded=())


def same(one, other) -> bool:
    return all(filecmp.cmp(one / file, other / file, shallow=False) for file in FILES)


def test_keeping_nothing_is_float16_byte_for_byte(tmp_path) -> None:
    module = Gated().eval()
    assert same(converted(tmp_path, "half", module), converted(tmp_path, "none", module, mixture=ALL_ROUNDED))


def test_keeping_everything_is_float32(tmp_path) -> None:
    kinds = dtypes(converted(tmp_path, "all", Gated().eval(), mixture=all_kept()))
    assert {dtype for _, _, dtype in kinds} == {DataType.FLOAT32}
    assert [kind for _, kind, _ in kinds] == ["conv", "silu", "conv"]


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_one_operator_is_kept_and_fused_as_ever(tmp_path, kept) -> None:
    """What was fused away has no name of its own, and goes with the operator that reads it."""
    module = Gated().eval()
    names = [name for name, _, _ in dtypes(converted(tmp_path, "all", module, mixture=all_kept()))]
    mixture = Mixture(frozenset({names[kept]}), frozenset(names) - {names[kept]})
    kinds = dtypes(converted(tmp_path, "one", module, mixture=mixture))
    assert [kind for _, kind, _ in kinds] == ["conv", "silu", "conv"]
    assert [dtype is DataType.FLOAT32 for _, _, dtype in kinds] == [index == kept for index in range(3)]


def test_the_same_mixture_gives_the_same_bytes(tmp_path) -> None:
    module = Gated().eval()
    mixture = Mixture(frozenset({"conv2d"}), frozenset())
    packages = [converted(tmp_path, name, module, mixture=mixture) for name in "ab"]
    assert same(*packages)


def test_a_name_that_is_not_there_is_a_bug_of_ours(tmp_path) -> None:
    with pytest.raises(InternalError, match="no operator nowhere to keep in float32"):
        converted(tmp_path, "none", Gated().eval(), mixture=Mixture(frozenset({"nowhere"}), frozenset()))


def test_weights_beyond_float16_are_refused_but_in_a_mixture(tmp_path) -> None:
    with pytest.raises(TargetError, match="beyond float16's largest number"):
        converted(tmp_path, "half", Huge().eval())
    kinds = dtypes(converted(tmp_path, "mixed", Huge().eval(), mixture=ALL_ROUNDED))
    assert [dtype for _, kind, dtype in kinds if kind == "conv"] == [DataType.FLOAT32]


def test_onnx_takes_no_mixtures() -> None:
    with pytest.raises(UnsupportedError, match="for Core ML programs only"):
        target_named("onnx").check_mixtures()
    target_named("coreml").check_mixtures()
