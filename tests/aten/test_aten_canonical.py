"""Every spelling that torch has for one thing comes out as one; the values stay."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mobiledeploy.aten.canonical import STEPS
from mobiledeploy.aten.evaluate import evaluate

# float32 against float32: torch may pick another kernel for another layout.
TOLERANCE = 1e-5


def check(captured, operators, module, shapes, expected) -> None:
    program = captured(module, *shapes)
    # Multiples of 1/8, which float16 holds as well.
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randint(-16, 17, shape, generator=generator) / 8 for shape in shapes]
    with torch.no_grad():
        # The model may write into its inputs or buffers.
        wanted = copy.deepcopy(module).float()(*[x.clone() for x in inputs])
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    found = evaluate(program, inputs, dtype=torch.float32)
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        assert a.shape == b.shape
        assert torch.allclose(a, b.to(a.dtype), rtol=TOLERANCE, atol=TOLERANCE)
    for node in program.graph.nodes:
        if isinstance(node.meta.get("val"), torch.Tensor) and node.meta["val"].is_floating_point():
            assert node.meta["val"].dtype == torch.float32
    assert operators(program) == expected


SPELLINGS = [
    (lambda self, x: x.flatten(1), ["reshape.default"]),
    (lambda self, x: x.view(2, -1), ["reshape.default"]),
    (lambda self, x: x.reshape_as(torch.zeros(6, 4)), ["reshape.default"]),
    (lambda self, x: x.view_as(self.table), ["reshape.default"]),
    (lambda self, x: x.unflatten(-1, (2, 2)), ["reshape.default"]),
    (lambda self, x: x.transpose(1, 2), ["permute.default"]),
    (lambda self, x: x.swapaxes(0, 2).swapdims(0, 1), ["permute.default", "permute.default"]),
    (lambda self, x: x.movedim(0, -1).movedim((0, 1), (1, 0)), ["permute.default", "permute.default"]),
    (lambda self, x: x.mT, ["permute.default"]),
    (lambda self, x: x[0].T @ x[1], ["select.int", "permute.default", "select.int", "matmul.default"]),
    (lambda self, x: x.permute(0, 1, 2) + x.reshape(2, 3, 4), ["add.Tensor"]),
    (lambda self, x: x[:1].expand_as(x), ["slice.Tensor", "expand.default"]),
    (lambda self, x: x.clone().contiguous().detach(), []),
    (lambda self, x: F.dropout(x, 0.5, training=self.training) * 2, ["mul.Tensor"]),
    (lambda self, x: F.dropout(x, 0.0, training=True) * 2, ["mul.Tensor"]),
    (lambda self, x: x.float().to(torch.float32).type_as(self.table) + 1, ["add.Tensor"]),
    (lambda self, x: (x.half() * 2).float(), ["mul.Tensor"]),
    (lambda self, x: (x.double() + self.wide).float(), ["add.Tensor"]),
    (lambda self, x: x.to(torch.int32).float(), ["to.dtype", "to.dtype"]),
    (lambda self, x: torch.zeros_like(x) + x, ["full.default", "add.Tensor"]),
    (lambda self, x: x.new_ones(4) + x.new_zeros(4) + x, ["full.default", "full.default", "add.Tensor", "add.Tensor"]),
    (lambda self, x: torch.full_like(x, 0.1) * x.new_full((4,), 3.0), ["full.default", "full.default", "mul.Tensor"]),
    (lambda self, x: x @ self.weight, ["permute.default", "linear.default"]),
    (lambda self, x: x[0].mm(self.weight), ["select.int", "permute.default", "linear.default"]),
    (lambda self, x: torch.addmm(self.bias, x[0], self.weight), ["select.int", "permute.default", "linear.default"]),
    (lambda self, x: torch.addmm(self.bias, x[0], self.weight, alpha=2), ["select.int", "addmm.default"]),
    (lambda self, x: x[0] @ self.weight.T, ["select.int", "linear.default"]),
    (lambda self, x: torch.native_layer_norm(x, [4], None, self.bias4, 1e-5)[0], ["layer_norm.default"]),
    (lambda self, x: torch.native_group_norm(x, None, None, 2, 3, 4, 1, 1e-5)[0], ["group_norm.default"]),
    (
        lambda self, x: torch.ops.aten._native_batch_norm_legit_no_training(
            x, None, None, self.mean, self.var, 0.1, 1e-5
        )[0],
        ["batch_norm.default"],
    ),
    (lambda self, x: self.shared(x) + self.also_shared(x), ["linear.default", "linear.default", "add.Tensor"]),
]


@pytest.mark.parametrize(("forward", "expected"), SPELLINGS)
def test_one_spelling(captured, operators, calls, forward, expected) -> None:
    generator = torch.Generator().manual_seed(0)
    shared = nn.Linear(4, 4)
    module = calls(
        forward,
        table=torch.randn(6, 4, generator=generator),
        wide=torch.randn(4, generator=generator, dtype=torch.float64),
        weight=nn.Parameter(torch.randn(4, 4, generator=generator)),
        bias=nn.Parameter(torch.randn(4, generator=generator)),
        bias4=torch.randn(4, generator=generator),
        mean=torch.randn(3, generator=generator),
        var=torch.rand(3, generator=generator) + 0.5,
        shared=shared,
        also_shared=shared,
    )
    check(captured, operators, module, [(2, 3, 4)], expected)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (nn.Conv2d(2, 4, 3, padding="same"), (1, 2, 5, 6), ["conv2d.default"]),
        (
            nn.Conv2d(2, 4, (4, 3), padding="same", dilation=(1, 2)),
            (1, 2, 7, 9),
            ["constant_pad_nd.default", "conv2d.default"],
        ),
        (
            nn.Conv2d(4, 4, (2, 4), padding="same", groups=2),
            (2, 4, 5, 5),
            ["constant_pad_nd.default", "conv2d.default"],
        ),
        (nn.Conv2d(2, 4, 3, padding="valid", stride=2), (1, 2, 5, 6), ["conv2d.default"]),
        (nn.Conv1d(2, 4, 4, padding="same"), (1, 2, 7), ["constant_pad_nd.default", "conv1d.default"]),
        (nn.Conv3d(2, 4, 3, padding="same"), (1, 2, 4, 5, 4), ["conv3d.default"]),
        (nn.Conv2d(2, 4, 3, padding=1, padding_mode="reflect"), (1, 2, 5, 6), ["pad.default", "conv2d.default"]),
        (nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(inplace=True)), (1, 2, 5, 6), ["conv2d.default", "relu.default"]),
        (
            nn.Sequential(nn.Hardswish(inplace=True), nn.SiLU(inplace=True)),
            (1, 2),
            ["hardswish.default", "silu.default"],
        ),
    ],
)
def test_layers(captured, operators, layer, shape, expected) -> None:
    check(captured, operators, layer, [shape], expected)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (
            lambda x, w: torch.ops.aten.convolution(x, w, None, [2, 1], [1, 0], [1, 1], False, [0, 0], 1),
            "conv2d.default",
        ),
        (
            lambda x, w: torch.ops.aten.convolution(x, w, None, [2, 1], [1, 0], [1, 2], True, [1, 0], 2),
            "conv_transpose2d.input",
        ),
    ],
)
def test_the_general_convolution_becomes_the_special_one(captured, operators, calls, function, expected) -> None:
    check(captured, operators, calls(lambda self, x, w: function(x, w)), [(1, 4, 7, 8), (4, 4, 3, 2)], [expected])


def relu_then_read(self, x):
    y = x + 1
    y.relu_()
    return y * 2


def view_is_written(self, x):
    y = x + 1
    y[:, 1:3].mul_(2)
    return y


def view_is_read_later(self, x):
    y = x + 1
    v = y.view(-1)
    y.neg_()
    return v, y


def view_taken_later(self, x):
    y = x + 1
    y.neg_()
    return y.view(-1) * 3


def old_value_is_read_before(self, x):
    y = x + 1
    z = y * 5
    y.neg_()
    return z, y


def input_is_written(self, x):
    x.mul_(3)
    return x + 1


def split_is_written(self, x):
    a, b = (x + 1).chunk(2, 1)
    a.add_(b)
    return a, b


def slices_are_assigned(self, x):
    y = torch.zeros(2, 3, 4)
    y[:, 0] = x[:, 1]
    y[..., 1:3] = 7
    return y


def buffer_counts(self, x):
    self.count += 1
    return x * self.count


def chain_of_writes(self, x):
    y = x * 2
    y += x
    y -= 1
    y *= y
    return y


def broadcast_copy(self, x):
    y = x * 2
    y.copy_(x[:, :1])
    return y


def fill(self, x):
    y = x * 2
    y.fill_(3.0)
    return y + x


@pytest.mark.parametrize(
    "forward",
    [
        relu_then_read,
        view_is_written,
        view_is_read_later,
        view_taken_later,
        old_value_is_read_before,
        input_is_written,
        split_is_written,
        slices_are_assigned,
        buffer_counts,
        chain_of_writes,
        broadcast_copy,
        fill,
    ],
)
def test_what_is_overwritten_is_overwritten(captured, operators, calls, forward) -> None:
    module = calls(forward, count=torch.tensor(2.0))
    program = captured(copy.deepcopy(module), (2, 3, 4))
    x = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    wanted = module(x.clone())
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    found = evaluate(program, [x], dtype=torch.float32)
    assert len(found) == len(wanted)
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))
    schemas = [node.target._schema for node in program.graph.nodes if hasattr(node.target, "_schema")]
    assert not any(schema.is_mutable for schema in schemas)


def test_a_lone_inplace_activation_needs_no_second_export(captured, calls, monkeypatch) -> None:
    def refuse(*arguments, **options):
        raise AssertionError("functionalized")

    monkeypatch.setattr(torch.export.ExportedProgram, "run_decompositions", refuse)
    captured(calls(relu_then_read), (2, 3, 4))
    with pytest.raises(AssertionError, match="functionalized"):
        captured(calls(view_is_written), (2, 3, 4))


def test_contexts_leave_no_trace(captured, operators, calls) -> None:
    def forward(self, x):
        with torch.autocast("cpu", enabled=False):
            y = x * 2
        with torch.enable_grad():
            z = y + 1
        with torch.no_grad():
            return z - 3

    check(captured, operators, calls(forward), [(2, 3)], ["mul.Tensor", "add.Tensor", "sub.Tensor"])


def test_an_autocast_region_is_computed_in_float32(captured, operators, calls) -> None:
    def forward(self, x):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return self.linear(x).float()

    program = captured(calls(forward, linear=nn.Linear(4, 4)), (2, 4))
    assert operators(program) == ["linear.default"]
    assert program.graph.output_node().args[0][0].meta["val"].dtype == torch.float32


def test_every_step_says_why_it_stands_there() -> None:
    assert all(step.after for step in STEPS)
    assert len({step.run for step in STEPS}) == len(STEPS)
