"""Targets by name, listed without loading a converter."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mobiledeploy.errors import InputError
from mobiledeploy.targets.table import TARGETS, target_named
from mobiledeploy.targets.target import ConversionOptions, public_version


def test_a_target_is_found_by_its_name() -> None:
    assert [target_named(target.name) for target in TARGETS] == list(TARGETS)


def test_an_unknown_target_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="there is no target `tflite`") as caught:
        target_named("tflite")
    assert caught.value.remedy == "Targets: coreml, onnx."


@pytest.mark.parametrize("precision", ["float16", "float32"])
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_every_target_holds_values_in_the_precision_asked_for(target, precision) -> None:
    assert target.precision(ConversionOptions(precision=precision)) == precision


def test_listing_them_loads_no_converter() -> None:
    heavy = "('coremltools', 'onnx', 'onnxscript', 'onnxruntime', 'torch')"
    command = f"import sys, mobiledeploy.targets.table; print([name for name in {heavy} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


@pytest.mark.parametrize(("full", "public"), [("2.13.0+cu130", "2.13.0"), ("9.0", "9.0"), ("1.0rc1+local.2", "1.0rc1")])
def test_a_builds_label_is_left_out_of_a_version(full: str, public: str) -> None:
    assert public_version(full) == public
