"""Recurrent layers over sequences x (steps, batch, inputs).

A reversed layer reads the sequence from its end and returns the steps in the order in which it computes them; the
backward half of a bidirectional one returns them in the order of the sequence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from mobiledeploy.mil.operator import Family, Kernel
from mobiledeploy.mil.size import check_places, checked_shape

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY"]

FAMILY = Family("recurrent")

Activation = Callable[[torch.Tensor], torch.Tensor]
# (step of the input already multiplied by its weights, state) to the next state; its first entry is the output
State = tuple[torch.Tensor, ...]
Cell = Callable[[torch.Tensor, State], State]


def _hard_sigmoid(x: torch.Tensor) -> torch.Tensor:
    return (0.2 * x + 0.5).clamp_(0, 1)


_ACTIVATIONS: dict[str, Activation] = {
    "tanh": torch.tanh,
    # its scales are not parameters of the recurrent operators: it is tanh
    "scaled_tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "hard_sigmoid": _hard_sigmoid,
    "sigmoid_hard": _hard_sigmoid,
    "relu": torch.relu,
    "linear": lambda x: x,
}


def _scan(inputs: torch.Tensor, state: State, cell: Cell) -> tuple[torch.Tensor, State]:
    """All outputs (steps, batch, hidden) and the last state."""
    outputs = []
    check_places(len(inputs))
    for step in inputs:
        state = cell(step, state)
        outputs.append(state[0])
    return torch.stack(outputs), state


def _reverses(call: Call) -> bool:
    return bool(call.choice("direction", {"forward": False, "reverse": True}, "forward"))


def _bias(call: Call, parameter: str, like: torch.Tensor) -> torch.Tensor:
    """The bias, or zeros for each row of the weights `like`."""
    return call.tensor(parameter) if call.has(parameter) else torch.zeros(like.shape[0], dtype=like.dtype)


def _rows(state: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The rows of an initial state that belong to the batch. Core ML leaves further ones unread; coremltools makes such
    a state for packed sequences, as long as the longest of them."""
    return state if state.shape[0] == x.shape[1] else state[: x.shape[1]]


def _single(call: Call, cell: Cell, weight: torch.Tensor, bias: torch.Tensor) -> Kernel:
    """A layer whose state is its output."""
    reverse, every_step = _reverses(call), call.flag("output_sequence", False)

    def run(x: torch.Tensor, initial_h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        checked_shape([*x.shape[:2], len(weight)])
        steps = torch.matmul(x.flip(0) if reverse else x, weight.T) + bias
        outputs, (last,) = _scan(steps, (_rows(initial_h, x),), cell)
        return outputs if every_step else outputs[-1:].clone(), last.clone()

    return Kernel(("x", "initial_h"), run)


@FAMILY.operator("rnn")
def rnn(call: Call) -> Kernel:
    """h = activation(W_ih x + W_hh h + b)."""
    weight, hidden = call.tensor("weight_ih"), call.tensor("weight_hh").T
    activation: Activation = call.choice("activation", _ACTIVATIONS, "tanh")

    def cell(step: torch.Tensor, state: State) -> State:
        return (activation(step + torch.matmul(state[0], hidden)),)

    return _single(call, cell, weight, _bias(call, "bias", weight))


@FAMILY.operator("gru")
def gru(call: Call) -> Kernel:
    """Gates in the order reset, new, update: h = (1 - z) o + z h, with o = activation(W x + W_h (r h) + b), or, with
    `reset_after` (iOS 18), activation(W x + b_i + r (W_h h + b))."""
    weight = call.tensor("weight_ih")
    reset_w, new_w, update_w = (part.T for part in call.tensor("weight_hh").chunk(3))
    gate: Activation = call.choice("recurrent_activation", _ACTIVATIONS, "sigmoid")
    activation: Activation = call.choice("activation", _ACTIVATIONS, "tanh")
    after = call.flag("reset_after", False)
    bias, input_bias = _bias(call, "bias", weight), _bias(call, "input_bias", weight)
    reset_b, new_b, update_b = bias.chunk(3)

    def cell(step: torch.Tensor, state: State) -> State:
        (h,) = state
        reset_x, new_x, update_x = step.chunk(3, -1)
        reset = gate(reset_x + torch.matmul(h, reset_w) + reset_b)
        update = gate(update_x + torch.matmul(h, update_w) + update_b)
        inner = reset * (torch.matmul(h, new_w) + new_b) if after else torch.matmul(reset * h, new_w) + new_b
        return ((1 - update) * activation(new_x + inner) + update * h,)

    return _single(call, cell, weight, input_bias)


@FAMILY.operator("lstm")
def lstm(call: Call) -> Kernel:
    """Gates in the order input, forget, output, cell: c = f c + i z, h = o activation(c). Peepholes add the cell state
    to the gates. `clip` bounds the cell state, unlike what the operator's documentation says."""
    directions = {"forward": ("",), "reverse": ("",), "bidirectional": ("", "_back")}
    suffixes: tuple[str, ...] = call.choice("direction", directions, "forward")
    reverse = call.text("direction", "forward") == "reverse"
    layers = [
        (call.tensor(f"weight_ih{suffix}"), _bias(call, f"bias{suffix}", call.tensor(f"weight_ih{suffix}")))
        for suffix in suffixes
    ]
    cells = [_lstm_cell(call, suffix) for suffix in suffixes]
    every_step = call.flag("output_sequence", False)

    def run(x: torch.Tensor, initial_h: torch.Tensor, initial_c: torch.Tensor) -> tuple[torch.Tensor, ...]:
        sequences, finals, lasts = [], [], []
        states = zip(*(_rows(state, x).chunk(len(cells), -1) for state in (initial_h, initial_c)), strict=True)
        for index, (state, cell, (weight, bias)) in enumerate(zip(states, cells, layers, strict=True)):
            backward = reverse or index == 1
            checked_shape([*x.shape[:2], len(weight)])
            steps = torch.matmul(x.flip(0) if backward else x, weight.T) + bias
            outputs, final = _scan(steps, state, cell)
            lasts.append(outputs[-1:])
            sequences.append(outputs.flip(0) if index == 1 else outputs)
            finals.append(final)
        result = torch.cat(sequences if every_step else lasts, -1)
        return result, *(torch.cat(values, -1) for values in zip(*finals, strict=True))

    return Kernel(("x", "initial_h", "initial_c"), run)


def _lstm_cell(call: Call, suffix: str) -> Cell:
    hidden = call.tensor(f"weight_hh{suffix}").T
    size = hidden.shape[0]
    name = f"peephole{suffix}"
    peephole = call.tensor(name) if call.has(name) else torch.zeros(3 * size, dtype=hidden.dtype)
    peep_i, peep_f, peep_o = peephole.chunk(3)
    gate: Activation = call.choice("recurrent_activation", _ACTIVATIONS, "sigmoid")
    inner: Activation = call.choice("cell_activation", _ACTIVATIONS, "tanh")
    outer: Activation = call.choice("activation", _ACTIVATIONS, "tanh")
    clip = call.number("clip", torch.inf)

    def cell(step: torch.Tensor, state: State) -> State:
        h, c = state
        i, f, o, z = (step + torch.matmul(h, hidden)).chunk(4, -1)
        c_next = (gate(f + peep_f * c) * c + gate(i + peep_i * c) * inner(z)).clamp_(-clip, clip)
        return gate(o + peep_o * c_next) * outer(c_next), c_next

    return cell
