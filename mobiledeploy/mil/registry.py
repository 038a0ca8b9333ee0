"""Every operator the executor knows. To add one: its file below `ops/`, its test, and for a new file one line here."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from mobiledeploy.errors import InternalError, UnsupportedError
from mobiledeploy.mil.operator import Family, Operator, Opset
from mobiledeploy.mil.ops import (
    activation,
    attention,
    classification,
    constexpr,
    control_flow,
    conv,
    elementwise_binary,
    elementwise_unary,
    gathering,
    generation,
    joining,
    linear,
    lists,
    normalization,
    ordering,
    pooling,
    quantization,
    rearranging,
    recurrent,
    reduction,
    resampling,
    resizing,
    scattering,
    shaping,
    slicing,
    states,
    suppression,
)

__all__ = ["FAMILIES", "REGISTRY", "build_registry", "find_operator"]

FAMILIES: tuple[Family, ...] = (
    activation.FAMILY,
    attention.FAMILY,
    classification.FAMILY,
    constexpr.FAMILY,
    control_flow.FAMILY,
    conv.FAMILY,
    elementwise_binary.FAMILY,
    elementwise_unary.FAMILY,
    gathering.FAMILY,
    generation.FAMILY,
    joining.FAMILY,
    linear.FAMILY,
    lists.FAMILY,
    normalization.FAMILY,
    ordering.FAMILY,
    pooling.FAMILY,
    quantization.FAMILY,
    rearranging.FAMILY,
    recurrent.FAMILY,
    reduction.FAMILY,
    resampling.FAMILY,
    resizing.FAMILY,
    scattering.FAMILY,
    shaping.FAMILY,
    slicing.FAMILY,
    states.FAMILY,
    suppression.FAMILY,
)

Registry = Mapping[str, tuple[Operator, ...]]


def build_registry(families: Iterable[Family]) -> Registry:
    """By name, the versions of each operator, oldest first. Raises InternalError if one is declared twice."""
    versions: dict[str, list[Operator]] = {}
    for operator in (operator for family in families for operator in family.operators):
        known = versions.setdefault(operator.name, [])
        if any(other.since is operator.since for other in known):
            raise InternalError(f"operator {operator.name!r} is registered twice for {operator.since.name}")
        known.append(operator)
    return {name: tuple(sorted(known, key=lambda operator: operator.since)) for name, known in versions.items()}


REGISTRY = build_registry(FAMILIES)


def find_operator(name: str, opset: Opset, where: str) -> Operator:
    """The newest version of the operator `name` that `opset` has.

    `where`: the function and the operand types, for the message. Raises UnsupportedError naming the nearest operator
    and the file to edit.
    """
    versions = [operator for operator in REGISTRY.get(name, ()) if operator.since <= opset]
    if versions:
        return versions[-1]
    if name in REGISTRY:
        first = REGISTRY[name][0]
        raise UnsupportedError(
            f"operator {name!r} appeared in {first.since.name}, but the program is for {opset.name}",
            where=where,
            remedy=f"See {_file(first)}.",
        )
    near = difflib.get_close_matches(name[:80], REGISTRY, n=1, cutoff=0.0)
    nearest = REGISTRY[near[0]][0]
    raise UnsupportedError(
        f"operator {name!r:.80} is not implemented; the nearest is {nearest.name!r}",
        where=where,
        remedy=f"Add it to {_file(nearest)}, or open an issue with the model.",
    )


def _file(operator: Operator) -> str:
    return f"mobiledeploy/mil/ops/{operator.family}.py"
