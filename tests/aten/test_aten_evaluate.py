"""float64 is float64 throughout, and nothing is kept longer than it is needed."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch import nn

from mobiledeploy.aten.evaluate import evaluate, evaluate_all

THIRD = torch.tensor([1 / 3, 2 / 3, 1.0], dtype=torch.float64)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda self, x: x / 3, THIRD.new_tensor([1, 2, 3]) / 3),
        (lambda self, x: x.to(torch.float32) / 3, THIRD),
        (lambda self, x: (x.half() / 3).float(), THIRD),
        (lambda self, x: (x.to(torch.int64)).float() / 3, THIRD),
        (lambda self, x: x * torch.full((3,), 0.1), THIRD.new_tensor([1, 2, 3]) * 0.1),
        (lambda self, x: x + torch.linspace(0, 1, 4)[1], THIRD.new_tensor([1, 2, 3]) + 1 / 3),
        (lambda self, x: torch.zeros(3) + torch.ones(3) / 3 + x * 0, THIRD.new_full((3,), 1 / 3)),
        (lambda self, x: torch.arange(1, 4).float() / 3 + x * 0, THIRD),
        (lambda self, x: (torch.arange(1, 4) / 3) + x * 0, THIRD),
        (lambda self, x: (torch.arange(1, 4) * 0.1) * 10 / 3 + x * 0, THIRD),
        (lambda self, x: torch.scalar_tensor(0.1) * x, THIRD.new_tensor([1, 2, 3]) * 0.1),
        (lambda self, x: torch.fft.ifft(torch.fft.fft(x / 3).to(torch.complex64)).real, THIRD),
        (lambda self, x: (x.clone().fill_(0.1)) + x * 0, THIRD.new_full((3,), 0.1)),
        (lambda self, x: x.new_tensor([0.5, 0.25, 2]) * x, THIRD.new_tensor([0.5, 0.5, 6])),
    ],
)
def test_every_constant_and_cast_is_widened(captured, calls, function, expected) -> None:
    (found,) = evaluate(captured(calls(function), (3,)), [torch.tensor([1.0, 2, 3])], dtype=torch.float64)
    assert found.dtype == torch.float64
    # Four roundings of float64; anything that went through float32 is off by 1e-8.
    assert torch.allclose(found, expected, rtol=0, atol=1e-15)


def test_float32_stays_float32(captured, calls) -> None:
    program = captured(calls(lambda self, x: x * torch.full((3,), 0.1)), (3,))
    (found,) = evaluate(program, [torch.ones(3, dtype=torch.float64)], dtype=torch.float32)
    assert found.dtype == torch.float32


def test_integers_and_booleans_are_not_touched(captured, calls) -> None:
    program = captured(calls(lambda self, x: (x.to(torch.int32), x > 1, x.argmax())), (3,))
    found = evaluate(program, [torch.tensor([1.0, 2, 3])], dtype=torch.float64)
    assert [value.dtype for value in found] == [torch.int32, torch.bool, torch.int64]


def test_all_samples_give_what_each_gives_alone(captured) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.GELU(), nn.Flatten(), nn.Linear(36, 5))
    program = captured(module, (1, 3, 5, 5))
    samples = [[torch.randn(1, 3, 5, 5)] for _ in range(3)]
    together = evaluate_all(program, samples, dtype=torch.float64)
    assert len(together) == 3
    for sample, outputs in zip(samples, together, strict=True):
        assert torch.equal(outputs[0], evaluate(program, sample, dtype=torch.float64)[0])


def test_the_program_is_not_changed(captured) -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    program = captured(module, (2, 4))
    text, constants = str(program.graph), {n: b.clone() for n, b in program.graph_module.named_buffers()}
    evaluate(program, [torch.randn(2, 4)], dtype=torch.float64)
    assert str(program.graph) == text
    assert all(torch.equal(b, constants[n]) for n, b in program.graph_module.named_buffers())
    assert {b.dtype for b in program.graph_module.buffers()} == {torch.float32}


def test_a_listener_sees_every_value(captured) -> None:
    program = captured(nn.Sequential(nn.Linear(4, 3), nn.ReLU()), (2, 4))
    seen: dict[str, tuple[int, ...]] = {}
    evaluate(
        program,
        [torch.randn(2, 4)],
        dtype=torch.float64,
        listener=lambda node, value: seen.update({node.name: tuple(value.shape)}),
    )
    assert set(seen) == {node.name for node in program.graph.nodes if node.op != "output"}
    assert seen["linear"] == (2, 3)


def test_values_are_dropped_after_their_last_use(captured, calls) -> None:
    def forward(self, x):
        for _ in range(6):
            x = torch.sin(x)
        return x

    alive: list[weakref.ref[torch.Tensor]] = []
    most = 0

    def watch(node, value) -> None:
        nonlocal most
        alive.append(weakref.ref(value))
        gc.collect()
        most = max(most, sum(reference() is not None for reference in alive))

    evaluate(captured(calls(forward), (8,)), [torch.randn(8)], dtype=torch.float64, listener=watch)
    assert len(alive) == 7
    assert most <= 2


def test_an_input_may_be_an_output_and_unused(captured, calls) -> None:
    program = captured(calls(lambda self, a, b: (b, b + 1, self.table), table=torch.ones(2)), (2,), (3,))
    found = evaluate(program, [torch.zeros(2), torch.arange(3.0)], dtype=torch.float64)
    assert [value.tolist() for value in found] == [[0, 1, 2], [1, 2, 3], [1, 1]]
