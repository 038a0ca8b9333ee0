"""Folds a per-channel scale and shift into the weights of what stands before it, or of all that stand behind it.

    conv ── movement ── · s + t     ──▶   conv' ── movement            rows of the weight times s, bias · s + t
    · s + t ── movement ── conv     ──▶   movement ── conv'            columns of the weight times s, bias + W t

The second is exact under zero padding only for t = 0: the border is padded with zeros after the shift, not before.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from mobiledeploy.aten.graph import add_constant, arguments, aten, is_call, rank, shape
from mobiledeploy.rewrite.movement import average, channel_numbers, is_movement, move
from mobiledeploy.rewrite.operators import (
    CONVOLUTIONS,
    LinearOperator,
    PerChannel,
    constant,
    linear_operator,
)

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program

__all__ = ["BackwardFold", "ForwardFold", "JointFold", "fold_backward", "fold_forward"]


_TRANSPOSED = (aten.conv_transpose1d.default, aten.conv_transpose2d.input, aten.conv_transpose3d.input)
# Where the (weight, bias) arguments stand of operators whose outputs they scale and shift.
WEIGHT_POSITIONS: dict[Any, tuple[int, int]] = {
    **dict.fromkeys((*CONVOLUTIONS.values(), *_TRANSPOSED), (1, 2)),
    aten.linear.default: (1, 2),
    aten.batch_norm.default: (1, 2),
    aten.layer_norm.default: (2, 3),
    aten.group_norm.default: (2, 3),
}


@dataclass(frozen=True)
class BackwardFold:
    """`producer`'s outputs are to be multiplied by `scale` and shifted by `shift`: float64 (channels,)."""

    producer: fx.Node
    scale: torch.Tensor
    shift: torch.Tensor

    def apply(self, program: Program) -> None:
        """Gives the producer new weights, in place."""
        positions = WEIGHT_POSITIONS[self.producer.target]
        values = [arguments(self.producer)[position] for position in positions]
        weight, bias = (constant(program, value) for value in values)
        new_bias = self.shift if bias is None else bias.double() * self.scale + self.shift
        new_weight = self.scale
        if weight is not None:
            new_weight = weight.double() * self._scale_against(weight)
        keeps_bias = bias is not None or bool(self.shift.any())
        _set_weights(program, self.producer, positions, new_weight, new_bias if keeps_bias else None)

    def _scale_against(self, weight: torch.Tensor) -> torch.Tensor:
        """`scale` laid out against the weight's output channels: its rows, or of a transposed convolution, whose
        weight is (in, out / groups, *kernel), the columns, group by group."""
        kernel = [1] * (weight.dim() - 2)
        if self.producer.target not in _TRANSPOSED:
            return self.scale.reshape(-1, *([1] * (weight.dim() - 1)))
        groups = arguments(self.producer)[6]
        rows = self.scale.reshape(groups, -1).repeat_interleave(weight.shape[0] // groups, 0)
        return rows.reshape(*rows.shape, *kernel)


@dataclass(frozen=True)
class JointFold:
    """One fold for each tensor of a concatenation."""

    folds: tuple[BackwardFold | JointFold, ...]

    def apply(self, program: Program) -> None:
        for fold in self.folds:
            fold.apply(program)


@dataclass(frozen=True)
class ForwardFold:
    """Each consumer's inputs are `scale * x + shift`, one entry per input channel of that consumer."""

    consumers: tuple[tuple[LinearOperator, torch.Tensor, torch.Tensor], ...]

    def apply(self, program: Program) -> None:
        """Gives the consumers new weights, in place."""
        for consumer, scale, shift in self.consumers:
            bias = consumer.bias + consumer.map.of_constant(shift)
            keeps_bias = bool(bias.any()) or arguments(consumer.node)[2] is not None
            weight = consumer.map.scale_inputs(scale).weight()
            _set_weights(program, consumer.node, (1, 2), weight, bias if keeps_bias else None)


def fold_backward(program: Program, scaled: PerChannel) -> BackwardFold | JointFold | str:
    """The fold of `scaled` into the operator (or the concatenated ones) that made its source, or why there is none."""
    if is_call(scaled.source, aten.cat.default):
        return _through_concatenation(program, scaled)
    reader, producer, path = scaled.node, scaled.source, list[fx.Node]()
    while not _carries_weights(program, producer):
        if is_movement(producer):
            path.append(producer)
        elif scaled.is_uniform_scale and is_call(producer, aten.matmul, aten.bmm):
            # (s·A) B = s (A B): the scale goes on into the first operand.
            alone = all(len(node.users) == 1 for node in (producer, *path)) and _reads_once(reader, scaled.source)
            if not alone:
                return f"{_name(producer)} also feeds something else"
            scaled, path = _of_first_operand(scaled, producer), []
            reader = producer
        else:
            return f"{_name(producer)} stands before it"
        producer = producer.args[0]  # type: ignore[assignment]
    if not _reads_once(reader, scaled.source):
        return f"{_name(reader)} reads it twice"
    return _along_path(producer, path[::-1], scaled)


def _through_concatenation(program: Program, scaled: PerChannel) -> JointFold | str:
    """cat(a, b) · s  ──▶  cat(a · s_a, b · s_b), each part folded further back."""
    tensors, axis = arguments(scaled.source)
    if axis % rank(scaled.source) != scaled.axis:
        return "it scales along another axis than the concatenation's"
    if len(scaled.source.users) > 1:
        return "cat also feeds something else"
    sizes = [shape(tensor)[scaled.axis] for tensor in tensors]
    parts = zip(tensors, torch.split(scaled.scale, sizes), torch.split(scaled.shift, sizes), strict=True)
    folds: list[BackwardFold | JointFold] = []
    for tensor, scale, shift in parts:
        fold = fold_backward(program, PerChannel(scaled.source, tensor, scale, shift, scaled.axis))
        if isinstance(fold, str):
            return fold
        folds.append(fold)
    return JointFold(tuple(folds))


def _of_first_operand(scaled: PerChannel, product: fx.Node) -> PerChannel:
    operand = product.args[0]
    assert isinstance(operand, fx.Node)
    scale = scaled.scale[:1].expand(shape(operand)[-1])
    return PerChannel(product, operand, scale, 0 * scale, rank(operand) - 1)


def _reads_once(reader: fx.Node, source: fx.Node) -> bool:
    leaves: list[Any] = []
    fx.node.map_arg((reader.args, reader.kwargs), leaves.append)
    return leaves.count(source) == 1


def _along_path(producer: fx.Node, path: list[fx.Node], scaled: PerChannel) -> BackwardFold | str:
    """`path`: the movements from the producer to the scaled node's source."""
    channel_axis = _output_axis(producer)
    channels = shape(producer)[channel_axis]
    if not path and scaled.axis == channel_axis and list(producer.users) == [scaled.node]:
        return BackwardFold(producer, scaled.scale, scaled.shift)
    chain = [producer, *path]
    numbers: dict[fx.Node, Any] = {producer: channel_numbers(producer, channel_axis)}
    for before, node in pairwise(chain):
        numbers[node] = move(node, numbers[before])
    scale, shift = (_by_channel(numbers[chain[-1]], value, scaled, channels) for value in (scaled.scale, scaled.shift))
    if scale is None or shift is None:
        return "the reshapes between mix the channels it scales"
    touched = torch.isfinite(scale)
    for node, following in zip(chain, [*path, scaled.node], strict=True):
        for user in node.users:
            if user is not following and bool(touched[_channels_read(user, numbers[node])].any()):
                return f"{_name(node)} also feeds {_name(user)}"
    ones = torch.ones(channels, dtype=torch.float64)
    return BackwardFold(producer, torch.where(touched, scale, ones), torch.where(touched, shift, 0 * ones))


def _channels_read(user: fx.Node, numbers: Any) -> torch.Tensor:
    """The channel numbers that `user`, or what it moves them on to, reads."""
    if not is_movement(user):
        tensors = numbers if isinstance(numbers, tuple | list) else [numbers]
        return torch.cat([item.flatten() for item in tensors]).long()
    moved = move(user, numbers)
    reads: list[torch.Tensor] = [_channels_read(following, moved) for following in user.users]
    return torch.cat(reads) if reads else torch.empty(0, dtype=torch.long)


def _by_channel(numbers: torch.Tensor, value: torch.Tensor, scaled: PerChannel, channels: int) -> torch.Tensor | None:
    """`value` (along the scaled node's axis) as one number per producer channel, infinite where the channel does not
    occur; None where a channel has several."""
    laid_out = value.reshape(-1, *([1] * (numbers.dim() - 1 - scaled.axis))).expand(numbers.shape)
    index, flat = numbers.flatten().long(), laid_out.flatten()
    low = torch.full((channels,), torch.inf, dtype=torch.float64).scatter_reduce(0, index, flat, "amin")
    high = torch.full((channels,), -torch.inf, dtype=torch.float64).scatter_reduce(0, index, flat, "amax")
    return low if bool((low == high)[low <= high].all()) else None


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
            averaged = average(user, numbers)
            if averaged is not None:
                frontier.append((user, averaged))
                continue
            consumer = _consumer(program, user, node)
            if consumer is None:
                return f"{_name(user)} stands behind it"
            columns = _columns(numbers, consumer)
            if columns is None:
                return f"the reshapes before {_name(user)} mix its channels"
            scale, shift = scaled.scale[columns], scaled.shift[columns]
            if consumer.map.geometry.is_padded and shift.any():
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
    axis = 1 if consumer.map.geometry.kernel else numbers.dim() - 1
    rows = numbers.movedim(axis, 0).flatten(1)
    return rows[:, 0].long() if bool((rows == rows[:, :1]).all()) else None


def _carries_weights(program: Program, node: fx.Node) -> bool:
    """Whether the node's outputs can be scaled and shifted by new weights, which are constants now."""
    if node.op != "call_function" or node.target not in WEIGHT_POSITIONS:
        return False
    values = arguments(node)
    if is_call(node, aten.layer_norm.default) and len(values[1]) != 1:
        return False
    weights = [values[position] for position in WEIGHT_POSITIONS[node.target]]
    if any(weight is not None and constant(program, weight) is None for weight in weights):
        return False
    # A convolution of one picture without a batch axis has its channels elsewhere.
    return not is_call(node, *CONVOLUTIONS.values(), *_TRANSPOSED) or rank(node) == rank(weights[0])


def _output_axis(node: fx.Node) -> int:
    return rank(node) - 1 if is_call(node, aten.linear.default, aten.layer_norm.default) else 1


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
