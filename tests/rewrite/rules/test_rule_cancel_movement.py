"""Movement of data that undoes itself, or that one operator can do, disappears."""

import pytest
import torch
from torch import nn

from mobiledeploy.rewrite.rules.cancel_movement import CancelMovement

RULES = (CancelMovement(),)


@pytest.mark.parametrize(
    ("forward", "operators"),
    [
        (lambda self, x: torch.relu(x).reshape(6, 4).reshape(2, 3, 4), ["relu"]),
        (lambda self, x: torch.relu(x).reshape(6, 4).reshape(8, 3).reshape(12, 2), ["relu", "reshape"]),
        (lambda self, x: torch.relu(x).transpose(1, 2).transpose(0, 2), ["relu", "permute"]),
        (lambda self, x: torch.relu(x).transpose(1, 2).transpose(1, 2).flatten(1), ["relu", "reshape"]),
        (lambda self, x: torch.relu(x.permute(2, 0, 1).permute(1, 2, 0)), ["relu"]),
        (lambda self, x: x.transpose(1, 2).flatten(1).reshape(2, 12), ["permute", "reshape"]),
    ],
)
def test_chains_become_one_or_nothing(rewritten, calls, forward, operators) -> None:
    assert rewritten(calls(forward), (2, 3, 4), rules=RULES).operators == operators


def test_a_movement_that_is_also_read_elsewhere_is_refused(rewritten, calls) -> None:
    def forward(self, x):
        y = x.flatten(1)
        return torch.relu(y), y.reshape(4, 6).exp()

    outcome = rewritten(calls(forward), (2, 3, 4), rules=RULES)
    assert outcome.operators == ["reshape", "relu", "reshape", "exp"]
    assert outcome.reasons("cancel-movement") == ["what the first one gives is also read elsewhere"]


def test_what_undoes_itself_goes_even_if_the_middle_is_read(rewritten, calls) -> None:
    def forward(self, x):
        y = torch.tanh(x).flatten(1)
        return torch.relu(y), y.reshape(2, 3, 4).exp()

    assert rewritten(calls(forward), (2, 3, 4), rules=RULES).operators == ["tanh", "reshape", "relu", "exp"]


def test_reshape_and_permute_are_not_confused(rewritten, calls) -> None:
    outcome = rewritten(calls(lambda self, x: x.transpose(1, 2).reshape(2, 3, 4).relu()), (2, 3, 4), rules=RULES)
    assert outcome.operators == ["permute", "reshape", "relu"]


def test_levit_leaves_only_the_linear_layer(rewritten, calls) -> None:
    """LinearNorm: bn(linear(x).flatten(0, 1)).reshape_as(x)."""

    def forward(self, x):
        y = self.linear(x)
        return self.norm(y.flatten(0, 1)).reshape_as(y)

    module = calls(forward, linear=nn.Linear(8, 8, bias=False), norm=nn.BatchNorm1d(8))
    assert rewritten(module, (2, 5, 8)).operators == ["linear"]
