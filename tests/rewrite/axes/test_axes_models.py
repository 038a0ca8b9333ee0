"""Windows, mask units and relative positions as timm's models write them: five axes at most, and no dearer."""

from __future__ import annotations

import pytest
import torch
from timm.layers.halo_attn import HaloAttn
from timm.models.hiera import Hiera
from timm.models.mvitv2 import MultiScaleVit, MultiScaleVitCfg
from timm.models.nest import Nest
from timm.models.swin_transformer import SwinTransformer
from timm.models.twins import Twins

from mobiledeploy.rewrite.rules.bound_rank import BoundRank
from mobiledeploy.rewrite.rules.cancel_movement import CancelMovement
from mobiledeploy.rewrite.rules.constants import FoldConstants
from mobiledeploy.rewrite.rules.join_movement import JoinMovement
from mobiledeploy.rewrite.rules.lower_einsum import LowerEinsum

BEFORE = (FoldConstants(), LowerEinsum(), CancelMovement())
RULES = (*BEFORE, BoundRank(), JoinMovement())

# The model, its input, and its operators: as captured, with values of six axes (an einsum with its permutes), and
# rewritten.
MODELS = {
    "swin": (
        lambda: SwinTransformer(56, embed_dim=16, depths=(2,), num_heads=(2,), num_classes=5),
        (1, 3, 56, 56),
        (85, 69),
    ),
    "twins": (
        lambda: Twins(
            *(56, 4, 3, 5),
            embed_dims=(16, 32),
            num_heads=(2, 2),
            mlp_ratios=(2, 2),
            depths=(2, 2),
            sr_ratios=(2, 1),
            wss=(7, 7),
        ),
        (1, 3, 56, 56),
        (111, 105),
    ),
    "nest": (
        lambda: Nest(32, num_levels=2, embed_dims=(16, 32), num_heads=(2, 2), depths=(1, 1), num_classes=5),
        (1, 3, 32, 32),
        (60, 52),
    ),
    "hiera": (lambda: Hiera((64, 64), embed_dim=16, stages=(1, 1, 1, 1), num_classes=5), (1, 3, 64, 64), (93, 89)),
    "mvitv2": (
        lambda: MultiScaleVit(
            MultiScaleVitCfg(depths=(1, 1), embed_dim=(16, 32), num_heads=(1, 2)), img_size=(32, 32), num_classes=5
        ),
        (1, 3, 32, 32),
        (153, 111),
    ),
    "halo": (lambda: HaloAttn(16, num_heads=2, block_size=4, halo_size=1), (1, 16, 8, 8), (60, 64)),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_windows(rewritten, name) -> None:
    make, shape, operators = MODELS[name]
    torch.manual_seed(0)
    outcome = rewritten(make(), shape, rules=RULES, seed=None)
    values = [node.meta["val"] for node in outcome.program.graph.nodes if node.op != "output"]
    tensors = [tensor for value in values for tensor in (value if isinstance(value, tuple | list) else (value,))]
    assert max(tensor.dim() for tensor in tensors) <= 5
    assert outcome.record("bound-rank").matches > 0
    assert (outcome.log.before.operators, outcome.log.after.operators) == operators
