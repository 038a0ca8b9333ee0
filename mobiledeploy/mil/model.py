"""A model: one function of an ML Program, bound, with the conventions of coremltools' predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch

from mobiledeploy.errors import InputError, PackageError
from mobiledeploy.mil.bind import bind_function
from mobiledeploy.mil.feature_value import Prediction, default_tensor, from_tensor, to_tensor
from mobiledeploy.mil.module import ProgramModule
from mobiledeploy.mil.program import Function, StateType
from mobiledeploy.mil.state import State, StateBuffer

if TYPE_CHECKING:
    from mobiledeploy.mil.description import Feature, Interface
    from mobiledeploy.mil.executor import BoundBlock, Listener

__all__ = ["Model"]


class Model:
    """One function of an ML Program, bound. `predict` may be called any number of times.

    `inputs`, `outputs`, `states`: what the package says of them. `metadata`: what it says of itself, by key.
    """

    metadata: Mapping[str, str] = MappingProxyType({})

    def __init__(self, interface: Interface, function: Function, *, rounds: bool) -> None:
        self.inputs: tuple[Feature, ...] = interface.inputs
        self.outputs: tuple[Feature, ...] = interface.outputs
        self.states: tuple[Feature, ...] = interface.states
        self.metadata = interface.metadata
        self._function = function
        self._rounds = rounds
        self._described = {feature.name: feature for feature in (*interface.inputs, *interface.outputs)}
        self._state_types = {
            named.name: named.type.wrapped for named in function.inputs if isinstance(named.type, StateType)
        }
        self._bound: BoundBlock = bind_function(function, rounds=rounds)

    @property
    def function(self) -> Function:
        """The program as it was read."""
        return self._function

    def make_state(self) -> State:
        """A new state, all zeros. Raises InputError if the model keeps none."""
        if not self._state_types:
            raise InputError("the model keeps no state", remedy="Call predict without one.")
        return State({name: StateBuffer(kind) for name, kind in self._state_types.items()})

    def as_module(self) -> ProgramModule:
        """The program as an `nn.Module` that `torch.export` takes; see `mobiledeploy.mil.module` for what goes in and
        comes out. Its fp16 rounding is that of this model's `precision`.

        Raises UnsupportedError for a pipeline, which has no single program.
        """
        function = self.function
        order = [feature.name for feature in self.inputs]
        return ProgramModule(function, self._bound, order, rounds=self._rounds)

    def predict(
        self, inputs: Mapping[str, Any], state: State | None = None, listener: Listener | None = None
    ) -> dict[str, Prediction]:
        """The outputs by name: arrays, PIL images, class labels, and probabilities by label.

        Args:
            inputs: by name. For a multiarray an array of its shape (its type is converted); for an image a PIL image in
                mode RGB, L or F, or a uint8 array (H, W, 3) in RGB order or (H, W). Optional ones may be left out.
            state: from `make_state`; updated.
            listener: called after each operator with its operation (`type`, `inputs`, `outputs`) and the tuple of its
                output tensors, which are copies.

        Raises InputError for inputs that do not fit the description, PackageError where the program cannot compute.
        """
        self._refuse_unknown(inputs)
        with torch.no_grad():
            arguments = [self._argument(named.name, named.type, inputs, state) for named in self.function.inputs]
            results = self._execute(arguments, listener)
        names = self.function.block.outputs
        return {
            name: from_tensor(self._described.get(name), result) for name, result in zip(names, results, strict=True)
        }

    def tensors(self, inputs: Mapping[str, Any]) -> tuple[torch.Tensor, ...]:
        """What `as_module()` takes, for what `predict` takes. Raises InputError as `predict` does."""
        self._refuse_unknown(inputs)
        kinds = {named.name: named.type for named in self.function.inputs}
        taken = [feature.name for feature in self.inputs if feature.name in kinds]
        return tuple(self._argument(name, kinds[name], inputs, None) for name in taken)

    def _refuse_unknown(self, inputs: Mapping[str, Any]) -> None:
        unknown = [name for name in inputs if all(name != feature.name for feature in self.inputs)]
        if unknown:
            raise InputError(
                f"the model has no input {unknown[0]!r}",
                remedy=f"Its inputs: {', '.join(feature.name for feature in self.inputs)}.",
            )

    def _execute(self, arguments: Sequence[Any], listener: Listener | None) -> Sequence[Any]:
        """The program's outputs in its order, for its inputs in its order."""
        return self._bound.run(arguments, listener)

    def _argument(self, name: str, kind: Any, inputs: Mapping[str, Any], state: State | None) -> Any:
        if isinstance(kind, StateType):
            if state is None or name not in state.buffers:
                raise InputError("the model keeps a state", remedy="Pass predict a state from make_state().")
            buffer = state.buffers[name]
            if buffer.kind != kind.wrapped:
                raise InputError(
                    f"state {name!r} is {buffer.kind}, the model keeps {kind.wrapped}",
                    remedy="Pass predict a state from this model's make_state().",
                )
            return buffer
        feature = self._described.get(name)
        if feature is None:
            raise PackageError(f"input {name!r:.80} of the program is not described", remedy="Export it again.")
        if name in inputs:
            return to_tensor(feature, inputs[name], kind, rounds=self._rounds)
        if not feature.optional:
            raise InputError(f"input {name!r} is missing", remedy="Give it to predict.")
        return default_tensor(feature, kind, rounds=self._rounds)
