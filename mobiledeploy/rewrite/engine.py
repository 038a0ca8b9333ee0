"""Applies rules to a fixed point, proves each, and keeps the log."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import fx

from mobiledeploy.aten.cost import graph_cost
from mobiledeploy.aten.graph import erase_unused, remove_dead, source_line
from mobiledeploy.aten.uncompiled import graph_module
from mobiledeploy.errors import InternalError, UnsupportedError
from mobiledeploy.progress import SILENT, Progress
from mobiledeploy.records import GraphCost, RefusalRecord, RewriteLog, RuleRecord
from mobiledeploy.rewrite.proof import TOLERANCE, Outputs, observe, relative_error, rounding_noise
from mobiledeploy.rewrite.rule import Match, Refusal, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mobiledeploy.aten.program import Program

__all__ = ["Rewritten", "rewrite"]

# Every application of a rule makes the graph cheaper, so a fixed point exists; these bound a rule that breaks its word.
_MOST_ROUNDS = 20
_MOST_PASSES = 100


@dataclass(frozen=True)
class Rewritten:
    """`program`: the rewritten graph. `outputs`: what the captured graph gave for the samples, in float64."""

    program: Program
    log: RewriteLog
    outputs: Outputs


def rewrite(
    program: Program,
    rules: Sequence[Rule],
    samples: Sequence[Sequence[torch.Tensor]],
    *,
    progress: Progress = SILENT,
) -> Rewritten:
    """Runs `rules` in order, again and again until none matches; `program` itself is left as it is.

    `samples`: inputs to prove on, each one tensor per placeholder. Raises InternalError naming the rule whose result
    differs by more than TOLERANCE, or UnsupportedError where the network amplifies rounding to that much.
    """
    original = observe(program, samples)
    current = _copy(program)
    before = graph_cost(current)
    records: dict[str, RuleRecord] = {}
    settled: dict[str, int] = {}
    latest, cost, changes = original, before, 0
    for _ in range(_MOST_ROUNDS):
        # A rule looks again only if the graph has changed since it last came to rest.
        due = [rule for rule in rules if settled.get(rule.name) != changes]
        if not due:
            break
        for rule in due:
            record, latest = _run(rule, current, samples, latest, cost)
            _check(record, lambda: rounding_noise(program, samples, original))
            cost = record.after
            records[rule.name] = _joined(records.get(rule.name), record)
            changes += record.matches
            settled[rule.name] = changes
    else:
        raise InternalError("the rewriting does not come to rest", remedy="Please report it with the model's name.")
    total = relative_error(original, latest)
    log = RewriteLog(tuple(records.values()), before, cost, total)
    progress.note(f"{sum(r.matches for r in log.rules)} rewrites, relative error {total:.1e} in float64")
    _round(current.graph_module)
    return Rewritten(current, log, original)


def _copy(program: Program) -> Program:
    root, graph = torch.nn.Module(), fx.Graph()
    for name, value in program.graph_module.named_buffers(recurse=False):
        root.register_buffer(name, value)
    graph.output(graph.graph_copy(program.graph, {}))
    return replace(program, graph_module=graph_module(root, graph))


def _round(module: fx.GraphModule) -> None:
    """Constants computed in float64 become float32, which is what the targets take: half the memory."""
    for name, value in module.named_buffers(recurse=False):
        if value.dtype is torch.float64:
            setattr(module, name, value.float())
    module.recompile()


def _run(
    rule: Rule,
    program: Program,
    samples: Sequence[Sequence[torch.Tensor]],
    before: Outputs,
    cost: GraphCost,
) -> tuple[RuleRecord, Outputs]:
    """One rule to its fixed point; `before` and `cost` are the outputs and the cost it starts from."""
    matches, refusals = _apply(rule, program)
    error, after = None, before
    if matches:
        after = observe(program, samples)
        error = relative_error(before, after)
    records = tuple(RefusalRecord(r.reason, r.node.name, source_line(r.node)) for r in refusals)
    reached = graph_cost(program) if matches else cost
    return RuleRecord(rule.name, rule.kind, matches, records, cost, reached, error), after


def _check(record: RuleRecord, noise: Callable[[], float]) -> None:
    error = record.relative_error
    if error is None or record.kind == "approximation" or error <= TOLERANCE:
        return
    amplified = noise()
    if error <= amplified:
        raise UnsupportedError(
            f"the network amplifies rounding to a relative error of {amplified:.1e} in float64, so that the rule "
            f"{record.rule} ({error:.1e}) cannot be proven",
            remedy=f"Random weights do that to some networks: give trained ones; or --skip {record.rule}.",
        )
    raise InternalError(
        f"the rule {record.rule} changed the model: relative error {error:.1e} in float64",
        remedy=f"Please report it; --skip {record.rule} goes on without the rule.",
    )


def _apply(rule: Rule, program: Program) -> tuple[int, list[Refusal]]:
    """Every match of one rule, until it finds none; the refusals of its last look."""
    total = 0
    for _ in range(_MOST_PASSES):
        matches, refusals = _pass(rule, program)
        total += matches
        if not matches:
            break
    else:
        raise InternalError(f"the rule {rule.name} does not come to rest", remedy="Please report it.")
    if total:
        program.graph.lint()
    return total, refusals


def _pass(rule: Rule, program: Program) -> tuple[int, list[Refusal]]:
    matches, refusals = 0, []
    for node in list(rule.find(program)):
        if node._erased or not node.users:
            continue
        result = rule.check(program, node)
        if isinstance(result, Match):
            rule.replace(program, result)
            erase_unused(program.graph, result.node)
            matches += 1
        elif isinstance(result, Refusal):
            refusals.append(result)
    if matches:
        remove_dead(program.graph_module)
    return matches, refusals


def _joined(first: RuleRecord | None, second: RuleRecord) -> RuleRecord:
    """Two runs of one rule as one record: matches add up, the refusals are the last run's."""
    if first is None:
        return second
    errors = [error for error in (first.relative_error, second.relative_error) if error is not None]
    return replace(
        second,
        matches=first.matches + second.matches,
        before=first.before,
        after=second.after if second.matches else first.after,
        relative_error=max(errors, default=None),
    )
