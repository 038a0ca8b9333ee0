"""Which rules run, in which order: data, not code."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mobiledeploy.errors import InputError
from mobiledeploy.rewrite.rules.activations import NameActivations
from mobiledeploy.rewrite.rules.bound_rank import BoundRank
from mobiledeploy.rewrite.rules.cancel_movement import CancelMovement
from mobiledeploy.rewrite.rules.constants import FoldConstants
from mobiledeploy.rewrite.rules.drop_expands import DropExpands
from mobiledeploy.rewrite.rules.fold import Fold
from mobiledeploy.rewrite.rules.fold_batch_norm import FoldBatchNorm
from mobiledeploy.rewrite.rules.fold_scales import FoldScales
from mobiledeploy.rewrite.rules.join_movement import JoinMovement
from mobiledeploy.rewrite.rules.lower_einsum import LowerEinsum
from mobiledeploy.rewrite.rules.merge_branches import MergeBranches
from mobiledeploy.rewrite.rules.merge_consecutive import MergeConsecutive
from mobiledeploy.rewrite.rules.merge_fold import MergeFold
from mobiledeploy.rewrite.rules.merge_unfold import MergeUnfold
from mobiledeploy.rewrite.rules.norms import NameNorms
from mobiledeploy.rewrite.rules.substitute_activation import SubstituteActivation
from mobiledeploy.rewrite.rules.unfold import Unfold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mobiledeploy.rewrite.rule import Rule
    from mobiledeploy.rewrite.substitutions import Substitution

__all__ = ["RANK_RULE", "RECIPE", "Entry", "approximations", "recipe"]


# Its refusals say why a converter meets a value of too many axes.
RANK_RULE = BoundRank.name


class Entry(NamedTuple):
    """A rule and why it stands where it does."""

    rule: Rule
    after: str


RECIPE: tuple[Entry, ...] = (
    Entry(FoldConstants(), "first: weights behind a reshape are weights to every other rule"),
    Entry(NameActivations(), "before a scale that is part of an activation is folded into a neighbour's weights"),
    Entry(NameNorms(), "likewise: a norm's affine part then folds like any other's"),
    Entry(DropExpands(), "after the norms, which may be written with one"),
    Entry(LowerEinsum(), "before anything looks for a product, a linear map or a scale: an einsum may be any of them"),
    Entry(FoldBatchNorm(), "before merging, so that a branch is one convolution and not a chain"),
    Entry(CancelMovement(), "after a folded norm, around which the model reshaped; linear maps then touch each other"),
    Entry(MergeBranches(), "before single scales, which a merged branch takes with it"),
    Entry(MergeConsecutive(), "after merging branches: what is one map now may stand right behind another"),
    Entry(FoldScales(), "after merging: what is left belongs to no branch"),
    Entry(MergeUnfold(), "after the scales, and before the windows are written out"),
    Entry(MergeFold(), "beside merge-unfold, for the same reason"),
    Entry(Unfold(), "after what looks for a linear map: a one-hot convolution is one only by name"),
    Entry(Fold(), "beside unfold, for the same reason"),
    Entry(BoundRank(), "after every rule that reads the axes as the model names them"),
    Entry(JoinMovement(), "last: it counts the permutes that are left"),
)


def recipe(skip: tuple[str, ...] = ()) -> tuple[Rule, ...]:
    """The rules in order without those named in `skip`. Raises InputError for a name that is no rule."""
    names = [entry.rule.name for entry in RECIPE]
    for name in skip:
        if name not in names:
            raise InputError(f"there is no rule `{name}`", where="--skip", remedy=f"Rules: {', '.join(names)}.")
    return tuple(entry.rule for entry in RECIPE if entry.rule.name not in skip)


def approximations(wanted: Sequence[Substitution]) -> tuple[Rule, ...]:
    """One rule for each, to run before the recipe: what follows is proven against the approximated model."""
    return tuple(SubstituteActivation(one.source, one.target) for one in wanted)
