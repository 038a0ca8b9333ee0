"""A program as an ExportedProgram computes the same and satisfies torch's own verifier."""

from __future__ import annotations

import io

import pytest
import torch
from torch import nn
from torch.export.graph_signature import InputKind

from mobiledeploy.aten.capture import capture
from mobiledeploy.aten.evaluate import evaluate
from mobiledeploy.aten.exported import to_exported_program
from mobiledeploy.aten.graph import add_constant
from mobiledeploy.aten.prepare import prepare
from mobiledeploy.records import InputSpec

LINEAR = nn.Linear(4, 4)


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (lambda self, x: self.norm(self.linear(x)).relu(), [(2, 4)]),
        # one parameter, two readers
        (lambda self, x: self.linear(x) + self.again(x), [(2, 4)]),
        # constants, inputs and one value twice as outputs
        (lambda self, x, y: (self.table, y, x + 1, x + 1), [(2, 4), (3,)]),
        # an input that nobody reads
        (lambda self, x, y: x * 2, [(2, 4), (3,)]),
        (lambda self, x: x.chunk(2, 1), [(2, 4)]),
        (lambda self, x: x[:, self.index] + torch.arange(2), [(2, 4)]),
    ],
)
def test_it_computes_the_same(captured, calls, function, shapes) -> None:
    module = calls(
        function,
        linear=LINEAR,
        again=LINEAR,
        norm=nn.BatchNorm1d(4),
        table=torch.rand(3),
        index=torch.tensor([1, 3]),
    )
    program = captured(module, *shapes)
    inputs = [torch.randn(shape) for shape in shapes]
    exported = to_exported_program(program)
    exported.validate()
    expected = evaluate(program, inputs, dtype=torch.float32)
    found = exported.module()(*inputs)
    assert len(found) == len(expected)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_it_can_be_saved_and_loaded(captured) -> None:
    program = captured(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), (1, 3, 6, 6))
    file = io.BytesIO()
    torch.export.save(to_exported_program(program), file)
    file.seek(0)
    x = torch.randn(1, 3, 6, 6)
    (found,) = torch.export.load(file).module()(x)
    assert torch.equal(found, evaluate(program, [x], dtype=torch.float32)[0])


def test_inputs_keep_names_and_come_after_the_constants(calls) -> None:
    inputs = (InputSpec("first", (2, 4)), InputSpec("second", (2, 4)))
    module = calls(lambda self, a, b: self.linear(a) + b, linear=nn.Linear(4, 4))
    exported = to_exported_program(capture(prepare(module, inputs), inputs))
    assert exported.graph_signature.user_inputs == ("first", "second")
    kinds = [spec.kind for spec in exported.graph_signature.input_specs]
    assert kinds == [InputKind.BUFFER, InputKind.BUFFER, InputKind.USER_INPUT, InputKind.USER_INPUT]


def test_float64_constants_are_rounded_to_float32(captured) -> None:
    program = captured(nn.Linear(4, 4), (2, 4))
    output = program.graph.output_node()
    (value,) = output.args[0]
    with program.graph.inserting_before(output):
        constant = add_constant(program.graph_module, torch.rand(4, dtype=torch.float64), like=value, hint="wide")
        total = program.graph.call_function(torch.ops.aten.add.Tensor, (value, constant))
        total.meta["val"] = value.meta["val"]
    output.args = ((total,),)
    exported = to_exported_program(program)
    assert {tensor.dtype for tensor in exported.state_dict.values()} == {torch.float32}
