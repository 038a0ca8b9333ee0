"""Folds a per-channel scale and shift into the weights of what stands before it, or of all that stand behind it.

    conv ── movement ── · s + t     ──▶   conv' ── movement            rows of the weight times s, bias · s + t
    · s + t ── movement ── conv     ──▶   movement ── conv'            columns of the weight times s, bias + W t

The second is exact under zero padding only for t = 0: the border is padded with zeros after the shift, not before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from mobiledeploy.aten.graph import add_constant, aten, is_call, rank, shape
from mobiledeploy.aten.program import Program
from mobiledeploy.rewrite.movement import channel_numbers, is_movement, move
from mobiledeploy.rewrite.operators import (
    CONVOLUTIONS,
    LinearOperator,
    PerChannel,
    arguments,
    constant,
    linear_operator,
)

__all__ = ["BackwardFold", "ForwardFold", "fold_backward", "fold_forward"]


@dataclass(frozen=True)
class BackwardFold:
    """`producer`'s outputs are to be multiplied by `scale` and shifted by `shift`: float64 (channels,)."""

    producer: fx.Node
    scale: torch.Tensor
    shift: torch.Tensor

    def apply(self, program: Program) -> None:
        """Gives the producer new weights, in place."""
        positions = _weight_positions(self.producer)
        values = [_argument(self.producer, position) for position in positions]
        weight, bias = (constant(program, value) for value in values)
        scale = self.scale
        new_bias = self.shift if bias is None else bias.double() * scale + self.shift
        if weight is None:
            new_weight = scale
        else:
            new_weight = weight.double() * scale.reshape(-1, *([1] * (weight.dim() - 1)))
        keeps_bias = bias is not None or bool(self.shift.any())
        _set_weights(program, self.producer, positions, new_weight, new_bias if keeps_bias else None)


@dataclass(frozen=True)
class ForwardFold:
    """Each consumer's inputs are `scale * x + shift`, one entry per input channel of that consumer."""

    consumers: tuple[tuple[LinearOperator, torch.Tensor, torch.Tensor], ...]

    def apply(self, program: Program) -> None:
        """Gives the consumers new weights, in place."""
        for consumer, scale, shift in self.consumers:
            bias = consumer.bias + consumer.map.of_constant(shift)
            keeps_bias = bool(bias.any()) or _argument(consumer.node, 2) is not None
            weight = consumer.map.scale_inputs(scale).weight
            _set_weights(program, consumer.node, (1, 2), weight, bias if keeps_bias else None)


def fold_backward(program: Program, scaled: PerChannel) -> BackwardFold | str:
    """The fold of `scaled` into the operator that made its source, or why there is none."""
    path: list[fx.Node] = []
    inner, axis, producer = scaled, scaled.axis, scaled.source
    users = [scaled.node]
    while _weight_positions(producer) is None or not _has_constant_weights(program, producer):
        if is_movement(producer):
            path.append(producer)
        elif inner.is_uniform_scale and is_call(producer, aten.matmul, aten.bmm) and _feeds_only(producer, users):
            # (s·A) B = s (A B): the scale goes on into the first operand.
            path = []
            inner = _uniform(inner, producer)
            axis = inner.axis
            scaled_operand = producer
            users = [scaled_operand]
            producer = producer.args[0]  # type: ignore[assignment]
            continue
        else:
            return f"{_name(producer)} stands before it"
        users = [producer]
        producer = producer.args[0]  # type: ignore[assignment]
    return _along_path(program, producer, path[::-1], inner, axis)


def _uniform(scaled: PerChannel, product: fx.Node) -> PerChannel:
    operand = product.args[0]
    assert isinstance(operand, fx.Node)
    scale = scaled.scale[:1].expand(shape(operand)[-1])
    return PerChannel(product, operand, scale, 0 * scale, rank(operand) - 1)


def _feeds_only(node: fx.Node, users: list[fx.Node]) -> bool:
    return list(node.users) == users


def _along_path(
    program: Program, producer: fx.Node, path: list[fx.Node], scaled: PerChannel, axis: int
) -> BackwardFold | str:
    channel_axis = _output_axis(producer)
    channels = shape(producer)[channel_axis]
    chain = [producer, *path]
    if not path and axis == channel_axis and list(producer.users) == [scaled.node]:
        return BackwardFold(producer, scaled.scale, scaled.shift)
    numbers: list[Any] = [channel_numbers(producer, channel_axis)]
    for node in path:
        numbers.append(move(node, numbers[-1]))
    scale, shift = (_by_channel(numbers[-1], value, scaled, channels) for value in (scaled.scale, scaled.shift))
    if scale is None or shift is None:
        return "the reshapes between mix the channels it scales"
    touched = torch.unique(numbers[-1])
    others = [
        user
        for node, following in zip(chain, [*path, scaled.node], strict=True)
        for user in node.users
        if user is not following
    ]
    reached = [_channels_read(user, number) for user, number in _with_numbers(others, chain, numbers)]
    if any(bool(torch.isin(touched, read).any()) for read in reached):
        return f"{_name(chain[-1] if path else producer)} also feeds {_name(others[0])}"
    whole_scale = torch.ones(channels, dtype=torch.float64)
    whole_shift = torch.zeros(channels, dtype=torch.float64)
    index = touched.long()
    whole_scale[index], whole_shift[index] = scale[index], shift[index]
    return BackwardFold(producer, whole_scale, whole_shift)


def _with_numbers(users: list[fx.Node], chain: list[fx.Node], numbers: list[Any]) -> list[tuple[fx.Node, Any]]:
    known = dict(zip(chain, numbers, strict=True))
    return [(user, known[node]) for user in users for node in user.all_input_nodes if node in known]


def _channels_read(user: fx.Node, numbers: Any) -> torch.Tensor:
    """The channel numbers that `user`, or what it moves them on to, reads."""
    if not is_movement(user):
        tensors = numbers if isinstance(numbers, tuple | list) else [numbers]
        return torch.unique(torch.cat([item.flatten() for item in tensors]))
    moved = move(user, numbers)
    reads = [_channels_read(following, moved) for following in user.users]
    return torch.unique(torch.cat(reads)) if reads else torch.empty(0, dtype=torch.int32)


def _by_channel(numbers: torch.Tensor, value: torch.Tensor, scaled: PerChannel, channels: int) -> torch.Tensor | None:
    """`value` (along the scaled node's axis) as one number per producer channel, or None where it is not one number."""
    laid_out = value.reshape(-1, *([1] * (numbers.dim() - 1 - scaled.axis))).expand(numbers.shape)
    index, flat = numbers.flatten().long(), laid_out.flatten()
    low = torch.full((channels,), torch.inf, dtype=torch.float64).scatter_reduce(0, index, flat, "amin")
    high = torch.full((channels,), -torch.inf, dtype=torch.float64).scatter_reduce(0, index, flat, "amax")
    seen = low <= high
    return low if bool((low == high)[seen].all()) else None


def fold_forward(program: Program, scaled: PerChannel) -> ForwardFold | str:
    """The fold of `scaled` into all operators that read it, or why there is none."""
    consumers: list[tuple[LinearOperator, torch.Tensor, torch.Tensor]] = []
    frontier: list[tuple[fx.Node, Any]] = [(scaled.node, channel_numbers(scaled.node, scaled.axis))]
    while frontier:
        node, numbers = frontier.pop()
        for user in node.users:
            if is_movement(user):
                frontier.append((user, move(user, numbers)))
                continue
            consumer = _consumer(program, user, node)
            if consumer is None:
                return f"{_name(user)} stands behind it"
            columns = _columns(numbers, consumer)
            if columns is None:
                return f"the reshapes before {_name(user)} mix its channels"
            scale, shift = scaled.scale[columns], scaled.shift[columns]
            if consumer.map.is_padded and shift.any():
                return f"its shift before the zero padding of {_name(user)} is not exact at the border"
            consumers.append((consumer, scale, shift))
    if len({consumer.node for consumer, _, _ in consumers}) < len(consumers):
        return "an operator reads it twice"
    return ForwardFold(tuple(consumers)) if consumers else "nothing reads it"


def _consumer(program: Program, user: fx.Node, node: fx.Node) -> LinearOperator | None:
    mapped = linear_operator(program, user) if user.op == "call_function" else None
    if mapped is None or mapped.source is not node or is_call(user, aten.avg_pool2d):
        return None
    return mapped


def _columns(numbers: torch.Tensor, consumer: LinearOperator) -> torch.Tensor | None:
    """The scaled channel behind each of the consumer's input channels, or None where one channel holds several."""
    axis = numbers.dim() - 1 if consumer.map.spatial == 0 else 1
    rows = numbers.movedim(axis, 0).flatten(1)
    return rows[:, 0].long() if bool((rows == rows[:, :1]).all()) else None


def _weight_positions(node: Any) -> tuple[int, int] | None:
    """Where the (weight, bias) arguments stand of an operator whose outputs they scale and shift."""
    if is_call(node, *CONVOLUTIONS.values(), aten.linear.default):
        return (1, 2)
    if is_call(node, aten.batch_norm.default):
        return (1, 2)
    if is_call(node, aten.layer_norm.default) and len(node.args[1]) == 1:
        return (2, 3)
    if is_call(node, aten.group_norm.default):
        return (2, 3)
    return None


def _output_axis(node: fx.Node) -> int:
    return rank(node) - 1 if is_call(node, aten.linear.default, aten.layer_norm.default) else 1


def _has_constant_weights(program: Program, node: fx.Node) -> bool:
    positions = _weight_positions(node)
    assert positions is not None
    values = [_argument(node, position) for position in positions]
    return all(value is None or constant(program, value) is not None for value in values)


def _argument(node: fx.Node, position: int) -> Any:
    return arguments(node)[position]


def _set_weights(
    program: Program, node: fx.Node, positions: tuple[int, int], weight: torch.Tensor, bias: torch.Tensor | None
) -> None:
    args = arguments(node)
    with program.graph.inserting_before(node):
        args[positions[0]] = add_constant(program.graph_module, weight, like=node, hint=f"{node.name}_weight")
        args[positions[1]] = (
            None if bias is None else add_constant(program.graph_module, bias, like=node, hint=f"{node.name}_bias")
        )
    node.args, node.kwargs = tuple(args), {}


def _name(node: fx.Node) -> str:
    packet = getattr(node.target, "overloadpacket", node.target)
    return str(packet).replace("aten.", "") if node.op == "call_function" else node.op
