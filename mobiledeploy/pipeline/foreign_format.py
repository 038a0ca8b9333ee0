"""The formats that a Core ML package can be converted to: how each is written, and executed again."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from mobiledeploy.errors import InputError
from mobiledeploy.mil.exported import exported_program, portable, silent
from mobiledeploy.mil.onnx_graph import onnx_bytes
from mobiledeploy.parity.runners.table import runner_named
from mobiledeploy.records import InputSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mobiledeploy.mil.module import ProgramModule

__all__ = ["FORMATS", "METADATA", "Execute", "ForeignFormat", "arrays", "format_named"]

METADATA = "metadata.json"
"""The file inside a `.pt2` that holds what an ONNX file has in its metadata."""

Execute = Callable[[Sequence[torch.Tensor]], "dict[str, NDArray[Any]]"]
"""From the inputs in the module's order to the outputs by name; states are kept from one call to the next."""


class ForeignFormat(Protocol):
    """`name`: what `--to` takes. `suffix`: what files end in. `runner`: what executes them."""

    name: str
    suffix: str
    runner: str

    def encode(self, module: ProgramModule, inputs: tuple[torch.Tensor, ...], metadata: Mapping[str, str]) -> bytes:
        """The file for inputs of these shapes. The same program gives the same bytes. Raises UnsupportedError."""

    def open(self, path: Path, module: ProgramModule, inputs: tuple[torch.Tensor, ...]) -> Execute:
        """The file, ready to be executed. Raises PackageError, HostError."""


class ONNXFormat:
    """Opset 20. A state NAME is an input NAME, and its value after the call an output NAME_after."""

    name = "onnx"
    suffix = ".onnx"
    runner = "onnxruntime"

    def encode(self, module: ProgramModule, inputs: tuple[torch.Tensor, ...], metadata: Mapping[str, str]) -> bytes:
        # onnx takes 0.3 s to import
        from mobiledeploy.targets.onnx_finishing import finished

        graph = onnx_bytes(module, (*inputs, *module.initial_states()))
        taken = (*module.input_names, *module.state_names)
        return finished(graph, taken, (*module.output_names, *_after(module).values()), metadata)

    def open(self, path: Path, module: ProgramModule, inputs: tuple[torch.Tensor, ...]) -> Execute:
        states = {name: state.numpy() for name, state in zip(module.state_names, module.initial_states(), strict=True)}
        samples = {**dict(zip(module.input_names, map(_array, inputs), strict=True)), **states}
        specs = tuple(InputSpec(name, array.shape, dtype=str(array.dtype)) for name, array in samples.items())
        predict = runner_named(self.runner).open(path, specs)

        def execute(given: Sequence[torch.Tensor]) -> dict[str, NDArray[Any]]:
            found = predict({**dict(zip(module.input_names, map(_array, given), strict=True)), **states})
            states.update({name: found.pop(after) for name, after in _after(module).items()})
            return found

        return execute


class PT2Format:
    """An exported program, as `torch.export.load` reads it; states are buffers of it."""

    name = "pt2"
    suffix = ".pt2"
    runner = "torch.export"

    def encode(self, module: ProgramModule, inputs: tuple[torch.Tensor, ...], metadata: Mapping[str, str]) -> bytes:
        exported = portable(exported_program(module, inputs))
        names = {"inputs": list(module.input_names), "outputs": list(module.output_names)}
        document = json.dumps({**names, "metadata": dict(metadata)}, indent=2, sort_keys=True, ensure_ascii=False)
        stream = io.BytesIO()
        with silent():
            torch.export.save(exported, stream, extra_files={METADATA: document})
        return stream.getvalue()

    def open(
        self,
        path: Path,
        module: ProgramModule,  # noqa: ARG002
        inputs: tuple[torch.Tensor, ...],  # noqa: ARG002
    ) -> Execute:
        with silent():
            loaded = torch.export.load(path).module()

        def execute(given: Sequence[torch.Tensor]) -> dict[str, NDArray[Any]]:
            with torch.no_grad():
                return arrays(loaded(*given))

        return execute


FORMATS: tuple[ForeignFormat, ...] = (ONNXFormat(), PT2Format())


def format_named(name: str) -> ForeignFormat:
    """Raises InputError for a name that no format has."""
    for known in FORMATS:
        if known.name == name:
            return known
    names = ", ".join(known.name for known in FORMATS)
    raise InputError(f"no format is called {name!r}", where="--to", remedy=f"Use one of {names}.")


def arrays(outputs: Mapping[str, torch.Tensor]) -> dict[str, NDArray[Any]]:
    """Tensors as arrays that nobody else writes to."""
    return {name: np.array(value.numpy()) for name, value in outputs.items()}


def _array(value: torch.Tensor) -> NDArray[Any]:
    return np.asarray(value.numpy())


def _after(module: ProgramModule) -> dict[str, str]:
    """By state, the name of the output that holds it after the call."""
    taken = {*module.input_names, *module.output_names, *module.state_names}
    names = {}
    for name in module.state_names:
        after = f"{name}_after"
        while after in taken:
            after += "_"
        taken.add(after)
        names[name] = after
    return names
