"""A program as an `nn.Module`: for PyTorch code, and for `torch.export`.

    m = mil.load("x.mlpackage").as_module()
    torch.export.export(m, m.example_inputs())

Tensors go in and come out, in the types that the executor holds values in: float16 as float32.

- A multiarray is the tensor of the shape that the program declares.
- A picture is a tensor (1, 3, H, W), or (1, 1, H, W) where it is gray, of pixel values 0 to 255 (uint8 or float32),
  its channels in the order that the package names (`Feature.color`: RGB or BGR). An output picture is the float32
  tensor that the program computes, neither clamped nor rounded to pixels.
- A classifier's label is its index in `labels`, int64 (); its probabilities are a float32 tensor (classes).
- States are buffers, zero at first, that a call updates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from mobiledeploy.errors import InputError, PackageError, UnsupportedError
from mobiledeploy.mil.call import is_narrow
from mobiledeploy.mil.dtype import DataType
from mobiledeploy.mil.ops.classification import Classification
from mobiledeploy.mil.program import NamedType, StateType, TensorType
from mobiledeploy.mil.state import StateBuffer

if TYPE_CHECKING:
    from mobiledeploy.mil.executor import BoundBlock, Step
    from mobiledeploy.mil.program import Function, ValueType

__all__ = ["ProgramModule"]


class ProgramModule(nn.Module):
    """What `Model.as_module` gives. It shares its constants with the model, but for large ones of float16: the executor
    widens those where it uses them, and here they are buffers in float32.

    `input_names`: what `forward` takes, in this order. `output_names`: the keys of what it returns. `state_names`:
    those of `states`. `labels`: a classifier's, in the order of its probabilities, and `label_outputs`: which output is
    the label and which the probabilities; None where it is none.
    """

    def __init__(self, function: Function, block: BoundBlock, order: Sequence[str], *, rounds: bool) -> None:
        super().__init__()
        self._inputs = function.inputs
        self._rounds = rounds
        self.input_names = _ordered(function, order)
        self.output_names: tuple[str, ...] = function.block.outputs
        self.state_names = tuple(named.name for named in function.inputs if isinstance(named.type, StateType))
        self.labels: tuple[str | int, ...] | None = None
        self.label_outputs: tuple[str, str] | None = None
        self.constants, self.states = nn.Module(), nn.Module()
        self._slots: dict[int, str] = {}
        self._block = replace(block, template=self._taken(block), steps=tuple(map(self._step, block.steps)))
        self._state_buffers = {
            named.name: _register(self.states, named.name, StateBuffer(named.type.wrapped).value)
            for named in function.inputs
            if isinstance(named.type, StateType)
        }

    def forward(self, *inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        """The outputs by name, for the inputs in the order of `input_names`.

        Raises InputError for a wrong number or shape of inputs, PackageError where the program cannot compute, and,
        while `torch.export` captures it, UnsupportedError naming an operator that it cannot capture.
        """
        # a copy: what the program read of a state stays as it was when the state is written
        states = {name: getattr(self.states, buffer).clone() for name, buffer in self._state_buffers.items()}
        outputs, written = self.compute(inputs, states)
        for name, buffer in self._state_buffers.items():
            getattr(self.states, buffer).copy_(written[name])
        return outputs

    def compute(
        self, inputs: Sequence[torch.Tensor], states: Mapping[str, torch.Tensor]
    ) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """As `forward`, but a function of inputs and states: gives the outputs and the states after the call."""
        if len(inputs) != len(self.input_names):
            names = ", ".join(self.input_names)
            raise InputError(f"{len(inputs)} inputs given", remedy=f"It takes {len(self.input_names)}: {names}.")
        given = dict(zip(self.input_names, inputs, strict=True))
        held = {
            named.name: StateBuffer(named.type.wrapped, states[named.name])
            for named in self._inputs
            if isinstance(named.type, StateType)
        }
        arguments = [held[named.name] if named.name in held else self._entering(named, given) for named in self._inputs]
        outputs = dict(zip(self.output_names, self._run(arguments), strict=True))
        return outputs, {name: buffer.value for name, buffer in held.items()}

    def initial_states(self) -> tuple[torch.Tensor, ...]:
        """Zeros of the states' shapes, in the order of `state_names`."""
        return tuple(torch.zeros_like(getattr(self.states, self._state_buffers[name])) for name in self.state_names)

    def reset_states(self) -> None:
        """All states are zero again."""
        for buffer in self.states.buffers():
            buffer.zero_()

    def example_inputs(self) -> tuple[torch.Tensor, ...]:
        """Zeros of the shapes that the program declares, in the order of `input_names`.

        Raises InputError for an input of several shapes: then it is for the caller to choose one.
        """
        kinds = {named.name: named.type for named in self._inputs}
        return tuple(_zeros(name, kinds[name]) for name in self.input_names)

    def _run(self, arguments: list[Any]) -> tuple[Any, ...]:
        template = list(self._block.template)
        for slot, name in self._slots.items():
            template[slot] = getattr(self.constants, name)
        block = replace(self._block, template=tuple(template))
        if not torch.compiler.is_exporting():
            return block.run(arguments)
        return _captured(block, arguments)

    def _taken(self, block: BoundBlock) -> tuple[Any, ...]:
        """The block's template without its tensors, which become buffers."""
        template = list(block.template)
        for slot, name in block.constants.items():
            if isinstance(template[slot], torch.Tensor):
                value = template[slot].float() if is_narrow(template[slot]) else template[slot]
                self._slots[slot] = _register(self.constants, name, value)
                template[slot] = None
        return tuple(template)

    def _step(self, step: Step) -> Step:
        step = replace(step, narrow=())
        if not isinstance(step.run, Classification):
            return step
        self.labels = step.run.labels
        label, probabilities = step.operation.outputs
        self.label_outputs = label, probabilities
        return replace(step, run=step.run.ranked)

    def _entering(self, named: NamedType, given: Mapping[str, torch.Tensor]) -> torch.Tensor:
        kind, value = named.type, given[named.name]
        if not isinstance(kind, TensorType):
            raise PackageError(f"input {named.name!r:.80} is a {kind}, not a tensor", remedy="Export it again.")
        shape = kind.shape
        if shape is not None and (
            value.dim() != len(shape) or any(b not in (None, a) for a, b in zip(value.shape, shape, strict=True))
        ):
            raise InputError(
                f"input {named.name!r}: its shape is {tuple(value.shape)}", remedy=f"The program takes {kind}."
            )
        value = value.to(kind.dtype.carrier)
        return value.half().float() if self._rounds and kind.dtype is DataType.FLOAT16 else value


def _ordered(function: Function, order: Sequence[str]) -> tuple[str, ...]:
    """The inputs of the function, without states, in the order in which they are described."""
    taken = [named.name for named in function.inputs if not isinstance(named.type, StateType)]
    for name in taken:
        if name not in order:
            raise PackageError(f"input {name!r:.80} of the program is not described", remedy="Export it again.")
    return tuple(name for name in order if name in taken)


def _captured(block: BoundBlock, arguments: list[Any]) -> tuple[Any, ...]:
    """Runs the block for `torch.export`, whose tensors have no values: what needs them is named."""
    for step in block.steps:
        if step.nests:
            raise _uncaptured(f"{step.operation.type} {step.operation.name!r:.80}", "what it runs depends on values")
    try:
        return block.run(arguments)
    except PackageError as error:
        what = error.what.removeprefix("Unable to compute the prediction using ML Program: ")
        raise _uncaptured(error.where or "the program", what) from error


def _uncaptured(where: str, what: str) -> UnsupportedError:
    return UnsupportedError(
        f"the program cannot be captured by torch.export: {what}",
        where=where.removeprefix("operator "),
        remedy="Run it with predict, which executes every operator.",
    )


def _zeros(name: str, kind: ValueType) -> torch.Tensor:
    if not isinstance(kind, TensorType) or kind.shape is None or None in kind.shape:
        raise InputError(f"input {name!r} takes several shapes ({kind})", remedy="Make a tensor of one of them.")
    return torch.zeros([size for size in kind.shape if size is not None], dtype=kind.dtype.carrier)


def _register(holder: nn.Module, name: str, value: torch.Tensor) -> str:
    """Keeps `value` as a buffer under a Python name made of `name`; gives that name."""
    plain = "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in name) or "_"
    while hasattr(holder, plain):
        plain += "_"
    holder.register_buffer(plain, value)
    return plain
