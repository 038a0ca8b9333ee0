"""Rules run to a fixed point, each proven; what changes the model stops the export."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mobiledeploy.aten.graph import aten, is_call, replace_all_uses
from mobiledeploy.errors import InputError, InternalError, UnsupportedError
from mobiledeploy.rewrite.engine import rewrite
from mobiledeploy.rewrite.proof import relative_error
from mobiledeploy.rewrite.recipes import RECIPE, recipe
from mobiledeploy.rewrite.rule import Match, Refusal


class DropOperator:
    """Takes a unary operator out: right for one that does nothing, wrong for any other."""

    def __init__(self, target: object, kind: str = "exact") -> None:
        self.name, self.kind, self.target = "drop-operator", kind, target

    def find(self, program):
        yield from [node for node in program.graph.nodes if is_call(node, self.target)]

    def check(self, program, node):
        return Match(node, None)

    def replace(self, program, match) -> None:
        replace_all_uses(match.node, match.node.args[0])


class Restless(DropOperator):
    """Replaces a node by its equal, for ever."""

    def replace(self, program, match) -> None:
        with program.graph.inserting_before(match.node):
            replace_all_uses(match.node, program.graph.node_copy(match.node))


def run(program, rules):
    return rewrite(program, rules, [[torch.full((1, 4), -0.25)], [torch.tensor([[1.0, 2, -3, 4]])]])


def test_a_wrong_exact_rule_stops_the_export_and_is_named(captured) -> None:
    program = captured(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), (1, 4))
    with pytest.raises(InternalError, match=r"the rule drop-operator changed the model: relative error") as caught:
        run(program, [DropOperator(aten.relu)])
    assert "--skip drop-operator" in caught.value.remedy


def test_one_sample_is_enough_to_find_it_out(captured, calls) -> None:
    """The first sample stays below the clamp, the second does not."""
    program = captured(calls(lambda self, x: x.clamp(max=2.0)), (1, 4))
    with pytest.raises(InternalError):
        run(program, [DropOperator(aten.clamp)])


def test_a_rule_that_makes_nan_is_found_out(captured, calls) -> None:
    class TakeRoot(DropOperator):
        def replace(self, program, match) -> None:
            match.node.target = aten.sqrt.default

    program = captured(calls(lambda self, x: x.abs()), (1, 4))
    with pytest.raises(InternalError, match="inf"):
        run(program, [TakeRoot(aten.abs)])


class Amplifier(nn.Module):
    """A change of its input in the last place of float64 moves its output by about 1e-8."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(4, 4), nn.BatchNorm1d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(self.norm(self.linear(x.relu())) * 1e8)


def test_a_network_that_amplifies_rounding_is_not_proven_and_no_rule_is_accused(captured) -> None:
    with pytest.raises(UnsupportedError, match="amplifies rounding") as refusal:
        run(captured(Amplifier(), (1, 4)), recipe(skip=("fold-scales",)))
    assert refusal.value.exit_code == 3


def test_a_fault_in_such_a_network_is_found_all_the_same(captured) -> None:
    with pytest.raises(InternalError, match="the rule drop-operator changed the model"):
        run(captured(Amplifier(), (1, 4)), [DropOperator(aten.relu)])


def test_an_approximation_may_change_the_model_and_says_by_how_much(captured) -> None:
    program = captured(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), (1, 4))
    result = run(program, [DropOperator(aten.relu, kind="approximation")])
    (record,) = result.log.rules
    assert (record.kind, record.matches) == ("approximation", 1)
    assert record.relative_error > 0.01


def test_a_rule_that_never_rests_is_our_bug(captured, calls) -> None:
    program = captured(calls(lambda self, x: x.relu()), (1, 4))
    with pytest.raises(InternalError, match="the rule drop-operator does not come to rest"):
        run(program, [Restless(aten.relu)])


def test_the_log_counts_what_was_done(captured) -> None:
    program = captured(nn.Sequential(nn.Linear(4, 4, bias=False), nn.BatchNorm1d(4)), (1, 4))
    log = run(program, recipe()).log
    records = {record.rule: record for record in log.rules}
    assert list(records) == [entry.rule.name for entry in RECIPE]
    assert {name for name, record in records.items() if record.matches} == {"fold-batch-norm"}
    assert records["fold-batch-norm"].matches == 1
    assert (log.before.operators, log.after.operators) == (2, 1)
    assert log.before.macs == log.after.macs == 16
    assert records["fold-batch-norm"].relative_error is not None
    assert records["fold-constants"].relative_error is None


def test_a_refusal_names_the_source_line(captured, calls) -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.tanh(self.norm(torch.tanh(x)))

    program = captured(Model(), (1, 4))
    records = {record.rule: record for record in run(program, recipe()).log.rules}
    (refusal,) = records["fold-batch-norm"].refusals
    assert refusal.line.startswith(__file__)


def test_every_constant_is_float32_in_the_end(captured) -> None:
    program = captured(nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)), (1, 4))
    result = run(program, recipe())
    assert {buffer.dtype for buffer in result.program.graph_module.buffers()} == {torch.float32}
    assert {buffer.dtype for buffer in program.graph_module.buffers() if buffer.is_floating_point()} == {torch.float32}


def test_skipping_a_rule_leaves_it_out() -> None:
    assert [rule.name for rule in recipe(("merge-branches",))] == [
        entry.rule.name for entry in RECIPE if entry.rule.name != "merge-branches"
    ]


def test_skipping_what_is_no_rule_lists_the_rules() -> None:
    with pytest.raises(InputError, match="there is no rule `absent`") as caught:
        recipe(("absent",))
    assert "fold-batch-norm" in caught.value.remedy


def test_every_entry_of_the_recipe_says_why_it_stands_there() -> None:
    assert all(entry.after for entry in RECIPE)
    assert len({entry.rule.name for entry in RECIPE}) == len(RECIPE)


@pytest.mark.parametrize(
    ("before", "after", "error"),
    [
        ([1.0, -2.0], [1.0, -2.0], 0.0),
        ([1.0, -2.0], [1.0, -1.0], 0.5),
        ([0.0, 0.0], [0.0, 0.0], 0.0),
        ([0.0, 0.0], [0.0, 1e-300], float("inf")),
        ([float("nan"), 1.0], [float("nan"), 1.0], 0.0),
        ([float("inf"), 1.0], [float("inf"), 1.5], 0.5),
        ([float("inf"), 1.0], [-float("inf"), 1.0], float("inf")),
        ([1.0, 1.0], [1.0, float("nan")], float("inf")),
        ([float("nan"), 1.0], [1.0, 1.0], float("inf")),
    ],
)
def test_the_relative_error_is_of_the_peak(before, after, error) -> None:
    pair = [((torch.tensor(values, dtype=torch.float64),),) for values in (before, after)]
    assert relative_error(*pair) == error


def test_integers_must_be_equal() -> None:
    one, two = (((torch.tensor([number]),),) for number in (1, 2))
    assert relative_error(one, one) == 0.0
    assert relative_error(one, two) == float("inf")


def test_another_shape_is_our_bug() -> None:
    one, two = (((torch.zeros(size),),) for size in (1, 2))
    with pytest.raises(InternalError, match="changed an output's shape"):
        relative_error(one, two)


def test_match_and_refusal_are_values(captured, calls) -> None:
    node = next(iter(captured(calls(lambda self, x: x.relu()), (1, 4)).graph.nodes))
    assert Match(node, 1) == Match(node, 1)
    assert Refusal("why", node) != Refusal("why not", node)
