"""Products of several values, summed over axes: what an einsum and a matrix product are.

order of a   Z | M | K      the atoms of both that stay, of a alone, and of both that are summed over
order of b   Z | K | N
the result   Z | M | N      one matrix product, whatever the number of axes
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product
from typing import TYPE_CHECKING

from mobiledeploy.aten.cost import weigh
from mobiledeploy.aten.graph import aten
from mobiledeploy.rewrite.axes.align import brought_together
from mobiledeploy.rewrite.axes.atoms import Atom, Atoms, flat, size_of
from mobiledeploy.rewrite.axes.carrier import Carrier
from mobiledeploy.rewrite.axes.layout import arranged
from mobiledeploy.rewrite.axes.matrix_product import plan
from mobiledeploy.rewrite.axes.summing import summed

if TYPE_CHECKING:
    from mobiledeploy.rewrite.axes.sketch import Sketch

__all__ = ["contracted"]

# Every pairing of so many factors is weighed; more are multiplied from the left.
_MOST_WEIGHED = 7


def contracted(sketch: Sketch, carriers: Sequence[Carrier], wanted: Atoms) -> Carrier:
    """The product of `carriers`, summed over every atom that is not `wanted`; in no logical axes. What the carriers
    have in common must be the same atoms. `wanted` is the order that will be asked for."""
    factors = [summed(sketch, carrier, _needed(carriers, i, wanted)) for i, carrier in enumerate(carriers)]
    pairing = _pairing([frozenset(factor.order) for factor in factors], frozenset(wanted))
    return _multiplied(sketch, pairing, factors, frozenset(wanted), wanted)


def _needed(carriers: Sequence[Carrier], number: int, wanted: Atoms) -> set[Atom]:
    """What is wanted, or is in another factor too."""
    others = [set(carrier.order) for i, carrier in enumerate(carriers) if i != number]
    return set(wanted).union(*others)


_Pairing = int | tuple["_Pairing", "_Pairing"]


def _pairing(factors: Sequence[frozenset[Atom]], wanted: frozenset[Atom]) -> _Pairing:
    """Which to multiply first: the tree with the fewest multiply-accumulates."""
    whole = frozenset(range(len(factors)))
    best: dict[frozenset[int], tuple[int, _Pairing]] = {frozenset({i}): (0, i) for i in whole}
    if len(factors) > _MOST_WEIGHED:
        tree: _Pairing = 0
        for i in range(1, len(factors)):
            tree = (tree, i)
        return tree

    def left(part: frozenset[int]) -> frozenset[Atom]:
        inside = frozenset().union(*(factors[i] for i in part))
        outside = wanted.union(*(factors[i] for i in whole - part))
        return inside & outside if len(part) > 1 else inside

    for count in range(2, len(factors) + 1):
        for part in map(frozenset, combinations(sorted(whole), count)):
            first = min(part)
            rest = sorted(part - {first})
            halves = [frozenset({first, *more}) for size in range(len(rest)) for more in combinations(rest, size)]
            options = []
            for half in halves:
                work = size_of(left(half) | left(part - half))
                options.append((best[half][0] + best[part - half][0] + work, (best[half][1], best[part - half][1])))
            best[part] = min(options, key=lambda option: option[0])
    return best[whole][1]


def _multiplied(
    sketch: Sketch, tree: _Pairing, factors: Sequence[Carrier], needed: frozenset[Atom], wanted: Atoms
) -> Carrier:
    if isinstance(tree, int):
        return factors[tree]
    inside = [frozenset(flat(factors[i].order for i in _leaves(half))) for half in tree]
    left, right = (
        _multiplied(sketch, half, factors, needed | other, wanted)
        for half, other in zip(tree, reversed(inside), strict=True)
    )
    return _product(sketch, summed(sketch, left, needed | set(right.order)), right, needed, wanted)


def _leaves(tree: _Pairing) -> list[int]:
    return [tree] if isinstance(tree, int) else [*_leaves(tree[0]), *_leaves(tree[1])]


def _product(sketch: Sketch, left: Carrier, right: Carrier, needed: frozenset[Atom], wanted: Atoms) -> Carrier:
    both = set(left.order) & set(right.order)
    if not both - needed:
        nodes, order = brought_together(sketch, (left, right))
        return Carrier(sketch.call(aten.mul.Tensor, tuple(nodes)), order, ())
    options = product(((left, right), (right, left)), (0, 1), (False, True))
    plans = [plan(a, b, needed, leader, spreads) for (a, b), leader, spreads in options]
    drawn = [one.drawn(sketch) for one in plans if one.rank <= sketch.bound]

    def cost(result: Carrier) -> float:
        asked = tuple(atom for atom in wanted if atom in set(result.order))
        whole = len(asked) == len(result.order)
        return weigh(sketch.cost([arranged(sketch, result, asked).node if whole else result.node]))

    return min(drawn, key=cost)
