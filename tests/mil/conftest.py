"""Packages made by coremltools for the executor to run; coremltools is their maker only, never the judge."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import types

from mobiledeploy import mil

# coremltools collects garbage around every conversion: what is alive now need not be visited each time
gc.collect()
gc.freeze()

logging.getLogger("coremltools").setLevel(logging.ERROR)

Build = Callable[..., Any]


def placeholder(value: np.ndarray) -> Any:
    """The input description that takes an array of this shape and type."""
    return mb.TensorSpec(shape=value.shape, dtype=types.numpy_type_to_builtin_type(value.dtype))


def write_package(
    folder: Path,
    build: Build,
    given: Mapping[str, Any],
    /,
    *,
    opset: str = "iOS17",
    name: str = "model",
    **options: Any,
) -> Path:
    """The package of the program that `build` makes of its inputs: `given` arrays, or specs of their own.

    Nothing is optimized: the operators in the package are those of `build`. `options` go to coremltools' convert.
    """
    target = getattr(ct.target, opset)
    specs = [placeholder(value) if isinstance(value, np.ndarray) else value for value in given.values()]
    namespace: dict[str, Any] = {"build": build}
    # the builder names the inputs after the parameters of the function it decorates
    exec(f"def program({', '.join(given)}): return build({', '.join(given)})", namespace)
    program = mb.program(input_specs=specs, opset_version=target)(namespace["program"])
    settings = {
        "compute_precision": ct.precision.FLOAT32,
        "pass_pipeline": ct.PassPipeline.EMPTY,
        "skip_model_load": True,
        "package_dir": str(folder / f"{name}.mlpackage"),
    } | options
    ct.convert(program, convert_to="mlprogram", minimum_deployment_target=target, **settings)
    return folder / f"{name}.mlpackage"


@pytest.fixture
def package(tmp_path: Path) -> Callable[..., Path]:
    return partial(write_package, tmp_path)


@pytest.fixture
def execute(tmp_path: Path) -> Callable[..., list[Any]]:
    """Runs the program that `build` makes on `inputs`; its outputs in order."""

    def run(
        build: Build, inputs: Mapping[str, np.ndarray], *, precision: Any = "declared", **options: Any
    ) -> list[Any]:
        path = write_package(tmp_path, build, inputs, name=f"model{len(list(tmp_path.iterdir()))}", **options)
        return list(mil.load(path, precision=precision).predict(inputs).values())

    return run


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
