"""What a Core ML package holds: inputs, outputs, types, metadata; the same bytes for the same program."""

from __future__ import annotations

import errno
import logging
import os
import re
import resource
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from small_programs import (
    IMAGE,
    TENSOR,
    Classifier,
    example,
    largest_difference,
    operations_of,
    program_of,
    specification_of,
)
from torch import nn

from mobiledeploy import mil
from mobiledeploy.artifact import file_hashes
from mobiledeploy.aten.evaluate import evaluate
from mobiledeploy.errors import TargetError
from mobiledeploy.records import InputSpec, Preprocessing
from mobiledeploy.targets import coreml_conversion
from mobiledeploy.targets.coreml import CoreMLTarget

Convert = Callable[..., Path]
VERSIONS = {"iOS15": 6, "iOS16": 7, "iOS17": 8, "iOS18": 9}


def test_an_image_input_is_a_picture_with_the_normalization_inside(convert: Convert) -> None:
    program = program_of(Classifier(), IMAGE)
    package = convert(program, "coreml", precision="float32")
    (feature,) = specification_of(package).description.input
    assert feature.name == "image"
    assert (feature.type.imageType.width, feature.type.imageType.height) == (12, 16)
    assert feature.type.imageType.colorSpace == feature.type.imageType.RGB
    assert operations_of(package)[:3] == ["sub", "mul", "conv"]
    pixels = example(IMAGE)
    picture = pixels[0].permute(1, 2, 0).numpy().astype(np.uint8)
    (expected,) = evaluate(program, (pixels,), dtype=torch.float32)
    assert largest_difference(mil.load(package).predict({"image": picture})["logits"], expected) < 1e-5


@pytest.mark.parametrize(("color", "channels"), [("RGB", 3), ("BGR", 3), ("GRAYSCALE", 1)])
def test_the_colour_order_is_the_sources_own(convert: Convert, color: str, channels: int) -> None:
    known = Preprocessing((0.5,) * channels, (0.25,) * channels, color)
    spec = InputSpec("image", (1, channels, 8, 8), kind="image", preprocessing=known)
    package = convert(program_of(lambda net, x: x.mean(1, keepdim=True).relu(), spec), "coreml")
    image = specification_of(package).description.input[0].type.imageType
    assert image.ColorSpace.Name(image.colorSpace) == color


@pytest.mark.parametrize("precision", ["float16", "float32"])
@pytest.mark.parametrize("deployment_target", VERSIONS)
def test_arrays_go_in_and_out_in_float32_whatever_is_inside(
    convert: Convert, deployment_target: str, precision: str
) -> None:
    program = program_of(lambda net, x: {"features": net.conv(x), "best": x.argmax(1)})
    package = convert(program, "coreml", precision=precision, deployment_target=deployment_target)
    specification = specification_of(package)
    assert specification.specificationVersion == VERSIONS[deployment_target]
    arrays = [*specification.description.input, *specification.description.output]
    types = {feature.name: feature.type.multiArrayType for feature in arrays}
    named = {name: array.ArrayDataType.Name(array.dataType) for name, array in types.items()}
    assert named == {"x": "FLOAT32", "features": "FLOAT32", "best": "INT32"}
    assert operations_of(package).count("cast") == (0 if precision == "float32" else 2)


@pytest.mark.parametrize(("dtype", "expected"), [("float32", "FLOAT32"), ("int32", "INT32"), ("int64", "INT32")])
def test_tensor_inputs_keep_name_shape_and_type(convert: Convert, dtype: str, expected: str) -> None:
    spec = InputSpec("values", (2, 5), dtype=dtype)
    package = convert(program_of(lambda net, x: x * 2 + 1, spec), "coreml")
    (feature,) = specification_of(package).description.input
    array = feature.type.multiArrayType
    assert (feature.name, list(array.shape)) == ("values", [2, 5])
    assert array.ArrayDataType.Name(array.dataType) == expected


@pytest.mark.parametrize(("precision", "dtype"), [("float16", "FLOAT16"), ("float32", "FLOAT32")])
def test_precision_is_the_type_of_every_activation_and_weight(convert: Convert, precision: str, dtype: str) -> None:
    package = convert(program_of(Classifier(), IMAGE), "coreml", precision=precision)
    operations = mil.load(package).function.block.operations
    outer = {"logits"} if precision == "float16" else set()
    types = {
        operation.output_types[0].dtype.name
        for operation in operations
        if operation.type in ("sub", "mul", "conv", "relu", "reduce_mean", "linear")
        and outer.isdisjoint(operation.outputs)
    }
    assert types == {dtype}
    weights = (package / "Data/com.apple.CoreML/weights/weight.bin").stat().st_size
    assert (weights < 1000) == (precision == "float16")


def test_metadata_goes_to_core_mls_own_fields_and_the_rest_beside(convert: Convert) -> None:
    metadata = {"author": "a", "license": "l", "version": "1", "short_description": "s", "net.weights": "random"}
    description = specification_of(convert(program_of(Classifier(), IMAGE), "coreml", metadata=metadata)).description
    fields = description.metadata
    assert (fields.author, fields.license, fields.versionString, fields.shortDescription) == ("a", "l", "1", "s")
    assert fields.userDefined["net.weights"] == "random"
    assert "author" not in fields.userDefined


def test_nothing_in_a_package_tells_the_day_or_the_build(convert: Convert) -> None:
    package = convert(program_of(Classifier(), IMAGE), "coreml")
    content = b"".join(path.read_bytes() for path in package.rglob("*") if path.is_file())
    assert b"conversion_date" not in content
    assert torch.__version__.partition("+")[0].encode() in content
    assert not re.search(rb"\+(cu|cpu|rocm)", content)
    assert str(Path(torch.__file__).parent).encode() not in content


def test_the_same_program_gives_the_same_bytes_whatever_was_converted_before(convert: Convert) -> None:
    options = {"labels": ("a", "b", "c", "d"), "metadata": {"x": "1", "a": "2"}}
    program = program_of(Classifier(), IMAGE, labels=options["labels"])
    first = file_hashes(convert(program, "coreml", **options))
    with pytest.raises(TargetError):
        convert(program_of(lambda net, x: torch.linalg.det(net.conv(x))), "coreml")
    options["metadata"] = {"a": "2", "x": "1"}
    assert file_hashes(convert(program, "coreml", **options)) == first


def test_a_conversion_leaves_its_program_as_it_was(convert: Convert) -> None:
    program = program_of(lambda net, x: torch.addcmul(x, x, net.conv.bias[0], value=2))
    before = str(program.graph)
    convert(program, "coreml")
    assert str(program.graph) == before


def test_a_conversion_says_nothing_and_leaves_nothing_beside_the_package(
    convert: Convert, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="coremltools"):
        package = convert(program_of(Classifier(), IMAGE), "coreml")
    assert [path.name for path in package.parent.iterdir()] == ["net.mlpackage"]
    assert capfd.readouterr() == ("", "")
    assert [record for record in caplog.records if record.name.startswith("coremltools")] == []


def test_versions_name_what_shapes_the_bytes() -> None:
    assert dict(CoreMLTarget().versions()) == {"coremltools": "9.0", "torch": torch.__version__.partition("+")[0]}


class RankSix(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(1, 3, 2, 4, 2, 4).permute(0, 3, 1, 2, 4, 5).relu().sum(3)


class Determinant(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.linalg.det(x)


FAILURES = [
    (RankSix, r"coremltools cannot convert `aten\.\w+\.default`: Core ML only supports tensors with rank <= 5"),
    (Determinant, r"coremltools cannot convert `aten\._linalg_det\.default`: Unsupported fx node"),
]


@pytest.mark.parametrize(("network", "message"), FAILURES)
def test_a_failure_names_the_operator_and_the_line(convert: Convert, network: type[nn.Module], message: str) -> None:
    with pytest.raises(TargetError, match=message) as caught:
        convert(program_of(network()), "coreml")
    line = network.forward.__code__.co_firstlineno + 1
    assert caught.value.where is not None
    assert caught.value.where.endswith(f"{Path(__file__).name}:{line}")
    assert caught.value.remedy


def test_a_name_that_core_ml_reserves_is_refused(convert: Convert) -> None:
    with pytest.raises(TargetError, match="Core ML does not take the name `tensor`; it has tensor_workaround"):
        convert(program_of(lambda net, x: {"tensor": x * 2}, TENSOR), "coreml")


@pytest.mark.parametrize(("free", "code"), [(10**12, errno.EIO), (10**4, errno.ENOSPC)])
def test_a_weight_file_that_cannot_be_written_is_the_file_systems_fault(
    convert: Convert, monkeypatch: pytest.MonkeyPatch, free: int, code: int
) -> None:
    """coremltools' own writer meets the limit for real, and says only that it failed."""
    program = program_of(nn.Linear(200, 200), InputSpec("x", (1, 200)))
    monkeypatch.setattr(coreml_conversion.shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 15, limits[1]))
    try:
        with pytest.raises(OSError, match=re.escape(os.strerror(code))) as caught:
            convert(program, "coreml")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.errno == code
