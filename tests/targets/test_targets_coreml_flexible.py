"""Programs of one model at several sizes as one package: which form it takes, and that every size computes its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from small_programs import IMAGENET, example, largest_difference, operations_of, program_of, specification_of
from torch import nn
from torch.nn import functional as F

from mobiledeploy import mil
from mobiledeploy.aten.matching_resizes import match_resizes
from mobiledeploy.errors import InputError, TargetError, UnsupportedError
from mobiledeploy.records import InputSpec
from mobiledeploy.targets.table import target_named
from mobiledeploy.targets.target import ConversionOptions

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program
    from mobiledeploy.records import FlexibleSizes

Size = tuple[int, int]
SQUARES: tuple[Size, ...] = ((16, 16), (24, 24), (32, 32))
# Matrix products and convolutions of a few hundred float32 terms.
FLOAT32 = 1e-4


class Blocks(nn.Module):
    """MobileViT in small: features, resized to even ones where they are odd, cut into blocks of 2x2, attended to within
    the places of a block, put together again."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.mix = nn.Linear(8, 8)
        self.head = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        batch, channels, height, width = x.shape
        rows, columns = -(-height // 2), -(-width // 2)
        even = (rows * 2, columns * 2)
        if even != (height, width):
            x = F.interpolate(x, size=even, mode="bilinear")
        x = x.reshape(batch * channels * rows, 2, columns, 2).transpose(1, 2)
        x = x.reshape(batch, channels, rows * columns, 4).transpose(1, 3)
        x = self.mix((x @ x.transpose(2, 3)).softmax(-1) @ x)
        x = x.transpose(1, 3).reshape(batch * channels * rows, columns, 2, 2).transpose(1, 2)
        x = x.reshape(batch, channels, *even)
        if even != (height, width):
            x = F.interpolate(x, size=(height, width), mode="bilinear")
        return self.head(x.mean((2, 3)))


class Positions(nn.Module):
    """A vision transformer in small: position embeddings of one grid, resampled for the others."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 96, 4, stride=4)
        self.positions = nn.Parameter(torch.zeros(1, 96, 8, 8))
        self.keys = nn.Linear(96, 96, bias=False)
        self.head = nn.Linear(96, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patches(x)
        positions = F.interpolate(self.positions, size=x.shape[2:], mode="bicubic", align_corners=False)
        tokens = (x + positions).flatten(2).transpose(1, 2)
        return self.head(((tokens @ self.keys(tokens).transpose(1, 2)).softmax(-1) @ tokens).mean(1))


def convolved(function: Callable[[torch.Tensor], torch.Tensor]) -> Callable[..., torch.Tensor]:
    return lambda module, x: function(module.conv(x))


def sized(module: Any, sizes: tuple[Size, ...], *, kind: Any = "tensor", **options: Any) -> dict[Size, Program]:
    known = IMAGENET if kind == "image" else None
    specs = {size: InputSpec("image", (1, 3, *size), kind=kind, preprocessing=known) for size in sizes}
    programs = {size: program_of(module, spec, **options) for size, spec in specs.items()}
    match_resizes(list(programs.values()))
    return programs


def converted(programs: dict[Size, Program], folder: Path, **options: Any) -> tuple[FlexibleSizes, Path]:
    path = folder / f"net{len(list(folder.iterdir()))}.mlpackage"
    wanted = ConversionOptions(**{"precision": "float32", **options})
    return target_named("coreml").convert_sizes(programs, wanted, path), path


def feed(spec: InputSpec, x: torch.Tensor) -> Any:
    return x[0].permute(1, 2, 0).byte().numpy() if spec.kind == "image" else x.numpy()


def assert_every_size_agrees(made: FlexibleSizes, path: Path, programs: dict[Size, Program], tolerance: float) -> None:
    for size, program in programs.items():
        (spec,) = program.inputs
        x = example(spec)
        expected = program.graph_module(x)
        found = mil.load(path, made.function(size)).predict({spec.name: feed(spec, x)})
        for name, value in zip(program.outputs, expected, strict=True):
            assert largest_difference(found[name], value) <= tolerance * float(value.abs().max()), (size, name)


def test_a_convolutional_network_is_one_function_that_computes_no_sizes(tmp_path) -> None:
    programs = sized(convolved(lambda x: x.relu().mean((2, 3))), SQUARES)
    made, path = converted(programs, tmp_path)
    assert (made.form, made.sizes, made.functions) == ("enumerated", SQUARES, ())
    assert operations_of(path) == ["conv", "relu", "reduce_mean"]
    assert_every_size_agrees(made, path, programs, FLOAT32)


def test_the_description_enumerates_the_sizes_the_default_first(tmp_path) -> None:
    programs = sized(convolved(torch.relu), ((24, 16), (16, 20)), kind="image")
    _, path = converted(programs, tmp_path)
    description = specification_of(path).description
    image = description.input[0].type.imageType
    assert (image.height, image.width) == (24, 16)
    assert [(size.height, size.width) for size in image.enumeratedSizes.sizes] == [(24, 16), (16, 20)]
    assert list(description.output[0].type.multiArrayType.shape) == [], "the output's size depends on the input's"
    (function,) = specification_of(path).mlProgram.functions.values()
    axes = function.inputs[0].type.tensorType.dimensions
    assert [axis.HasField("unknown") for axis in axes] == [False, False, True, True]


def test_a_tensor_input_enumerates_whole_shapes(tmp_path) -> None:
    programs = sized(convolved(lambda x: x.mean((2, 3))), ((24, 16), (16, 16)))
    _, path = converted(programs, tmp_path)
    array = specification_of(path).description.input[0].type.multiArrayType
    assert list(array.shape) == [1, 3, 24, 16]
    assert [list(shape.shape) for shape in array.enumeratedShapes.shapes] == [[1, 3, 24, 16], [1, 3, 16, 16]]


@pytest.mark.parametrize("target", ["iOS15", "iOS16", "iOS17", "iOS18"])
def test_blocks_are_one_function_with_shapes_computed_from_the_input(tmp_path, target) -> None:
    programs = sized(Blocks(), ((16, 16), (32, 32), (24, 40)))
    made, path = converted(programs, tmp_path, deployment_target=target)
    assert made.form == "enumerated"
    operators = operations_of(path)
    assert operators.count("shape") == 1
    assert "upsample_bilinear" not in operators
    assert_every_size_agrees(made, path, programs, FLOAT32)


@pytest.mark.parametrize("target", ["iOS15", "iOS16", "iOS17", "iOS18"])
def test_coremltools_reads_the_program_back_and_finds_its_types_right(tmp_path, target) -> None:
    """Its reader infers every type anew, with a symbol for each unknown size."""
    from coremltools.converters.mil.frontend.milproto.load import load

    _, path = converted(sized(Blocks(), ((16, 16), (10, 10), (14, 22))), tmp_path, deployment_target=target)
    specification = specification_of(path)
    weights = path / "Data/com.apple.CoreML/weights"
    read = load(specification, specification.specificationVersion, str(weights))
    (block,) = specification.mlProgram.functions["main"].block_specializations.values()
    written = [operation.type for operation in block.operations if operation.type != "const"]
    assert [
        operation.op_type for operation in read.functions["main"].operations if operation.op_type != "const"
    ] == written
    assert written.count("floor_div") <= 8, "each number is computed once"


def test_features_that_are_resized_at_one_size_only_are_multiplied_by_matrices_of_each_size(tmp_path) -> None:
    sizes = ((16, 16), (10, 10), (14, 22))
    programs = sized(Blocks(), sizes)
    made, path = converted(programs, tmp_path)
    assert made.form == "enumerated"
    assert_every_size_agrees(made, path, programs, FLOAT32)
    made, path = converted(programs, tmp_path, precision="float16")
    assert_every_size_agrees(made, path, programs, 1e-2)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.interpolate(x, size=(7, 9), mode="bilinear", align_corners=True),
        lambda x: F.interpolate(x, size=(7, 9), mode="bilinear"),
        lambda x: F.interpolate(x, size=(30, 30), mode="nearest"),
        lambda x: F.interpolate(x.mean((2, 3), keepdim=True), size=x.shape[2:], mode="bilinear"),
        lambda x: F.interpolate(x, scale_factor=2.0, mode="nearest"),
    ],
    ids=["aligned", "half pixels", "nearest", "from one pixel", "constant factor"],
)
def test_resizes_are_right_at_every_size(tmp_path, function) -> None:
    programs = sized(convolved(function), ((18, 18), (34, 22)))
    made, path = converted(programs, tmp_path)
    assert made.form == "enumerated"
    assert_every_size_agrees(made, path, programs, FLOAT32)


@pytest.mark.parametrize(
    ("function", "operators"),
    [
        (lambda x: x.flatten(2).transpose(1, 2), ["conv", "reshape", "transpose"]),
        (lambda x: x[:, :, x.shape[2] // 2 :, 1:-1], ["slice_by_index"]),
        (lambda x: F.pad(x, (0, -x.shape[3] % 8, 0, -x.shape[2] % 8)), ["pad"]),
        (lambda x: F.avg_pool2d(x, x.shape[2:]), ["conv", "reduce_mean"]),
        (lambda x: F.max_pool2d(x, x.shape[2:]), ["conv", "reduce_max"]),
        (lambda x: x.mean((2, 3), keepdim=True).expand_as(x) + 1, []),
        (lambda x: x.relu() * (1.0 / x.shape[2]), ["mul"]),
    ],
    ids=["tokens", "crop", "pad", "average of all", "largest of all", "broadcast", "a number of each size"],
)
def test_what_depends_on_the_size_is_computed_from_it(tmp_path, function, operators) -> None:
    programs = sized(convolved(function), ((18, 18), (34, 22), (26, 26)))
    made, path = converted(programs, tmp_path)
    assert made.form == "enumerated", made.reason
    assert set(operators) <= set(operations_of(path))
    assert_every_size_agrees(made, path, programs, FLOAT32)


def test_a_size_that_is_not_enumerated_is_refused(tmp_path) -> None:
    _, path = converted(sized(convolved(torch.relu), ((16, 16), (24, 24)), kind="image"), tmp_path)
    with pytest.raises(InputError) as caught:
        mil.load(path).predict({"image": np.zeros((32, 32, 3), np.uint8)})
    assert caught.value.what == ("input 'image': Image Shape (32 x 32 x 3) was not in enumerated set of allowed shapes")


def test_position_embeddings_make_a_function_for_each_size_and_share_the_other_weights(tmp_path) -> None:
    programs = sized(Positions(), ((32, 32), (16, 24)))
    made, path = converted(programs, tmp_path, deployment_target="iOS18")
    assert made.form == "functions"
    assert made.functions == ("size_32x32", "size_16x24")
    assert "depends on the size" in made.reason
    description = specification_of(path).description
    assert description.defaultFunctionName == "size_32x32"
    assert [function.name for function in description.functions] == ["size_32x32", "size_16x24"]
    assert mil.load(path).inputs[0].shape == (1, 3, 32, 32)
    assert_every_size_agrees(made, path, programs, FLOAT32)
    weights = (path / "Data/com.apple.CoreML/weights/weight.bin").stat().st_size
    shared, positions = 4 * (96 * 3 * 16 + 96 + 96 * 96 + 96 * 4), 4 * 96 * (64 + 24)
    assert shared + positions <= weights <= shared + positions + 2048, "each content once"


def test_functions_need_ios_18(tmp_path) -> None:
    with pytest.raises(TargetError) as caught:
        converted(sized(Positions(), ((32, 32), (16, 24))), tmp_path, deployment_target="iOS17")
    assert caught.value.what.startswith("one function cannot take all of these sizes: the constant `")
    assert caught.value.where == "--flexible with --deployment-target iOS17"
    assert caught.value.remedy == "With --deployment-target iOS18 the package gets a function for each size."
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (
            lambda x: F.avg_pool2d(x, (x.shape[2] // 2, x.shape[3] // 2)),
            "kernel_sizes of avg_pool `output` depends on the size",
        ),
        (
            lambda x: x.relu() if x.shape[2] > 20 else x.sigmoid(),
            "its operators differ by size: sigmoid at 18x18, relu at 34x34",
        ),
        (lambda x: x.chunk(x.shape[2] // 8, 2)[0], "split `output` differs by size in more than its constants"),
    ],
    ids=["a window that is not the whole", "another operator", "a number of parts"],
)
def test_what_no_single_function_can_do_becomes_a_function_for_each_size(tmp_path, function, reason) -> None:
    programs = sized(convolved(function), ((18, 18), (34, 34)))
    made, path = converted(programs, tmp_path, deployment_target="iOS18")
    assert made.form == "functions", operations_of(path)
    assert made.reason == reason
    assert_every_size_agrees(made, path, programs, FLOAT32)


def test_two_pictures_that_change_together_get_a_function_for_each_size(tmp_path) -> None:
    programs = {}
    for size in SQUARES[:2]:
        specs = (InputSpec("left", (1, 3, *size)), InputSpec("right", (1, 3, *size)))
        programs[size] = program_of(lambda module, left, right: module.conv(left) - module.conv(right), *specs)
    made, _ = converted(programs, tmp_path, deployment_target="iOS18")
    assert (made.form, made.reason) == ("functions", "2 inputs change their size together")


def test_a_classifier_keeps_its_labels(tmp_path) -> None:
    labels = ("a", "b", "c", "d")
    programs = sized(Blocks(), SQUARES[:2], kind="image", labels=labels)
    made, path = converted(programs, tmp_path, labels=labels)
    for size, program in programs.items():
        x = example(program.inputs[0])
        found = mil.load(path, made.function(size)).predict({"image": feed(program.inputs[0], x)})
        assert found["classLabel"] == labels[int(program.graph_module(x)[0].argmax())]


@pytest.mark.parametrize(("module", "target"), [(Blocks, "iOS16"), (Positions, "iOS18")])
def test_the_same_programs_give_the_same_bytes(tmp_path, module, target) -> None:
    contents = []
    for _ in range(2):
        _, path = converted(sized(module(), ((32, 32), (20, 20))), tmp_path, deployment_target=target)
        files = sorted(file for file in path.rglob("*") if file.is_file())
        contents.append([(str(file.relative_to(path)), file.read_bytes()) for file in files])
    assert contents[0] == contents[1]


def test_onnx_is_refused(tmp_path) -> None:
    with pytest.raises(UnsupportedError, match="one ONNX file cannot take several sizes here"):
        target_named("onnx").convert_sizes(sized(convolved(torch.relu), SQUARES[:2]), ConversionOptions(), tmp_path)
