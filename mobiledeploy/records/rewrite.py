"""What the rewriting did, rule by rule, and how exact it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["GraphCost", "RefusalRecord", "RewriteLog", "RuleRecord"]


@dataclass(frozen=True)
class GraphCost:
    """Of an ATen graph at batch 1. `operators`: calls that do work; `macs`: multiply-accumulates; `bytes`: activations
    and weights moved, at two bytes (fp16) each."""

    operators: int
    macs: int
    bytes: int


@dataclass(frozen=True)
class RefusalRecord:
    """A place where a rule's pattern stood and the rule did not apply: `node` of the graph, its PyTorch `line`."""

    reason: str
    node: str
    line: str | None = None


@dataclass(frozen=True)
class RuleRecord:
    """`relative_error`: largest |after - before| over the largest |before|, in float64, over all outputs and inputs.

    `reason`: of an approximation, why one makes it and whose advice that is. `warning`: what the user should know,
    e.g. that it found nothing to replace.
    """

    rule: str
    kind: Literal["exact", "approximation"]
    matches: int
    refusals: tuple[RefusalRecord, ...]
    before: GraphCost
    after: GraphCost
    relative_error: float | None
    reason: str | None = None
    warning: str | None = None


@dataclass(frozen=True)
class RewriteLog:
    """Approximations come first. `relative_error`: of the whole chain of exact rules against the captured graph (with
    the approximations in it, if any), in float64; None where the log leaves the figures of one machine out, as a
    manifest does."""

    rules: tuple[RuleRecord, ...]
    before: GraphCost
    after: GraphCost
    relative_error: float | None
