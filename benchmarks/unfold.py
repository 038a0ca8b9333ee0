"""Ways to take windows apart and to put blocks together, weighed against each other and against coremltools alone.

    python benchmarks/unfold.py [CASE …] [--json FILE]

Each line: the operators, multiply-accumulates and bytes of one way (at fp16, as `mobiledeploy.aten.cost` counts them)
and the weight that decides, in million multiply-accumulates: the cost, and for a gather the risk that it leaves the
Neural Engine. Of the ways of one kind, which differ in the order of the axes, the cheapest stands. The way marked * is
built.
"coremltools" is the ML Program that `coremltools.convert` alone makes of the same module, by the same count.

The bar is that what is built weighs no more than what coremltools makes. The exit code is 1 where it is broken.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import warnings
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from measure import conditions
from torch.nn import functional as F  # noqa: N812

from mobiledeploy.aten.capture import capture
from mobiledeploy.aten.cost import BYTES_PER_VALUE, weigh
from mobiledeploy.aten.graph import aten, is_call
from mobiledeploy.aten.prepare import prepare
from mobiledeploy.records import GraphCost, InputSpec
from mobiledeploy.rewrite.drafts import Candidate, cheapest, draft
from mobiledeploy.rewrite.fold_candidates import col2im_blocks, fold_candidates
from mobiledeploy.rewrite.window_candidates import window_candidates
from mobiledeploy.rewrite.window_reading import windows_of

if TYPE_CHECKING:
    from torch import fx

    from mobiledeploy.aten.program import Program

CASES: dict[str, tuple[Callable[[torch.Tensor], torch.Tensor], tuple[int, ...]]] = {
    "T2T-ViT, first soft split": (lambda x: F.unfold(x, 7, stride=4, padding=2), (1, 3, 224, 224)),
    "T2T-ViT, second soft split": (lambda x: F.unfold(x, 3, stride=2, padding=1), (1, 64, 56, 56)),
    "T2T-ViT, third soft split": (lambda x: F.unfold(x, 3, stride=2, padding=1), (1, 64, 28, 28)),
    "MobileViT, unfold": (lambda x: F.unfold(x, 2, stride=2), (1, 64, 32, 32)),
    "MobileViT, fold": (lambda x: F.fold(x, (32, 32), 2, stride=2), (1, 256, 256)),
    "VOLO, unfold": (lambda x: F.unfold(x, 3, stride=2, padding=1), (1, 192, 28, 28)),
    "VOLO, fold": (lambda x: F.fold(x, (28, 28), 3, stride=2, padding=1), (1, 1728, 196)),
    "3x3, unfold": (lambda x: F.unfold(x, 3, padding=1), (1, 64, 14, 14)),
    "3x3, fold": (lambda x: F.fold(x, (14, 14), 3, padding=1), (1, 576, 196)),
    "HaloNet, windows": (
        lambda x: x.unfold(2, 11, 7).unfold(3, 11, 7).reshape(8, 96, 4, 121),
        (1, 768, 18, 18),
    ),
    "PiT, unfold": (lambda x: F.unfold(x, 16, stride=8), (1, 3, 224, 224)),
    "frames of a signal": (lambda x: x.unfold(-1, 400, 160), (1, 16000)),
}


@dataclass(frozen=True)
class Way:
    """`weight`: in multiply-accumulates."""

    name: str
    cost: GraphCost
    weight: float


@dataclass(frozen=True)
class Case:
    """`alone`: what coremltools makes of the module, or why it makes nothing."""

    name: str
    ways: tuple[Way, ...]
    built: str
    alone: Way | str

    @property
    def is_within_the_bar(self) -> bool:
        built = min(way.weight for way in self.ways if way.name == self.built)
        return isinstance(self.alone, str) or built <= self.alone.weight


class Module(torch.nn.Module):
    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


def measure(name: str) -> Case:
    function, shape = CASES[name]
    spec = InputSpec("x", shape)
    program = capture(prepare(Module(function).eval(), (spec,)), (spec,))
    source, candidates = _candidates(program)
    cheapest_of: dict[str, Way] = {}
    for candidate in candidates:
        drafted = draft(candidate, [source])
        way = Way(_kind(candidate), drafted.cost, drafted.weight)
        if way.name not in cheapest_of or way.weight < cheapest_of[way.name].weight:
            cheapest_of[way.name] = way
    ways = tuple(sorted(cheapest_of.values(), key=lambda way: way.weight))
    return Case(name, ways, _kind(cheapest(candidates, [source]).candidate), _alone(function, shape))


def _candidates(program: Program) -> tuple[fx.Node, list[Candidate]]:
    for node in program.graph.nodes:
        if is_call(node, aten.col2im):
            return node.args[0], list(fold_candidates(col2im_blocks(node)))
        found = windows_of(node) if is_call(node, aten.im2col, aten.unfold) else None
        if found is not None:
            return found.source, list(window_candidates(found.windows, found.source))
    raise AssertionError(program.graph)


def _kind(candidate: Candidate) -> str:
    """The candidate without its axes."""
    blocks = " of blocks"
    ways = sorted({part.split(" of axis ")[0] for part in candidate.name.removesuffix(blocks).split(", ")})
    return " and ".join(ways) + blocks * candidate.name.endswith(blocks)


def _alone(function: Callable[[torch.Tensor], torch.Tensor], shape: tuple[int, ...]) -> Way | str:
    import coremltools as ct

    exported = torch.export.export(Module(function).eval(), (torch.zeros(shape),)).run_decompositions({})
    try:
        model = ct.convert(exported, compute_precision=ct.precision.FLOAT32, skip_model_load=True)
    except Exception as error:  # coremltools raises whatever its operators meet
        return next(line for line in str(error).splitlines() if line.strip())[:100]
    operations = [op for op in model._mil_program.functions["main"].operations if op.op_type != "const"]
    cost = GraphCost(len(operations), sum(map(_macs, operations)), BYTES_PER_VALUE * sum(map(_values, operations)))
    return Way("coremltools", cost, weigh(cost))


def _macs(operation: Any) -> int:
    if operation.op_type not in ("conv", "conv_transpose"):
        return 0
    result = operation.x if operation.op_type == "conv_transpose" else operation.outputs[0]
    return int(math.prod(result.shape) * math.prod(operation.weight.shape[1:]))


def _values(operation: Any) -> int:
    """Elements of the data and weights that go in and come out; sizes, strides and paddings are none."""
    sources: Iterable[Any] = (operation.inputs[key] for key in ("x", "weight", "values") if key in operation.inputs)
    tensors = [var for source in sources for var in (source if isinstance(source, list | tuple) else [source])]
    return sum(math.prod(var.shape) for var in [*tensors, *operation.outputs])


def table(case: Case) -> str:
    lines = [f"\n{case.name}", "| | operators | MACs | bytes | weight |", "|---|---|---|---|---|"]
    ways = [*case.ways, *([case.alone] if isinstance(case.alone, Way) else [])]
    for way in ways:
        mark = "*" if way.name == case.built else ""
        cost = f"{way.cost.operators} | {way.cost.macs / 1e6:.2f} M | {way.cost.bytes / 1e6:.2f} MB"
        lines.append(f"| {way.name}{mark} | {cost} | {way.weight / 1e6:.1f} M |")
    if isinstance(case.alone, str):
        lines.append(f"| coremltools | refused: {case.alone} | | | |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", help=", ".join(CASES))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    unknown = set(arguments.cases) - set(CASES)
    if unknown:
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    cases = []
    for name in arguments.cases or CASES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cases.append(measure(name))
        print(table(cases[-1]), flush=True)
    if arguments.json is not None:
        result = {"cases": [asdict(case) for case in cases], "conditions": conditions()}
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")
    return int(not all(case.is_within_the_bar for case in cases))


if __name__ == "__main__":
    sys.exit(main())
