"""Per-channel scales and shifts disappear into neighbouring weights, whatever moves in between."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mobiledeploy.rewrite.rules.constants import FoldConstants
from mobiledeploy.rewrite.rules.fold_scales import FoldScales

# A constant behind an unsqueeze is one only to the rule that computes constants.
RULES = (FoldConstants(), FoldScales())


@pytest.mark.parametrize(
    ("forward", "shape", "operators"),
    [
        # layer scale behind a projection
        (lambda self, x: self.linear(x) * self.scale + torch.relu(x), (2, 5, 4), ["linear", "relu", "add"]),
        (lambda self, x: self.conv(x) * self.scale[:, None, None], (2, 4, 3, 3), ["conv2d"]),
        (
            lambda self, x: self.conv(x).flatten(2).transpose(1, 2) * self.scale,
            (2, 4, 3, 3),
            ["conv2d", "reshape", "permute"],
        ),
        (lambda self, x: 3 - self.conv(x) / self.scale[:, None, None], (2, 4, 3, 3), ["conv2d"]),
        (lambda self, x: -(self.linear(x) - 2), (2, 4), ["linear"]),
        (lambda self, x: torch.add(1.5, self.linear(x), alpha=2), (2, 4), ["linear"]),
        # a norm's affine part
        (lambda self, x: self.linear(self.layer_norm(x)), (2, 5, 4), ["layer_norm", "linear"]),
        (lambda self, x: self.conv(self.group_norm(x)), (2, 4, 3, 3), ["group_norm", "conv2d"]),
        (
            lambda self, x: self.linear(self.group_norm(x).flatten(2).transpose(1, 2)),
            (2, 4, 3, 3),
            ["group_norm", "reshape", "permute", "linear"],
        ),
        # a scale into the norm before it
        (lambda self, x: torch.relu(self.layer_norm(x) * self.scale), (2, 5, 4), ["layer_norm", "relu"]),
        (lambda self, x: torch.relu(self.group_norm(x) * 2), (2, 4, 3, 3), ["group_norm", "relu"]),
        # forward into several readers
        (lambda self, x: self.linear(torch.relu(x) * self.scale) + self.other(torch.relu(x)), (2, 4), None),
    ],
)
def test_scales_disappear(rewritten, calls, forward, shape, operators) -> None:
    module = calls(
        forward,
        linear=nn.Linear(4, 4),
        other=nn.Linear(4, 4),
        conv=nn.Conv2d(4, 4, 1),
        layer_norm=nn.LayerNorm(4),
        group_norm=nn.GroupNorm(2, 4),
        scale=torch.tensor([0.5, -2.0, 1.5, 3.0]),
    )
    outcome = rewritten(module, shape, rules=RULES)
    assert outcome.operators == (operators or ["relu", "linear", "relu", "linear", "add"])


def test_the_scale_of_attention_goes_into_the_query(rewritten, calls) -> None:
    def forward(self, x):
        q, k, v = self.qkv(x).reshape(2, 5, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
        return F.scaled_dot_product_attention(q, k, v)

    outcome = rewritten(calls(forward, qkv=nn.Linear(8, 24)), (2, 5, 8), rules=RULES)
    assert outcome.record("fold-scales").matches == 1
    assert outcome.calls("scaled_dot_product_attention")[0].kwargs == {"scale": 1.0}


def test_the_scale_of_handmade_attention_goes_into_the_query(rewritten, calls) -> None:
    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, -1)
        return ((q @ k.transpose(-2, -1)) * 0.25).softmax(-1) @ v

    outcome = rewritten(calls(forward, qkv=nn.Linear(8, 24)), (2, 5, 8), rules=RULES)
    assert "mul" not in outcome.operators


@pytest.mark.parametrize(
    ("forward", "reason"),
    [
        # q @ q: the scale would count twice
        (lambda self, x: torch.relu((self.a(x) @ self.a_again(x)) * 0.25), None),
        (lambda self, x: square(self.a(x)), "matmul reads it twice; relu stands behind it"),
        (lambda self, x: both(self.a(x) @ x), "matmul also feeds something else; add stands behind it"),
        (lambda self, x: moved(self.a(x) @ x), "matmul also feeds something else; add stands behind it"),
        (
            lambda self, x: F.scaled_dot_product_attention(*[self.a(x)[None]] * 3),
            "scaled_dot_product_attention reads it twice",
        ),
    ],
)
def test_a_query_that_is_read_twice_is_refused(rewritten, calls, forward, reason) -> None:
    module = calls(forward, a=nn.Linear(6, 6), a_again=nn.Linear(6, 6))
    outcome = rewritten(module, (6, 6), rules=RULES)
    if reason is None:
        assert "mul" not in outcome.operators
    else:
        assert outcome.reasons("fold-scales") == [reason]


def square(q: torch.Tensor) -> torch.Tensor:
    return torch.relu((q @ q) * 0.25)


def both(product: torch.Tensor) -> torch.Tensor:
    return product + product * 0.25


def moved(product: torch.Tensor) -> torch.Tensor:
    reshaped = product.reshape(36)
    return reshaped + reshaped * 0.25


@pytest.mark.parametrize(
    ("forward", "shape", "reason"),
    [
        # a scale that varies over space
        (lambda self, x: torch.relu(self.conv(x) * self.map), (1, 4, 4, 4), None),
        # one that depends on data
        (lambda self, x: torch.relu(self.conv(x) * x.mean()), (1, 4, 4, 4), None),
        # a product of a tensor with itself
        (lambda self, x: self.conv(x) * x, (1, 4, 4, 4), None),
        # a constant that broadcasts the tensor
        (lambda self, x: torch.relu(self.linear(x) * self.map), (1, 4), None),
        # a rounding division
        (lambda self, x: torch.div(self.conv(x), 2, rounding_mode="floor"), (1, 4, 4, 4), None),
        # the producer also feeds an activation
        (lambda self, x: twice(self.conv(x)), (1, 4, 4, 4), "conv2d also feeds sigmoid; tanh stands behind it"),
        # a reshape mixes channels
        (
            lambda self, x: torch.relu(self.conv(x).reshape(1, 2, 32) * self.two[:, None]),
            (1, 4, 4, 4),
            None,
        ),
        (
            lambda self, x: torch.tanh(self.conv(x).flatten() * torch.arange(1.0, 65.0)),
            (1, 4, 4, 4),
            "the reshapes between mix the channels it scales; tanh stands behind it",
        ),
        # two channels of one reader have different scales behind one another
        (
            lambda self, x: self.linear(torch.relu(x).reshape(1, 4, 4) * self.two.repeat(2)[:, None]),
            (1, 16),
            "relu stands before it; the reshapes before linear mix its channels",
        ),
        # unbatched: channels are the first axis
        (
            lambda self, x: torch.relu(self.conv(x) * self.scale),
            (4, 4, 4),
            "conv2d stands before it; relu stands behind it",
        ),
        # a shift before zero padding
        (
            lambda self, x: self.padded(torch.relu(x) + self.scale[:, None, None]),
            (1, 4, 4, 4),
            "relu stands before it; its shift before the zero padding of conv2d is not exact at the border",
        ),
    ],
)
def test_near_misses_are_left_alone(rewritten, calls, forward, shape, reason) -> None:
    module = calls(
        forward,
        conv=nn.Conv2d(4, 4, 1),
        padded=nn.Conv2d(4, 4, 3, padding=1),
        linear=nn.Linear(4, 4),
        map=torch.rand(4, 4),
        scale=torch.tensor([0.5, -2.0, 1.5, 3.0]),
        two=torch.tensor([0.5, 2.0]),
    )
    outcome = rewritten(module, shape, rules=RULES)
    if reason is None:
        assert outcome.reasons("fold-scales") == []
    else:
        assert outcome.record("fold-scales").matches == 0
        assert outcome.reasons("fold-scales") == [reason]


def twice(y: torch.Tensor) -> torch.Tensor:
    return torch.sigmoid(y) + torch.tanh(y * 2)


def test_a_constant_of_full_size_that_does_not_vary_over_space_is_a_scale(rewritten, calls) -> None:
    scale = torch.tensor([0.5, -2.0, 1.5, 3.0])[:, None, None].expand(4, 3, 3).contiguous()
    module = calls(lambda self, x: self.conv(x) * self.scale, conv=nn.Conv2d(4, 4, 1), scale=scale)
    assert rewritten(module, (1, 4, 3, 3), rules=RULES).operators == ["conv2d"]


def test_integers_are_left_alone(rewritten, calls) -> None:
    outcome = rewritten(calls(lambda self, x: (x * 4).to(torch.int32) * 3 + 1), (2, 4), rules=RULES)
    assert outcome.operators == ["mul", "to", "mul", "add"]


def test_a_part_of_the_channels_is_scaled_alone(rewritten, calls) -> None:
    """q of a fused qkv: the rows of k and v keep their weights."""

    def forward(self, x):
        q, k = self.qk(x).split([3, 5], -1)
        return torch.tanh(q * 0.5), torch.sigmoid(k)

    outcome = rewritten(calls(forward, qk=nn.Linear(4, 8)), (2, 4), rules=RULES)
    assert "mul" not in outcome.operators


def test_overlapping_parts_are_refused(rewritten, calls) -> None:
    def forward(self, x):
        y = self.qk(x)
        return torch.tanh(y[:, :4] * 0.5), torch.sigmoid(y[:, 3:])

    outcome = rewritten(calls(forward, qk=nn.Linear(4, 8)), (2, 4), rules=RULES)
    assert outcome.reasons("fold-scales") == ["linear also feeds slice; tanh stands behind it"]


@pytest.mark.parametrize(
    "forward",
    [
        lambda self, x: self.linear(x) * self.point,
        lambda self, x: self.point + self.linear(x),
        lambda self, x: self.point - self.linear(x) / self.point,
    ],
)
def test_a_constant_without_axes_is_one_for_every_channel(rewritten, calls, forward) -> None:
    module = calls(forward, linear=nn.Linear(4, 4), point=torch.tensor(-1.75))
    assert rewritten(module, (2, 4), rules=RULES).operators == ["linear"]


def test_a_constant_of_higher_rank_than_the_tensor_broadcasts_and_is_left_alone(rewritten, calls) -> None:
    module = calls(
        lambda self, x: torch.relu(self.linear(x) * self.scale), linear=nn.Linear(4, 4), scale=torch.rand(3, 1, 4)
    )
    assert rewritten(module, (2, 4), rules=RULES).operators == ["linear", "mul", "relu"]


def test_an_empty_batch_is_no_obstacle(rewritten, calls) -> None:
    module = calls(lambda self, x: self.conv(x) * 2 + 1, conv=nn.Conv2d(3, 4, 3))
    assert rewritten(module, (0, 3, 5, 5), rules=RULES).operators == ["conv2d"]


def test_a_scale_goes_into_a_norm_on_batch_statistics(rewritten, calls) -> None:
    def forward(self, x):
        return torch.relu(F.batch_norm(x, None, None, self.gamma, self.beta, training=True) * 3 - 1)

    module = calls(forward, gamma=torch.rand(4), beta=torch.rand(4))
    assert rewritten(module, (3, 4, 2, 2), rules=RULES).operators == ["batch_norm", "relu"]


def test_a_layer_used_twice_takes_each_scale_where_it_belongs(rewritten, calls) -> None:
    module = calls(lambda self, x: torch.cat([self.a(x) * 2, self.a(x) * 3, self.a(x)], -1), a=nn.Linear(4, 4))
    assert rewritten(module, (2, 4), rules=RULES).operators == ["linear", "linear", "linear", "cat"]


def test_a_division_by_zero_is_left_alone(captured, calls) -> None:
    divisor = torch.tensor([1.0, 0.0])
    program = captured(calls(lambda self, x: torch.relu(self.a(x) / self.by), a=nn.Linear(2, 2), by=divisor), (2, 2))
    assert list(FoldScales().find(program)) == []
