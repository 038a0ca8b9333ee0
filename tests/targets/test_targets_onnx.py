"""What an ONNX file holds and computes; the same bytes for the same program."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx.shape_inference import infer_shapes
from small_programs import IMAGE, TENSOR, Classifier, example, largest_difference, program_of
from torch import nn
from torch.nn import functional as F

from mobiledeploy.aten.evaluate import evaluate
from mobiledeploy.errors import TargetError, UnsupportedError
from mobiledeploy.records import InputSpec
from mobiledeploy.targets import onnx_conversion
from mobiledeploy.targets.onnx import ONNXTarget

Convert = Callable[..., Path]


def run(path: Path, **inputs: np.ndarray) -> dict[str, Any]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def operators(path: Path) -> list[str]:
    return [node.op_type for node in onnx.load(path).graph.node]


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("float16", 2e-2)])
def test_it_computes_what_the_program_computes(convert: Convert, precision: str, tolerance: float) -> None:
    program = program_of(Classifier(), IMAGE)
    pixels = example(IMAGE)
    (expected,) = evaluate(program, (pixels,), dtype=torch.float32)
    outputs = run(convert(program, "onnx", precision=precision), image=pixels.numpy())
    assert list(outputs) == ["logits"]
    assert outputs["logits"].dtype == np.float32
    assert 0 < largest_difference(outputs["logits"], expected) < tolerance


def test_float16_is_the_type_of_all_that_lies_between_the_casts(convert: Convert) -> None:
    model = onnx.load(convert(program_of(Classifier(), IMAGE), "onnx", precision="float16"))
    assert [node.op_type for node in model.graph.node].count("Cast") == 2
    assert {tensor.data_type for tensor in model.graph.initializer} <= {
        onnx.TensorProto.FLOAT16,
        onnx.TensorProto.INT64,
    }
    inferred = {value.name: value.type.tensor_type.elem_type for value in infer_shapes(model).graph.value_info}
    assert set(inferred.values()) == {onnx.TensorProto.FLOAT16, onnx.TensorProto.INT64}


@pytest.mark.parametrize("precision", ["float16", "float32"])
def test_the_checker_finds_nothing(convert: Convert, precision: str) -> None:
    model = onnx.load(convert(program_of(Classifier(), IMAGE), "onnx", precision=precision))
    onnx.checker.check_model(model, full_check=True)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", onnx_conversion.OPSET)]


def test_operators_stay_whole(convert: Convert) -> None:
    def function(net: Any, x: torch.Tensor) -> torch.Tensor:
        return F.layer_norm(F.gelu(net.conv(x)), (6, 6))

    assert operators(convert(program_of(function), "onnx", precision="float32")) == [
        "Conv",
        "Gelu",
        "LayerNormalization",
    ]


def test_an_input_may_be_called_like_an_operator(convert: Convert) -> None:
    spec = InputSpec("relu", TENSOR.shape)
    x = example(spec)
    outputs = run(convert(program_of(lambda net, x: net.conv(x).relu().relu() + 1, spec), "onnx"), relu=x.numpy())
    assert next(iter(outputs.values())).min() >= 1


def test_names_are_the_programs_own_also_where_outputs_repeat(convert: Convert) -> None:
    program = program_of(lambda net, x: {"one": x * 2, "same": x, "conv2d": net.conv(x).relu(), "again": x})
    x = example(TENSOR)
    outputs = run(convert(program, "onnx", precision="float32"), x=x.numpy())
    assert tuple(outputs) == program.outputs
    for name, expected in zip(program.outputs, evaluate(program, (x,), dtype=torch.float32), strict=True):
        assert largest_difference(outputs[name], expected) < 1e-5


@pytest.mark.parametrize("dtype", ["int32", "int64", "bool"])
def test_inputs_keep_their_type(convert: Convert, dtype: str) -> None:
    spec = InputSpec("values", (2, 5), dtype=dtype)
    values = example(spec)
    outputs = run(convert(program_of(lambda net, x: x.to(torch.float32) * 2, spec), "onnx"), values=values.numpy())
    assert largest_difference(next(iter(outputs.values())), values.float() * 2) == 0


def test_an_average_with_its_own_divisor_keeps_it(convert: Convert) -> None:
    program = program_of(lambda net, x: F.avg_pool2d(x, 3, 2, 1, divisor_override=4))
    x = example(TENSOR)
    (output,) = run(convert(program, "onnx", precision="float32"), x=x.numpy()).values()
    assert largest_difference(output, F.avg_pool2d(x, 3, 2, 1, divisor_override=4)) < 1e-5


def test_it_says_of_itself_what_was_asked_and_nothing_else(convert: Convert) -> None:
    labels = ("a", "b", "c", "d")
    program = program_of(Classifier(), IMAGE, labels=labels)
    path = convert(program, "onnx", labels=labels, metadata={"z": "1", "author": "somebody"})
    model = onnx.load(path)
    entries = {entry.key: entry.value for entry in model.metadata_props}
    assert entries == {"author": "somebody", "z": "1", "labels": json.dumps(labels)}
    assert model.producer_version == torch.__version__.partition("+")[0]
    for trace in (b"stack_trace", b".py", str(Path(torch.__file__).parent).encode(), b"PreparedModule"):
        assert trace not in path.read_bytes()


def test_the_same_program_gives_the_same_bytes(convert: Convert) -> None:
    first = convert(program_of(Classifier(), IMAGE), "onnx", metadata={"a": "1", "b": "2"})
    second = convert(program_of(Classifier(), IMAGE), "onnx", metadata={"b": "2", "a": "1"})
    assert first.read_bytes() == second.read_bytes()


def test_a_conversion_says_nothing(convert: Convert, capfd: pytest.CaptureFixture[str]) -> None:
    path = convert(program_of(Classifier(), IMAGE), "onnx")
    assert capfd.readouterr() == ("", "")
    assert [file.name for file in path.parent.iterdir()] == ["net.onnx"]


def test_weights_beyond_two_gibibytes_are_refused(convert: Convert, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_conversion, "LARGEST_WEIGHTS", 1000)
    with pytest.raises(UnsupportedError, match="one ONNX file holds less than 2 GiB") as caught:
        convert(program_of(Classifier(), IMAGE), "onnx")
    assert caught.value.remedy == "Leave --target onnx out, or take a smaller model."


class Factorization(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.linalg.qr(x)[0]


def test_a_failure_names_the_operator_and_the_line(convert: Convert) -> None:
    with pytest.raises(TargetError, match=r"torch\.onnx cannot convert `aten\.linalg_qr") as caught:
        convert(program_of(Factorization()), "onnx")
    line = Factorization.forward.__code__.co_firstlineno + 1
    assert caught.value.where is not None
    assert caught.value.where.endswith(f"{Path(__file__).name}:{line}")


def test_versions_name_what_shapes_the_bytes() -> None:
    assert sorted(ONNXTarget().versions()) == ["onnx", "onnxruntime", "onnxscript", "torch"]
