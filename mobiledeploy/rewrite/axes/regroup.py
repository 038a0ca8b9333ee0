"""A reshape as another grouping of the same atoms.

((24,), (h,)) as (4, 6, h)  ──▶  ((4,), (6,), (h,))           an atom is cut
((4,), (6,)) as (6, 4)      ──▶  joined to one, then cut      the places interleave: the atoms must lie in order
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mobiledeploy.rewrite.axes.atoms import Atom, Atoms, atoms_of, common_refinement, flat, size_of, spans
from mobiledeploy.rewrite.axes.layout import consecutive

if TYPE_CHECKING:
    from mobiledeploy.rewrite.axes.carrier import Carrier
    from mobiledeploy.rewrite.axes.sketch import Sketch

__all__ = ["fused", "reshaped"]


def reshaped(sketch: Sketch, carrier: Carrier, shape: Sequence[int]) -> Carrier:
    """`carrier` with logical axes of the sizes `shape`."""
    wanted = [size for size in shape if size > 1]
    logical = carrier.logical
    dims: list[Atoms] = []
    for span in spans([atom.size for atom in logical], wanted):
        old, new = logical[span.start : span.stop], wanted[span.first : span.last]
        carrier, atoms = _refined(sketch, carrier, old, new)
        dims += _split(atoms, new)
    wide = iter(dims)
    return carrier.with_dims(next(wide) if size > 1 else () for size in shape)


def _refined(sketch: Sketch, carrier: Carrier, old: Atoms, new: Sequence[int]) -> tuple[Carrier, Atoms]:
    """The carrier with the atoms `old` cut as finely as `new` needs, and what they have become."""
    factors = common_refinement([atom.size for atom in old], new)
    if factors is None:
        carrier, one = fused(sketch, carrier, old)
        old, factors = (one,), tuple(new)
    fresh = iter(factors)
    parts: dict[Atom, Atoms] = {}
    for atom in old:
        cut: list[int] = []
        while size_of(Atom(size) for size in cut) < atom.size:
            cut.append(next(fresh))
        parts[atom] = (atom,) if len(cut) == 1 else atoms_of(cut)
    return carrier.substituted(parts), flat(parts[atom] for atom in old)


def _split(atoms: Atoms, sizes: Sequence[int]) -> list[Atoms]:
    dims: list[Atoms] = []
    rest = list(atoms)
    for size in sizes:
        dim: list[Atom] = []
        while size_of(dim) < size:
            dim.append(rest.pop(0))
        dims.append(tuple(dim))
    return dims


def fused(sketch: Sketch, carrier: Carrier, atoms: Atoms) -> tuple[Carrier, Atom]:
    """The carrier with `atoms`, neighbours in this logical order, as one fresh atom. It has its place in the first's
    logical axis; whoever reads the axes must regroup them."""
    carrier = consecutive(sketch, carrier, atoms)
    one = Atom(size_of(atoms))
    parts: dict[Atom, Atoms] = dict.fromkeys(atoms, ())
    parts[atoms[0]] = (one,)
    return carrier.substituted(parts), one
