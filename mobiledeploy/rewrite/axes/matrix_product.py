"""Two carriers multiplied and summed over what they share, as one matrix product.

a as  Z | M | K      times      b as  Z | K | N      ──▶      Z | M | N
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mobiledeploy.aten.graph import aten, shape
from mobiledeploy.rewrite.axes.atoms import Atom, Atoms, flat, runs_by, size_of
from mobiledeploy.rewrite.axes.carrier import Carrier, own_axes
from mobiledeploy.rewrite.axes.layout import arranged, grouped

if TYPE_CHECKING:
    from torch import fx

    from mobiledeploy.rewrite.axes.sketch import Sketch

__all__ = ["MatrixProduct", "plan"]


@dataclass(frozen=True)
class MatrixProduct:
    """`batch`: what stays of both, and what one of the two lacks and is broadcast over. `summed`: what is in both and
    goes. `rows`, `columns`: what only `a`, only `b` has."""

    a: Carrier
    b: Carrier
    batch: Atoms
    rows: Atoms
    summed: Atoms
    columns: Atoms

    @property
    def rank(self) -> int:
        return len(self._batch_groups()) + 2

    def drawn(self, sketch: Sketch) -> Carrier:
        """The product, in no logical axes; as a Linear layer where `b` is a constant matrix."""
        a = arranged(sketch, self.a, self._present(self.a, self.rows + self.summed))
        result = self.batch + self.rows + self.columns
        if not self.batch and sketch.is_constant(self.b.node):
            return Carrier(self._linear(sketch, a), result, ())
        b = arranged(sketch, self.b, self._present(self.b, self.summed + self.columns))
        cut = self._cut(sketch, a, b)
        nodes = [
            grouped(sketch, a, [*cut, self.rows, self.summed]),
            grouped(sketch, b, [*cut, self.summed, self.columns]),
        ]
        return Carrier(sketch.call(aten.matmul.default, tuple(nodes)), result, ())

    def _present(self, carrier: Carrier, ends: Atoms) -> Atoms:
        own = set(carrier.order)
        return (*(atom for atom in self.batch if atom in own), *ends)

    def _linear(self, sketch: Sketch, a: Carrier) -> fx.Node:
        weight = grouped(sketch, arranged(sketch, self.b, self.columns + self.summed), [self.columns, self.summed])
        own = own_axes(a.node, a.order)
        fits = own is not None and len(own) > 1 and own[-1] == self.summed
        node = a.node if fits else grouped(sketch, a, [self.rows, self.summed])
        return sketch.call(aten.linear.default, (node, weight, None))

    def _batch_groups(self) -> list[Atoms]:
        """The batch in as few axes as can be: each is whole in both, or one of them lacks it."""
        of_a, of_b = set(self.a.order), set(self.b.order)
        return runs_by(self.batch, {atom: (atom in of_a, atom in of_b) for atom in self.batch})

    def _cut(self, sketch: Sketch, a: Carrier, b: Carrier) -> list[Atoms]:
        """The batch as the axes that save reshapes: as few as can be, or as `a` or `b` has them."""
        cuts = [self._batch_groups()]
        for carrier in (a, b):
            own = own_axes(carrier.node, carrier.order)
            if own is not None and len(own) > 2 and flat(own[:-2]) == self.batch and len(own) <= sketch.bound:
                cuts.append(own[:-2])

        def reshaped(cut: list[Atoms]) -> int:
            """The elements of what `cut` does not fit as it is."""
            ends = ((a, (self.rows, self.summed)), (b, (self.summed, self.columns)))
            unfit = (carrier for carrier, end in ends if shape(carrier.node) != _sizes(carrier, [*cut, *end]))
            return sum(size_of(carrier.order) for carrier in unfit)

        return min((cut for cut in cuts if self._is_whole(cut)), key=reshaped)

    def _is_whole(self, cut: list[Atoms]) -> bool:
        """Whether neither operand has an axis of the batch in part."""
        owned = [set(carrier.order) for carrier in (self.a, self.b)]
        return all(len(own & set(axis)) in (0, len(axis)) for own in owned for axis in cut)


def _sizes(carrier: Carrier, cut: list[Atoms]) -> tuple[int, ...]:
    own = set(carrier.order)
    return tuple(size_of(atom for atom in axis if atom in own) for axis in cut)


def plan(a: Carrier, b: Carrier, needed: frozenset[Atom], leader: int, spreads: bool) -> MatrixProduct:
    """The product of `a` and `b` over what is in both and not `needed`, in the order of `a` (leader 0) or `b` (1).

    `spreads`: of what one operand alone has, only the last atoms in a row become rows or columns; over the others the
    product is broadcast. They stay where they lie.
    """
    both = set(a.order) & set(b.order)
    first, second = ((a, b), (b, a))[leader]
    over = tuple(atom for atom in first.order if atom in both - needed)
    rows, columns = (_alone(one, both, set(over), spreads) for one in (a, b))
    taken = {*rows, *columns, *over}
    batch = [atom for atom in first.order if atom not in taken]
    before: Atom | None = None
    for atom in second.order:
        if atom not in taken and atom not in batch:
            batch.insert(0 if before is None else batch.index(before) + 1, atom)
        before = before if atom in taken else atom
    return MatrixProduct(a, b, tuple(batch), rows, over, columns)


def _alone(x: Carrier, both: set[Atom], over: set[Atom], spreads: bool) -> Atoms:
    """What `x` alone has; the last of it that stands in a row, if the rest is spread."""
    runs = runs_by((atom for atom in x.order if atom not in over), {atom: atom in both for atom in x.order})
    alone = [run for run in runs if run[0] not in both]
    return flat(alone[-1:] if spreads else alone)
