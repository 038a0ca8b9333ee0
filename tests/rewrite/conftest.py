"""Rewrites a module and holds the result against the module itself, in float64, with every invariant of a program."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import torch
from torch import fx, nn

from mobiledeploy.aten.capture import capture
from mobiledeploy.aten.evaluate import evaluate
from mobiledeploy.aten.prepare import named_outputs, prepare
from mobiledeploy.records import InputSpec, RewriteLog, RuleRecord
from mobiledeploy.rewrite.engine import rewrite
from mobiledeploy.rewrite.recipes import recipe

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program
    from mobiledeploy.rewrite.rule import Rule

# float64 keeps 2^-53 = 1.1e-16; the largest condition number among these small networks is about a thousand.
CAPTURED = 1e-12
# The engine's own bar for an exact rule.
REWRITTEN = 1e-9
# Constants are float32 at the end (2^-24 = 6e-8), some hundred of them summed up.
ROUNDED = 1e-4


@dataclass(frozen=True)
class Outcome:
    program: Program
    log: RewriteLog

    @property
    def operators(self) -> list[str]:
        """In graph order, without the namespace and the overload."""
        return [_name(node) for node in self.program.graph.nodes if node.op == "call_function"]

    def record(self, rule: str) -> RuleRecord:
        return next(record for record in self.log.rules if record.rule == rule)

    def reasons(self, rule: str) -> list[str]:
        return [refusal.reason for refusal in self.record(rule).refusals]

    def calls(self, operator: str) -> list[fx.Node]:
        return [node for node in self.program.graph.nodes if node.op == "call_function" and _name(node) == operator]


def _name(node: fx.Node) -> str:
    return str(node.target).removeprefix("aten.").split(".")[0] if "aten" in str(node.target) else "getitem"


class Calls(nn.Module):
    """`function(module, *inputs)` as a module that owns `layers`."""

    def __init__(self, function: Callable[..., object], **layers: nn.Module | torch.Tensor) -> None:
        super().__init__()
        self.function = function
        for name, layer in layers.items():
            if isinstance(layer, nn.Module):
                self.add_module(name, layer)
            else:
                self.register_buffer(name, layer)

    def forward(self, *inputs: torch.Tensor) -> object:
        return self.function(self, *inputs)


def seeded(module: nn.Module, seed: int = 0) -> nn.Module:
    """No parameter or statistic is left at a value that hides a wrong fold."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        if name.endswith("running_var"):
            tensor.data.uniform_(0.5, 2.0, generator=generator)
        elif tensor.is_floating_point() and tensor.dim() > 0 and name.split(".")[-1] in _PARAMETERS:
            tensor.data.normal_(0.3, 1.0, generator=generator)
    return module.eval()


_PARAMETERS = {"weight", "bias", "running_mean"}


def inputs_of(shapes: Sequence[tuple[int, ...]]) -> tuple[InputSpec, ...]:
    return tuple(InputSpec(f"x{number}", shape) for number, shape in enumerate(shapes))


@pytest.fixture(scope="session")
def calls() -> type[Calls]:
    return Calls


@pytest.fixture(scope="session")
def captured() -> Callable[..., Program]:
    def run(module: nn.Module, *shapes: tuple[int, ...], seed: int | None = 0) -> Program:
        module = module.eval() if seed is None else seeded(module, seed)
        return capture(prepare(module, inputs_of(shapes)), inputs_of(shapes))

    return run


@pytest.fixture(scope="session")
def rewritten(captured: Callable[..., Program]) -> Callable[..., Outcome]:
    """`rewritten(module, *input shapes, rules=None)`: the recipe, or `rules`, applied and checked from all sides."""

    def run(
        module: nn.Module, *shapes: tuple[int, ...], rules: Sequence[Rule] | None = None, seed: int | None = 0
    ) -> Outcome:
        program = captured(module, *shapes, seed=seed)
        text = str(program.graph)
        generator = torch.Generator().manual_seed(1)
        samples = [[torch.randn(shape, generator=generator) for shape in shapes] for _ in range(2)]
        chosen = recipe() if rules is None else rules
        result = rewrite(program, chosen, samples)
        assert str(program.graph) == text, "the captured program was edited"
        assert difference(copy.deepcopy(module).double(), samples, result.outputs) <= CAPTURED
        assert result.log.relative_error <= REWRITTEN
        rounded = [evaluate(result.program, sample, dtype=torch.float64) for sample in samples]
        assert difference(copy.deepcopy(module).double(), samples, rounded) <= ROUNDED
        check_invariants(result.program, samples[0])
        check_at_rest(result.program, chosen, samples)
        return Outcome(result.program, result.log)

    return run


def difference(module: nn.Module, samples: Sequence[Sequence[torch.Tensor]], outputs: Sequence[object]) -> float:
    """Largest |difference| over the largest |value| of each output."""
    worst = 0.0
    for sample, found in zip(samples, outputs, strict=True):
        with torch.no_grad():
            expected = [value for _, value in named_outputs(module(*(x.double() for x in sample)))]
        for a, b in zip(found, expected, strict=True):
            assert a.shape == b.shape
            worst = max(worst, float((a - b).abs().max() / b.abs().max().clamp(min=1e-30)) if a.numel() else 0.0)
    return worst


def check_invariants(program: Program, sample: Sequence[torch.Tensor]) -> None:
    program.graph.lint()
    shapes: dict[fx.Node, object] = {}
    evaluate(program, sample, dtype=torch.float32, listener=shapes.__setitem__)
    for node, value in shapes.items():
        for real, declared in zip(_tensors(value), _tensors(node.meta["val"]), strict=True):
            assert tuple(real.shape) == tuple(declared.shape), node
            assert real.dtype == declared.dtype, node
    used = {node.target for node in program.graph.nodes if node.op == "get_attr"}
    assert used == {name for name, _ in program.graph_module.named_buffers()}, "a constant that nothing reads"
    assert all(node.users for node in program.graph.nodes if node.op in ("call_function", "get_attr"))


def _tensors(value: object) -> list[torch.Tensor]:
    return list(value) if isinstance(value, tuple | list) else [value]  # type: ignore[list-item]


def check_at_rest(program: Program, rules: Sequence[Rule], samples: Sequence[Sequence[torch.Tensor]]) -> None:
    again = rewrite(program, rules, samples)
    assert [(record.rule, record.matches) for record in again.log.rules] == [(rule.name, 0) for rule in rules]
    assert str(again.program.graph) == str(program.graph)
