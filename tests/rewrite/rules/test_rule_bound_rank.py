"""Values of six axes and more become ones of five at most; exact operator lists, and what is refused."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mobiledeploy.rewrite.rules.bound_rank import BoundRank
from mobiledeploy.rewrite.rules.cancel_movement import CancelMovement
from mobiledeploy.rewrite.rules.constants import FoldConstants

RULES = (FoldConstants(), BoundRank(), CancelMovement())
MOVED = ["reshape", "permute", "reshape"]


def largest_rank(outcome) -> int:
    values = [node.meta["val"] for node in outcome.program.graph.nodes if node.op != "output"]
    tensors = [tensor for value in values for tensor in (value if isinstance(value, tuple | list) else (value,))]
    return max(tensor.dim() for tensor in tensors)


@pytest.fixture
def bounded(rewritten, calls):
    """The operators that a function of the inputs ends in; no value has more than `bound` axes."""

    def run(forward, *shapes, rules=RULES, bound=5, **layers):
        outcome = rewritten(calls(forward, **layers), *shapes, rules=rules)
        assert largest_rank(outcome) <= bound
        return outcome.operators

    return run


def test_a_window_partition_is_one_permute(bounded) -> None:
    def forward(self, x):
        b, h, w, c = x.shape
        windows = x.reshape(b, h // 7, 7, w // 7, 7, c).permute(0, 1, 3, 2, 4, 5)
        return windows.reshape(-1, 49, c).exp()

    assert bounded(forward, (2, 14, 14, 3)) == [*MOVED, "exp"]


def test_and_so_is_its_reverse(bounded) -> None:
    def forward(self, x):
        windows = x.exp().reshape(2, 2, 2, 7, 7, 3)
        return windows.permute(0, 1, 3, 2, 4, 5).reshape(2, 14, 14, 3)

    assert bounded(forward, (8, 49, 3)) == ["exp", *MOVED]


def test_what_is_taken_apart_and_put_together_again_moves_nothing(bounded) -> None:
    def forward(self, x):
        windows = x.reshape(2, 2, 7, 2, 7, 3).permute(0, 1, 3, 2, 4, 5)
        shifted = torch.tanh(windows) * 2.0
        return shifted.permute(0, 1, 3, 2, 4, 5).reshape(2, 14, 14, 3)

    assert bounded(forward, (2, 14, 14, 3)) == ["tanh", "mul"]


def test_an_operator_of_few_axes_in_between_is_taken_in(bounded) -> None:
    def forward(self, x):
        windows = x.reshape(2, 2, 7, 2, 7, 3).permute(0, 1, 3, 2, 4, 5).reshape(8, 49, 3)
        return torch.tanh(windows).reshape(2, 2, 2, 7, 7, 3).permute(0, 1, 3, 2, 4, 5).reshape(2, 14, 14, 3)

    assert bounded(forward, (2, 14, 14, 3)) == ["tanh"]


def test_seven_axes_with_a_reduction_in_between(bounded) -> None:
    def forward(self, x):
        return x.reshape(2, 3, 2, 2, 5, 2, 3).mean((1, 3)).amax(-1).exp()

    assert bounded(forward, (2, 6, 10, 6)) == ["reshape", "mean", "reshape", "amax", "exp"]


def test_eight_axes_turned_round_take_two_permutes(bounded) -> None:
    def forward(self, x):
        return x.reshape(2, 3, 2, 3, 2, 3, 2, 3).permute(7, 6, 5, 4, 3, 2, 1, 0).reshape(36, 36).exp()

    operators = bounded(forward, (6, 6, 36))
    assert operators.count("permute") == 2
    assert operators[-2:] == ["reshape", "exp"]


def test_queries_keys_and_values_of_windows_take_one_permute(bounded) -> None:
    """(3, batch, head, window, token, width), unbound."""

    def forward(self, x):
        q, k, v = x.reshape(1, 4, 9, 3, 2, 8).permute(3, 0, 4, 1, 2, 5).unbind(0)
        y = F.scaled_dot_product_attention(q, k, v)
        return y.permute(0, 2, 3, 1, 4).reshape(1, 36, 16)

    expected = ["reshape", "permute", "unbind", *["getitem"] * 3, "scaled_dot_product_attention", "permute", "reshape"]
    assert bounded(forward, (1, 36, 48)) == expected


def test_attention_over_four_batch_axes(bounded) -> None:
    def forward(self, q, k, mask):
        y = F.scaled_dot_product_attention(
            q.reshape(2, 3, 2, 2, 5, 4),
            k.reshape(2, 3, 2, 2, 6, 4),
            k.reshape(2, 3, 2, 2, 6, 4),
            mask.reshape(2, 1, 2, 1, 5, 6),
        )
        return y.reshape(2, 12, 5, 4)

    operators = bounded(forward, (2, 12, 5, 4), (2, 12, 6, 4), (4, 5, 6))
    assert operators.count("scaled_dot_product_attention") == 1
    assert "permute" not in operators


def test_relative_positions_are_added_by_broadcasting(bounded) -> None:
    """MViTv2: scores (batch, head, qh, qw, kh, kw) plus one term for each axis of the keys."""

    def forward(self, x, h, w):
        scores = x.reshape(2, 3, 4, 5, 4, 5) + h[:, :, :, :, :, None] + w[:, :, :, :, None, :]
        return scores.reshape(2, 3, 20, 20).softmax(-1)

    operators = bounded(forward, (2, 3, 20, 20), (2, 3, 4, 5, 4), (2, 3, 4, 5, 5))
    assert operators.count("add") == 2
    assert set(operators) == {"add", "reshape", "softmax"}


def test_a_constant_is_laid_out_once(bounded) -> None:
    def forward(self, x):
        y = x.reshape(2, 2, 3, 2, 3, 4).permute(0, 1, 3, 2, 4, 5) + self.table
        return y.reshape(8, 9, 4).exp()

    operators = bounded(forward, (2, 6, 6, 4), table=torch.randn(1, 2, 2, 3, 3, 4))
    assert operators == ["add", *MOVED, "exp"]


def test_several_readers_of_several_ranks(bounded) -> None:
    def forward(self, x):
        y = x.reshape(2, 2, 3, 2, 3, 4).permute(0, 1, 3, 2, 4, 5)
        return y.reshape(8, 36).exp(), y.sum((3, 4)).relu(), y[:, 1].softmax(-1)

    assert bounded(forward, (2, 6, 6, 4)).count("permute") <= 3


def test_a_linear_layer_and_a_norm_keep_the_order_of_the_rest(bounded) -> None:
    def forward(self, x):
        y = x.reshape(2, 3, 2, 3, 2, 4).permute(0, 2, 4, 1, 3, 5)
        return self.linear(self.norm(y)).permute(0, 3, 1, 4, 2, 5).reshape(2, 36, 5)

    operators = bounded(forward, (2, 36, 4), norm=nn.LayerNorm(4), linear=nn.Linear(4, 5))
    assert operators == ["layer_norm", "linear"]


def test_channels_wherever_they_are(bounded) -> None:
    """A BatchNorm over (batch, channel, …) of seven axes."""

    def forward(self, x):
        y = F.batch_norm(
            x.reshape(2, 3, 2, 2, 2, 3, 2), self.norm.running_mean, self.norm.running_var, self.norm.weight
        )
        return y.reshape(2, 3, 48).exp()

    assert "batch_norm" in bounded(forward, (2, 3, 48), norm=nn.BatchNorm1d(3))


def shuffled(x: torch.Tensor) -> torch.Tensor:
    """All elements along the last of six axes, cut (16, 18) where x is cut (2, 2, 3, 2, 3, 4)."""
    return x.reshape(18, 16).mT.reshape(1, 1, 1, 1, 1, 288)


SINGLE = [
    ("cumsum", lambda x: x.cumsum(2)),
    ("softmax", lambda x: x.softmax(3)),
    ("log_softmax", lambda x: x.log_softmax(-1)),
    ("flip", lambda x: x.flip((1, 4))),
    ("roll", lambda x: x.roll((1, -1), (2, 5))),
    ("slice", lambda x: x[:, :, 1:3]),
    ("step", lambda x: x[..., ::2]),
    ("select", lambda x: x[:, 1, ..., 0]),
    ("split", lambda x: torch.cat(x.split([1, 2], 2)[::-1], 2)),
    ("chunk", lambda x: x.chunk(2, 5)[1]),
    ("unbind", lambda x: sum(x.unbind(3))),
    ("stack", lambda x: torch.stack([x, -x], 2)),
    ("cat", lambda x: torch.cat([x, x.exp(), x[:, :1]], 1)),
    ("pad", lambda x: F.pad(x, (1, 2, 0, 0, 3, 0), value=0.5)),
    ("glu", lambda x: F.glu(x, 1)),
    ("index_select", lambda x: x.index_select(2, torch.tensor([2, 0]))),
    ("index", lambda x: x[:, :, torch.tensor([[2, 0], [1, 1]])]),
    ("index of two axes", lambda x: x[:, :, torch.tensor([[2], [-1]]), torch.tensor([1, 0])]),
    ("index of two axes apart", lambda x: x[:, torch.tensor([1, 0, 1]), :, torch.tensor([1, -2, 0])]),
    ("group_norm", lambda x: F.group_norm(x, 2)),
    ("instance_norm", F.instance_norm),
    ("prelu", lambda x: F.prelu(x, torch.tensor([0.25, 0.5], dtype=x.dtype))),
    ("pixel_shuffle", lambda x: F.pixel_shuffle(x.permute(0, 1, 2, 5, 4, 3), 2)),
    ("pixel_unshuffle", lambda x: F.pixel_unshuffle(x.permute(0, 2, 4, 1, 3, 5), 2)),
    ("topk", lambda x: x.topk(2, 2)[0]),
    ("sort", lambda x: x.sort(4)[0]),
    ("max", lambda x: x.max(2)[0]),
    ("argmax", lambda x: x.argmax(2)),
    ("argmax of all", lambda x: x.permute(5, 4, 3, 2, 1, 0).argmax().reshape(1)),
    ("prod", lambda x: x.prod(3)),
    ("var", lambda x: x.var((1, 3, 5), unbiased=True)),
    ("std", lambda x: x.std(4, keepdim=True)),
    ("var of a single one", lambda x: x.unsqueeze(1).var(1, unbiased=False)),
    ("logsumexp", lambda x: x.logsumexp((0, 2))),
    ("norm", lambda x: torch.linalg.vector_norm(x, dim=(1, 2))),
    ("any", lambda x: (x > 0).any(3).float()),
    ("all", lambda x: (x > -5).all(2, keepdim=True).float()),
    ("sum of all", lambda x: x.sum().reshape(1)),
    ("where", lambda x: torch.where(x > 0, x.mean(2, keepdim=True), x.amax((3, 4), keepdim=True))),
    ("masked_fill", lambda x: x.masked_fill(x[:, :, :1] > 0, -1.0)),
    ("transposed with itself", lambda x: x[..., :2, :2] * x[..., :2, :2].mT),
    ("repeat", lambda x: x.repeat(1, 2, 1, 3, 1, 1)),
    ("repeat of a new axis", lambda x: x.repeat(2, 1, 1, 1, 1, 1, 1)),
    ("repeat_interleave", lambda x: x.repeat_interleave(2, 3)),
    ("expand", lambda x: x.mean(2, keepdim=True).expand(-1, -1, 4, -1, -1, -1)),
    ("sum of what is expanded", lambda x: x.unsqueeze(3).expand(-1, -1, -1, 5, -1, -1, -1).sum(3)),
    ("squeeze", lambda x: x.mean((1, 4), keepdim=True).squeeze()),
    ("squeeze of one", lambda x: x.mean(1, keepdim=True).squeeze(1)),
    ("matmul", lambda x: x @ x.mT),
    ("matmul of a broadcast batch", lambda x: x @ x[:1, :, :1].mT),
    ("matmul with a vector", lambda x: x @ x[0, 0, 0, 0, 0]),
    ("unfold", lambda x: x.unfold(5, 2, 1)),
    ("triangle", lambda x: x.permute(0, 2, 4, 1, 3, 5).tril()),
    ("cast", lambda x: (x > 0).to(torch.float32)),
    ("axes that interleave", lambda x: x.permute(1, 0, 2, 3, 4, 5).reshape(2, 2, 2, 3, 3, 4)),
    ("axes that interleave in a sum", lambda x: x.flatten()[None, None, None, None, None] + shuffled(x)),
]


@pytest.mark.parametrize(("name", "operator"), SINGLE, ids=[name for name, _ in SINGLE])
def test_an_operator_on_six_axes(bounded, name, operator) -> None:
    """In the order of memory, and in another."""

    def forward(self, x):
        y = x.reshape(2, 2, 3, 2, 3, 4)
        straight, turned = operator(y), operator(y.permute(0, 3, 2, 1, 4, 5))
        return straight.flatten(), turned.flatten()

    bounded(forward, (4, 3, 6, 4))


@pytest.mark.parametrize("bound", [3, 4])
def test_a_lower_bound(bounded, bound) -> None:
    def forward(self, x):
        y = x.reshape(2, 3, 2, 3, 2, 4).permute(0, 2, 4, 1, 3, 5)
        return (torch.tanh(y) + y.mean((1, 3), keepdim=True)).reshape(8, 36).exp()

    bounded(forward, (2, 18, 8), rules=(BoundRank(bound), CancelMovement()), bound=bound)


def test_a_graph_of_few_axes_is_left_alone(rewritten, calls) -> None:
    """The near miss: five axes, and a permute that could be joined with another."""

    def forward(self, x):
        return x.reshape(2, 2, 3, 2, 9).permute(0, 1, 3, 2, 4).relu().permute(0, 1, 3, 2, 4).reshape(12, 18)

    outcome = rewritten(calls(forward), (4, 3, 18), rules=(BoundRank(),))
    assert outcome.operators == ["reshape", "permute", "relu", "permute", "reshape"]
    assert outcome.reasons("bound-rank") == []


REFUSALS = [
    (
        lambda x: x.reshape(2, 2, 3, 2, 3, 4).exp(),
        "aten.exp.default: its result, of 6 axes, is read as it is",
    ),
    (
        lambda x: torch.nonzero_static(x.reshape(2, 2, 3, 2, 3, 4), size=2),
        "aten.nonzero_static.default: nobody has said how to compute it on fewer axes",
    ),
    (
        lambda x: F.pad(x.reshape(2, 2, 3, 2, 3, 4), (0, 0, 0, 0, 0, 1), mode="constant")[:0].flatten(),
        "aten.slice.Tensor: it has no elements",
    ),
    (
        lambda x: torch.frexp(x.reshape(2, 2, 3, 2, 3, 4))[0].flatten(),
        "aten.frexp.Tensor: it gives several values for each element",
    ),
    (
        lambda x: x.reshape(2, 2, 3, 2, 3, 4).roll(1).flatten(),
        "aten.roll.default: it rolls over all elements at once",
    ),
]


@pytest.mark.parametrize(("forward", "reason"), REFUSALS, ids=[reason.split(":")[0] for _, reason in REFUSALS])
def test_what_cannot_be_is_refused_with_the_operator(rewritten, calls, forward, reason) -> None:
    outcome = rewritten(calls(lambda self, x: forward(x)), (4, 3, 6, 4), rules=(BoundRank(),))
    assert outcome.reasons("bound-rank") == [reason]
    assert largest_rank(outcome) == 6


def test_an_input_of_six_axes_is_refused_by_its_name(rewritten, calls) -> None:
    outcome = rewritten(calls(lambda self, x: x.sum((1, 2))), (2, 2, 2, 2, 2, 2), rules=(BoundRank(),))
    assert outcome.reasons("bound-rank") == ["aten.sum.dim_IntList: the model's input `x0` itself has 6 axes"]
