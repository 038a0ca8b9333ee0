"""Pipelines: models executed one after the other, each fed by name from the inputs and from the models before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import numpy as np
from PIL import Image

from mobiledeploy.errors import InputError, MobileDeployError, PackageError, UnsupportedError
from mobiledeploy.mil.model import Model
from mobiledeploy.mil.size import checked_shape
from mobiledeploy.mil.state import State, StateBuffer

if TYPE_CHECKING:
    from mobiledeploy.mil.description import Feature, Interface
    from mobiledeploy.mil.executor import Listener
    from mobiledeploy.mil.feature_value import Prediction
    from mobiledeploy.mil.program import Function

__all__ = ["Member", "Pipeline", "Predictor", "located"]


class Predictor(Protocol):
    """What a pipeline asks of its models."""

    @property
    def inputs(self) -> tuple[Feature, ...]: ...

    @property
    def outputs(self) -> tuple[Feature, ...]: ...

    def predict(
        self, inputs: Mapping[str, Any], state: State | None = None, listener: Listener | None = None, /
    ) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Member:
    """`label`: how messages call it, e.g. "model 1 ('detector') of the pipeline"."""

    label: str
    model: Predictor

    def programs(self) -> tuple[Model, ...]:
        """The ML Programs in it."""
        if isinstance(self.model, Pipeline):
            return self.model.programs
        return (self.model,) if isinstance(self.model, Model) else ()


class Pipeline(Model):
    """A model with the interface of the whole pipeline. `members`: its models, in the order in which they run.

    Images pass from one model to the next as images (8 bits per channel), arrays as arrays, in the types that the
    models declare.
    """

    def __init__(self, interface: Interface, members: Sequence[Member]) -> None:
        self.inputs = interface.inputs
        self.outputs = interface.outputs
        self.members = tuple(members)
        self.states = interface.states or tuple(
            {feature.name: feature for program in self.programs for feature in program.states}.values()
        )
        self._check_names()

    @property
    def programs(self) -> tuple[Model, ...]:
        """The ML Programs of the pipeline and of pipelines in it, in order."""
        return tuple(program for member in self.members for program in member.programs())

    @property
    def function(self) -> Function:
        """Raises UnsupportedError: there is a program for each member, in `programs`."""
        self._refuse("it has no single program")

    def make_state(self) -> State:
        """A new state, all zeros, for all models. Raises InputError if none keeps any."""
        buffers: dict[str, StateBuffer] = {}
        for program in self.programs:
            if program.states:
                buffers |= program.make_state().buffers
        if not buffers:
            raise InputError("the model keeps no state", remedy="Call predict without one.")
        return State(buffers)

    def predict(
        self, inputs: Mapping[str, Any], state: State | None = None, listener: Listener | None = None
    ) -> dict[str, Prediction]:
        """As `Model.predict`. The listener is called after each operator of each program."""
        self._check_inputs(inputs)
        features = {feature.name: _default(feature) for feature in self.inputs if feature.default is not None}
        features |= inputs
        made: set[str] = set()
        for member in self.members:
            given = {
                feature.name: _handed_over(feature, features[feature.name], inner=feature.name in made)
                for feature in member.model.inputs
                if feature.name in features
            }
            try:
                results = member.model.predict(given, state, listener)
            except MobileDeployError as error:
                raise located(error, member.label) from error
            features |= results
            made |= results.keys()
        return {feature.name: features[feature.name] for feature in self.outputs}

    def _check_inputs(self, inputs: Mapping[str, Any]) -> None:
        names = [feature.name for feature in self.inputs]
        unknown = [name for name in inputs if name not in names]
        if unknown:
            raise InputError(f"the model has no input {unknown[0]!r}", remedy=f"Its inputs: {', '.join(names)}.")
        missing = [f.name for f in self.inputs if f.name not in inputs and not f.optional]
        if missing:
            raise InputError(f"input {missing[0]!r} is missing", remedy="Give it to predict.")

    def _check_names(self) -> None:
        """Raises PackageError where a model, or the caller, waits for what nothing gives."""
        if not self.members:
            raise _unconnected("the pipeline holds no model")
        known = {feature.name for feature in self.inputs}
        for member in self.members:
            missing = [f.name for f in member.model.inputs if f.name not in known and not f.optional]
            if missing:
                raise _unconnected(f"{member.label} takes {missing[0]!r:.80}, which nothing before it gives")
            known |= {feature.name for feature in member.model.outputs}
        missing = [feature.name for feature in self.outputs if feature.name not in known]
        if missing:
            raise _unconnected(f"no model of the pipeline gives its output {missing[0]!r:.80}")

    def _refuse(self, what: str) -> NoReturn:
        raise UnsupportedError(
            f"the model is a pipeline of {len(self.members)} models: {what}",
            remedy="Take one of its programs, or its members' own packages.",
        )


def located(error: MobileDeployError, label: str) -> MobileDeployError:
    """The same error, said of a member of a pipeline."""
    where = f"{label}, {error.where}" if error.where else label
    return type(error)(error.what, where=where, remedy=error.remedy)


def _default(feature: Feature) -> Any:
    if feature.kind != "multiarray":
        return feature.default
    try:
        return np.full(checked_shape(feature.shape), feature.default)
    except ValueError as error:
        raise _unconnected(f"input {feature.name!r:.80}: {error}") from None


def _handed_over(feature: Feature, value: Any, *, inner: bool) -> Any:
    """What a model gave, as the next one takes it: colour images are given as RGBA and taken as RGB."""
    if inner and isinstance(value, Image.Image) and value.mode == "RGBA" and feature.color in ("RGB", "BGR"):
        return value.convert("RGB")
    return value


def _unconnected(what: str) -> PackageError:
    return PackageError(what, remedy="The pipeline is not valid: make it again.")
