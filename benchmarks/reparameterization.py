"""Our rewriting of the training form against the authors' own reparameterization, by counts.

    python benchmarks/reparameterization.py [ARCHITECTURE …] [--all] [--json FILE]

Without names: one or two architectures of each timm family that has train-time branches or foldable pairs, that is,
whose modules have a `reparameterize`, `fuse` or `switch_to_deploy`; --all: every architecture of those families.
Weights, BatchNorm statistics and layer scales are seeded and not trivial; the rewritten graph is held against the
original module, both in float64.

The bar is that ours has never more operators and never more multiply-accumulates than timm's `reparameterize_model`
leaves, that it keeps no BatchNorm that timm folds, and that the relative error is below 1e-9. The exit code is 1
where it is broken.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import timm
import torch
from measure import conditions
from timm.models import reparameterize_model

from mobiledeploy.aten.capture import capture
from mobiledeploy.aten.cost import graph_cost
from mobiledeploy.aten.prepare import named_outputs, prepare
from mobiledeploy.records import InputSpec
from mobiledeploy.rewrite.engine import rewrite
from mobiledeploy.rewrite.proof import Outputs, relative_error
from mobiledeploy.rewrite.recipes import recipe
from mobiledeploy.sources.weights.seeded import seed_weights

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program

TOLERANCE = 1e-9
FAMILIES = (
    *("efficientvim_m1", "efficientvit_m0", "fastvit_t8", "fastvit_sa12", "fastvit_ma36", "fastvit_mci0"),
    *(
        "ghostnetv2_100",
        "ghostnetv3_050",
        "iformer_t",
        "lcnetv2_small",
        "levit_128s",
        "levit_conv_128s",
        "mobileone_s0",
    ),
    *("mobileone_s1", "repvgg_a0", "repvgg_b1g4", "repvgg_d2se", "nextvit_small", "repghostnet_050", "repvit_m0_9"),
    *("repvit_m1", "shvit_s1", "tiny_vit_5m_224"),
)
STEMS = (
    *(
        "efficientvim_*",
        "efficientvit_m*",
        "fastvit_*",
        "ghostnet*",
        "iformer_*",
        "lcnetv2_*",
        "levit_*",
        "mobileone_*",
    ),
    *("repvgg_*", "nextvit_*", "repghostnet_*", "repvit_*", "shvit_*", "tiny_vit_*"),
)


@dataclass(frozen=True)
class Counts:
    """Of a canonical ATen graph at batch 1."""

    operators: int
    convolutions: int
    additions: int
    batch_norms: int
    macs: int


@dataclass(frozen=True)
class Row:
    """`error`: largest |rewritten - captured| and |captured - original module| over the largest |original|, in
    float64."""

    architecture: str
    training: Counts
    timm: Counts
    ours: Counts
    error: float

    @property
    def faults(self) -> list[str]:
        found = []
        if self.ours.operators > self.timm.operators:
            found.append("more operators than timm's")
        if self.ours.macs > self.timm.macs:
            found.append("more multiply-accumulates than timm's")
        if self.ours.batch_norms > self.timm.batch_norms:
            found.append("more BatchNorms than timm's")
        if not self.error <= TOLERANCE:
            found.append(f"relative error {self.error:.1e}")
        return found


def measure(architecture: str) -> Row:
    model = timm.create_model(architecture).eval()
    inputs = (InputSpec("x", (1, *model.default_cfg["input_size"])),)
    seed_weights(model, inputs, 0)
    sample = torch.randn(inputs[0].shape, generator=torch.Generator().manual_seed(0))
    fused = reparameterize_model(copy.deepcopy(model))
    program = _captured(model, inputs)
    rewritten = rewrite(program, recipe(), [(sample,)])
    return Row(
        architecture,
        counts(program),
        counts(_captured(fused, inputs)),
        counts(rewritten.program),
        max(rewritten.log.relative_error, _capture_error(model, rewritten.outputs, sample)),
    )


def _captured(model: torch.nn.Module, inputs: tuple[InputSpec, ...]) -> Program:
    return capture(prepare(model, inputs), inputs)


def counts(program: Program) -> Counts:
    names = [str(node.target) for node in program.graph.nodes if node.op == "call_function"]
    cost = graph_cost(program)
    kinds = [sum(name.startswith(f"aten.{kind}") for name in names) for kind in ("conv", "add.", "batch_norm")]
    return Counts(cost.operators, *kinds, cost.macs)


def _capture_error(model: torch.nn.Module, captured: Outputs, sample: torch.Tensor) -> float:
    """Of the captured graph against the module itself, in float64."""
    with torch.no_grad():
        original = tuple(value for _, value in named_outputs(model.double()(sample.double())))
    return relative_error((original,), captured)


def table(rows: list[Row]) -> str:
    """Each cell: operators / convolutions / additions / batch norms, million multiply-accumulates."""
    lines = ["| architecture | training form | timm's | ours | error | |", "|---|---|---|---|---|---|"]
    for row in rows:
        cells = [
            f"{c.operators}/{c.convolutions}/{c.additions}/{c.batch_norms}, {c.macs / 1e6:.1f} M"
            for c in (row.training, row.timm, row.ours)
        ]
        lines.append(f"| {row.architecture} | {' | '.join(cells)} | {row.error:.1e} | {'; '.join(row.faults)} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("architectures", nargs="*", default=FAMILIES)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    names = timm.list_models(list(STEMS)) if arguments.all else arguments.architectures
    rows = []
    for name in names:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows.append(measure(name))
        print(f"{name}: {'; '.join(rows[-1].faults) or 'within the bar'}", file=sys.stderr)
    print(table(rows))
    if arguments.json is not None:
        found = [{**asdict(row), "faults": row.faults} for row in rows]
        arguments.json.write_text(json.dumps({"rows": found, "conditions": conditions()}, indent=2) + "\n")
    return int(any(row.faults for row in rows))


if __name__ == "__main__":
    sys.exit(main())
