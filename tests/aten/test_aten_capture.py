"""Capture takes every honest model, and says what it cannot take and where."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, namedtuple
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mobiledeploy.aten.capture import capture
from mobiledeploy.aten.evaluate import evaluate
from mobiledeploy.aten.prepare import prepare
from mobiledeploy.errors import CaptureError, LabelsError
from mobiledeploy.records import InputSpec, Preprocessing

Pair = namedtuple("Pair", "boxes scores")


@dataclasses.dataclass
class Detection:
    boxes: torch.Tensor
    mask: torch.Tensor | None
    scores: tuple[torch.Tensor, torch.Tensor]


@pytest.mark.parametrize(
    ("forward", "names"),
    [
        (lambda self, x: x.flatten(1), ("logits",)),
        (lambda self, x: x, ("output",)),
        (lambda self, x: (x, x + 1), ("output_0", "output_1")),
        (lambda self, x: [x], ("output",)),
        (lambda self, x: [(x.flatten(1),)], ("logits",)),
        (lambda self, x: {"out": x, "aux": (x + 1, x + 2)}, ("out", "aux_0", "aux_1")),
        (lambda self, x: OrderedDict(logits=x, loss=None), ("logits",)),
        (lambda self, x: {0: x, "a.b": x + 1, "a_b": x + 2}, ("output_0", "a_b", "a_b_1")),
        (lambda self, x: {"x0": x + 1}, ("x0_1",)),
        (lambda self, x: Pair(x, x + 1), ("boxes", "scores")),
        (lambda self, x: Detection(x, None, (x + 1, x + 2)), ("boxes", "scores_0", "scores_1")),
        (lambda self, x: (x, None, x.relu()), ("output_0", "output_2")),
        (lambda self, x: {"same": x, "again": x}, ("same", "again")),
    ],
)
def test_outputs_have_names(captured, calls, forward, names) -> None:
    program = captured(calls(forward), (2, 3, 4))
    assert program.outputs == names
    found = evaluate(program, [torch.ones(2, 3, 4)], dtype=torch.float32)
    assert len(found) == len(names)


def data_dependent(self, x):
    if x.sum() > 0:
        return x
    return -x


def loops_on_data(self, x):
    while x.sum() > 3:
        x = x / 2
    return x


def conditional(self, x):
    return torch.cond(x.sum() > 0, lambda y: y + 1, lambda y: y - 1, (x,))


def item(self, x):
    return x * x.sum().item()


def selects(self, x):
    return x[x > 0]


def selects_and_writes(self, x):
    kept = x[x > 0].clone()
    kept[kept > 1] = 1
    return kept


def refuses_export(self, x):
    if torch.compiler.is_exporting():
        raise ValueError("not me")
    return x


@pytest.mark.parametrize(
    ("forward", "message", "remedy"),
    [
        (data_dependent, "the model's control flow depends on the values of a tensor", "torch.where"),
        (loops_on_data, "the model's control flow depends on the values of a tensor", "torch.where"),
        (conditional, r"the model's control flow \(cond\) depends on data", "torch.where"),
        (item, "item turns a tensor's value into a Python number", "Keep it a tensor"),
        (selects, "the size of index's result depends on the values of a tensor", "Keep the size"),
        (selects_and_writes, "the size of index's result depends on the values of a tensor", "Keep the size"),
        (lambda self, x: F.dropout(x, 0.5), "the model draws random numbers in eval mode", "if self.training"),
        (lambda self, x: x + torch.rand(4), "the model draws random numbers in eval mode", "if self.training"),
        (lambda self, x: x.numpy() + 1, "the model returns a ndarray", "Return tensors"),
        (refuses_export, "torch.export cannot take the model: ValueError: not me", "Rewrite that line"),
        (lambda self, x: "text", "the model returns a str, which is no tensor", "Return tensors"),
        (lambda self, x: None, "the model returns no tensor", "Return tensors"),
        (lambda self, x: (None, {}), "the model returns no tensor", "Return tensors"),
        (lambda self, x: {1}, "the model returns a set", "Return tensors"),
        (
            lambda self, x: x @ torch.rand(3, 3),
            "the model does not run on an input of 2x4: RuntimeError",
            "--resolution",
        ),
        (lambda self, x: self.missing(x), "the model does not run on an input of 2x4: AttributeError", "--resolution"),
    ],
)
def test_what_cannot_be_captured_is_one_message(captured, calls, capsys, forward, message, remedy) -> None:  # noqa: PLR0917
    with pytest.raises(CaptureError, match=message) as caught:
        captured(calls(forward), (2, 4))
    assert remedy is None or remedy in caught.value.remedy
    if not message.startswith("the model returns"):
        # Of a node that is in the graph torch keeps the line in its module's forward.
        name, _, line = caught.value.where.rpartition(":")
        assert name in (__file__, str(Path(__file__).with_name("conftest.py")))
        first = forward.__code__.co_firstlineno
        assert name != __file__ or first <= int(line) <= first + 3
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == ""


def test_the_line_named_is_that_of_the_branch(captured, calls) -> None:
    with pytest.raises(CaptureError) as caught:
        captured(calls(data_dependent), (2, 4))
    assert caught.value.where == f"{__file__}:{data_dependent.__code__.co_firstlineno + 1}"


def test_random_numbers_in_training_mode_do_no_harm(captured, operators) -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.RReLU()).train()
    program = captured(module, (2, 4))
    assert operators(program)[0] == "linear.default"
    assert "dropout.default" not in operators(program)


def test_a_module_in_training_mode_is_put_in_eval_mode_before_it_runs(captured, operators) -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)).train()
    statistics = module[1].running_mean.clone(), module[1].num_batches_tracked.clone()
    program = captured(module, (2, 4))
    assert not module.training
    assert torch.equal(module[1].running_mean, statistics[0])
    assert torch.equal(module[1].num_batches_tracked, statistics[1])
    assert operators(program) == ["linear.default", "batch_norm.default"]


def test_state_is_captured_as_it_was_given(captured, calls) -> None:
    def forward(self, x):
        self.count += 1
        return x * self.count

    module = calls(forward, count=torch.tensor(1.0))
    program = captured(module, (2,))
    assert evaluate(program, [torch.ones(2)], dtype=torch.float32)[0].tolist() == [2.0, 2.0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_model_of_another_precision_is_captured_in_float32(captured, dtype) -> None:
    program = captured(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).to(dtype), (1, 3, 5, 5))
    assert {b.dtype for b in program.graph_module.buffers() if b.is_floating_point()} == {torch.float32}


def test_inputs_keep_their_names_and_order(captured, calls) -> None:
    inputs = (InputSpec("relu", (2, 3)), InputSpec("p_model_weight", (2, 3)), InputSpec("unused", (1,)))
    module = calls(lambda self, a, b, c: torch.relu(a) @ self.weight - b, weight=nn.Parameter(torch.rand(3, 3)))
    program = capture(prepare(module, inputs), inputs)
    placeholders = [node for node in program.graph.nodes if node.op == "placeholder"]
    assert [node.target for node in placeholders] == ["relu", "p_model_weight", "unused"]


def test_integer_inputs_stay_integers(captured, calls) -> None:
    inputs = (InputSpec("tokens", (1, 5), dtype="int64"),)
    module = calls(lambda self, ids: self.table(ids), table=nn.Embedding(7, 3))
    program = capture(prepare(module, inputs), inputs)
    tokens = torch.tensor([[0, 1, 2, 6, 3]])
    (found,) = evaluate(program, [tokens], dtype=torch.float64)
    assert torch.equal(found, module.table(tokens).double())


def test_an_image_input_takes_pixels(captured) -> None:
    preprocessing = Preprocessing((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    inputs = (InputSpec("image", (1, 3, 4, 4), kind="image", preprocessing=preprocessing),)
    module = nn.Conv2d(3, 2, 1)
    program = capture(prepare(module, inputs), inputs)
    pixels = torch.randint(0, 256, (1, 3, 4, 4), generator=torch.Generator().manual_seed(0))
    mean, std = (
        torch.tensor(each, dtype=torch.float64)[:, None, None] for each in (preprocessing.mean, preprocessing.std)
    )
    expected = module.double()((pixels / 255.0 - mean) / std)
    (found,) = evaluate(program, [pixels.float()], dtype=torch.float64)
    # The constants of the normalization are float32: 2^-24 of 255 · 0.485 / (255 · 0.229).
    assert torch.allclose(found, expected, rtol=0, atol=1e-6)


def test_labels_append_probabilities() -> None:
    inputs = (InputSpec("x", (2, 4)),)
    prepared = prepare(nn.Linear(4, 3), inputs, ("a", "b", "c"))
    assert prepared.output_names == ("logits", "probabilities")
    logits, probabilities = prepared(torch.randn(2, 4))
    assert torch.allclose(probabilities, logits.softmax(-1))


@pytest.mark.parametrize(
    ("module", "labels", "message"),
    [
        (nn.Linear(4, 3), ("a", "b"), "2 labels for an output of shape 2x3"),
        (nn.Unflatten(1, (2, 2)), ("a", "b"), "2 labels for an output of shape 2x2x2"),
    ],
)
def test_labels_that_do_not_fit(module, labels, message) -> None:
    with pytest.raises(LabelsError, match=message):
        prepare(module, (InputSpec("x", (2, 4)),), labels)


def test_what_strict_export_alone_takes_is_taken_strictly(captured, calls, monkeypatch) -> None:
    export = torch.export.export

    def strict_only(*arguments, strict, **options):
        if not strict:
            raise RuntimeError("not this way")
        return export(*arguments, strict=strict, **options)

    monkeypatch.setattr(torch.export, "export", strict_only)
    program = captured(nn.Linear(4, 4), (2, 4))
    assert program.capture == "torch.export (strict)"


def test_numpy_in_the_middle_is_taken_strictly(captured, calls) -> None:
    program = captured(calls(lambda self, x: torch.from_numpy(x.numpy() + 1) * 2), (2, 4))
    assert program.capture == "torch.export (strict)"
    (found,) = evaluate(program, [torch.ones(2, 4)], dtype=torch.float32)
    assert torch.equal(found, torch.full((2, 4), 4.0))


def test_the_graphs_code_is_made_when_it_is_called(captured) -> None:
    module = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    program = captured(module, (2, 4))
    x = torch.randn(2, 4)
    (found,) = program.graph_module(x)
    assert torch.equal(found, module(x))
    assert "torch.ops.aten.linear.default" in program.graph_module.code


def test_capture_says_which_way_it_went(captured) -> None:
    assert captured(nn.Linear(4, 4), (2, 4)).capture == "torch.export (non-strict)"


def test_a_users_folder_may_be_called_torch(tmp_path, captured) -> None:
    folder = tmp_path / "torch" / "mobiledeploy"
    folder.mkdir(parents=True)
    file = folder / "model.py"
    body = "return x if x.sum() > 0 else -x"
    file.write_text(f"import torch\nclass Model(torch.nn.Module):\n    def forward(self, x):\n        {body}\n")
    scope: dict[str, type[nn.Module]] = {}
    exec(compile(file.read_text(), str(file), "exec"), scope)
    with pytest.raises(CaptureError) as caught:
        captured(scope["Model"](), (2, 4))
    assert caught.value.where == f"{file}:4"
