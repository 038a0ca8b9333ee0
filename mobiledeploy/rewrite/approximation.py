"""The approximations that were asked for, before any exact rule: what they change, and by how much.

    captured ──approximate──▶ substituted ──exact rules, proven against it──▶ rewritten

The exact rules keep their strict proof, for they are held against the substituted graph; how far that is from the
captured one is measured here and reported, never judged silently.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from mobiledeploy.aten.evaluate import evaluate_all
from mobiledeploy.rewrite.activation_sites import Site, sites
from mobiledeploy.rewrite.activations import activation
from mobiledeploy.rewrite.engine import rewrite

if TYPE_CHECKING:
    from torch import fx

    from mobiledeploy.aten.program import Program
    from mobiledeploy.progress import Progress
    from mobiledeploy.records import RuleRecord
    from mobiledeploy.rewrite.proof import Outputs
    from mobiledeploy.rewrite.rule import Rule
    from mobiledeploy.rewrite.substitutions import Substitution

__all__ = ["Approximated", "approximate"]


@dataclass(frozen=True)
class Approximated:
    """`program`: with the substitutes in. `outputs`: the float64 outputs of the program as it was. `records`: one per
    substitution, `relative_error` of the outputs. `activation_errors`: by substitution, the largest difference of the
    two activations on the values that they were given in the samples."""

    program: Program
    outputs: Outputs
    records: tuple[RuleRecord, ...]
    activation_errors: Mapping[str, float]


def approximate(
    program: Program,
    wanted: Sequence[Substitution],
    rules: Sequence[Rule],
    samples: Sequence[Sequence[torch.Tensor]],
    progress: Progress,
) -> Approximated:
    """Runs `rules`, which make the `wanted` substitutions in their order; `program` itself is left as it is.

    A substitution that finds nothing to replace is recorded with a warning.
    """
    found = list(sites(program))
    present = Counter(site.named.activation.name for site in found)
    result = rewrite(program, rules, samples)
    by_name = {record.rule: record for record in result.log.rules}
    records = tuple(
        replace(by_name[one.name], reason=one.reason, warning=_warning(one, by_name[one.name].matches, present))
        for one in wanted
    )
    for record in records:
        progress.note(f"{record.rule}: {record.matches} replaced" + (f"; {record.warning}" if record.warning else ""))
    return Approximated(result.program, result.outputs, records, _errors(program, wanted, found, samples))


def _warning(wanted: Substitution, matches: int, present: Mapping[str, int]) -> str | None:
    if matches:
        return None
    others = ", ".join(f"{name} ({count})" for name, count in sorted(present.items())) or "none with a name"
    return f"the model has no {wanted.source}; its activations: {others}"


def _errors(
    program: Program, wanted: Sequence[Substitution], found: Sequence[Site], samples: Sequence[Sequence[torch.Tensor]]
) -> dict[str, float]:
    by_source = {one.source: one for one in wanted}
    places: dict[fx.Node, list[Site]] = {}
    for site in found:
        if site.named.activation.name in by_source:
            places.setdefault(site.region.source, []).append(site)
    errors = {one.name: 0.0 for one in wanted if _present(one, found)}

    def compare(node: fx.Node, value: torch.Tensor) -> None:
        for site in places.get(node, ()):
            one = by_source[site.named.activation.name]
            substitute = activation(one.target)
            assert substitute is not None
            difference = site.named.function(value) - substitute.function(*substitute.defaults)(value)
            errors[one.name] = max(errors[one.name], float(difference.abs().max()))

    if places:
        evaluate_all(program, samples, dtype=torch.float64, listener=compare)
    return errors


def _present(wanted: Substitution, found: Sequence[Site]) -> bool:
    return any(site.named.activation.name == wanted.source for site in found)
