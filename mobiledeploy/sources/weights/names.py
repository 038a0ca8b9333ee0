"""The names that other people's training code gives to the parameters of timm's models.

A checkpoint's names are tried as they are, then through timm's own `checkpoint_filter_fn` of the architecture, then
through the tables here, which only say what timm's functions leave open.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import nn

__all__ = ["NAMINGS", "Naming", "State", "renamings"]

State = dict[str, torch.Tensor]
Rule = tuple[str, str]

# What DataParallel, torch.compile and classes that hold a model put before every name, in any order.
PREFIXES = ("module.", "_orig_mod.", "model.")

# The counter of torch.optim.swa_utils.AveragedModel, beside the model it holds as `module.`.
COUNTER = "n_averaged"


@dataclass(frozen=True)
class Naming:
    """The names of one code base. `telltale`: a pattern that one of its names matches and no timm name does. `rules`:
    (pattern, replacement), applied to each name in order, after timm's own function."""

    origin: str
    telltale: str
    rules: tuple[Rule, ...]


# apple/ml-fastvit, models/fastvit.py and models/modules: timm renames its training form; of the fused form
# (`reparameterize_model` there) two convolutions have other names.
APPLE_FASTVIT = Naming(
    "apple/ml-fastvit",
    r"^network\.\d+\.",
    (
        (r"\.lkb_reparam\.", ".reparam_conv."),  # ReparamLargeKernelConv
        (r"^(stages\.\d+)\.blocks\.reparam_conv\.", r"\1.pos_emb.reparam_conv."),  # RepCPE is a stage of its own there
    ),
)

# apple/ml-mobileone, mobileone.py, training and fused form alike.
APPLE_MOBILEONE = Naming(
    "apple/ml-mobileone",
    r"^stage0\.",
    (
        (r"^stage0\.", "stem."),
        (r"^stage1\.", "stages.0."),
        (r"^stage2\.", "stages.1."),
        (r"^stage3\.", "stages.2."),
        (r"^stage4\.", "stages.3."),
        (r"\.rbr_conv\.", ".conv_kxk."),
        (r"\.rbr_scale\.", ".conv_scale."),
        (r"\.rbr_skip\.", ".identity."),
        (r"\.se\.reduce\.", ".attn.fc1."),
        (r"\.se\.expand\.", ".attn.fc2."),
        (r"^linear\.", "head.fc."),
    ),
)

NAMINGS: tuple[Naming, ...] = (APPLE_FASTVIT, APPLE_MOBILEONE)


def renamings(state: State, module: nn.Module) -> Iterator[State]:
    """`state` under every set of names that `module` may know it by, the likeliest first."""
    for stripped in _stripped(state):
        yield stripped
        filtered = _through_timm(stripped, module)
        if filtered is not None:
            yield filtered
        for naming in NAMINGS:
            if any(re.search(naming.telltale, name) for name in stripped):
                yield _applied(naming.rules, stripped if filtered is None else filtered)


def _stripped(state: State) -> Iterator[State]:
    """The state, and again without each prefix that all names share, until they share none."""
    yield state
    weights = {name: value for name, value in state.items() if name != COUNTER}
    for prefix in PREFIXES:
        if weights and all(name.startswith(prefix) for name in weights):
            yield from _stripped({name.removeprefix(prefix): value for name, value in weights.items()})
            return


def _through_timm(state: State, module: nn.Module) -> State | None:
    """What timm's function for the module's architecture makes of it, or None where there is no such function or it
    stumbles, being written for the checkpoints it knows."""
    found = vars(sys.modules[type(module).__module__]).get("checkpoint_filter_fn")
    if not callable(found):
        return None
    function: Callable[[State, nn.Module], State] = found
    try:
        with warnings.catch_warnings():
            # how timm resamples BEiT's biases is deprecated in torch
            warnings.filterwarnings("ignore", category=UserWarning, module=r"timm\.layers\.interpolate")
            return dict(function(dict(state), module))
    except Exception:
        return None


def _applied(rules: tuple[Rule, ...], state: State) -> State:
    return {_renamed(rules, name): value for name, value in state.items()}


def _renamed(rules: tuple[Rule, ...], name: str) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name
