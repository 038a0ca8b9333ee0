"""An einsum of any legal pattern becomes the fewest operators, and equals torch's."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mobiledeploy.rewrite.rules.constants import FoldConstants
from mobiledeploy.rewrite.rules.lower_einsum import LowerEinsum

RULES = (LowerEinsum(),)

FORMS = [
    ("bhid,bhjd->bhij", [(2, 3, 4, 5), (2, 3, 6, 5)], ["permute", "matmul"]),
    ("bhij,bhjd->bhid", [(2, 3, 4, 5), (2, 3, 5, 6)], ["matmul"]),
    ("bnhd,bmhd->bhnm", [(2, 4, 3, 5), (2, 6, 3, 5)], ["permute", "permute", "matmul"]),
    ("b i h d, b j h d -> b h i j", [(2, 4, 3, 5), (2, 6, 3, 5)], ["permute", "permute", "matmul"]),
    ("bhij,bhjd->bihd", [(2, 3, 4, 5), (2, 3, 5, 6)], ["matmul", "permute"]),
    ("...ij,...jk->...ik", [(2, 3, 4, 5), (3, 5, 6)], ["reshape", "matmul"]),
    ("bij,bjk,bkl->bil", [(2, 3, 4), (2, 4, 5), (2, 5, 6)], ["matmul", "matmul"]),
    ("ii->i", [(4, 4)], ["reshape", "slice"]),
    ("ii", [(4, 4)], ["reshape", "slice", "sum"]),
    ("ij->ji", [(3, 4)], ["permute"]),
    ("ij->", [(3, 4)], ["sum"]),
    ("ba", [(3, 4)], ["permute"]),
    ("i,j->ij", [(3,), (4,)], ["reshape", "mul"]),
    ("bc,bc->bc", [(2, 3), (2, 3)], ["mul"]),
    ("bhwqc,bhwkc->bhwqk", [(2, 3, 4, 5, 6), (2, 3, 4, 7, 6)], ["permute", "matmul"]),
]


@pytest.mark.parametrize(("equation", "shapes", "operators"), FORMS, ids=[form[0] for form in FORMS])
def test_the_fewest_operators(rewritten, calls, equation, shapes, operators) -> None:
    outcome = rewritten(calls(lambda self, *xs: torch.einsum(equation, *xs)), *shapes, rules=RULES)
    assert outcome.operators == operators


def test_a_constant_matrix_is_a_linear_layer(rewritten, calls) -> None:
    module = calls(lambda self, x: torch.einsum("bnc,co->bno", x, self.weight), weight=torch.randn(5, 6))
    outcome = rewritten(module, (2, 3, 5), rules=(LowerEinsum(), FoldConstants()))
    assert outcome.operators == ["linear"]


def test_one_value_twice(rewritten, calls) -> None:
    outcome = rewritten(calls(lambda self, x: torch.einsum("bid,bjd->bij", x, x)), (2, 3, 4), rules=RULES)
    assert outcome.operators == ["permute", "matmul"]


def test_movement_around_it_is_one_with_it(rewritten, calls) -> None:
    """einops' rearrange before and after: (b, n, (h d)) in heads, the product, and back."""

    def forward(self, q, k):
        heads = [x.reshape(2, -1, 3, 4).permute(0, 2, 1, 3) for x in (q, k)]
        return torch.einsum("bhid,bhjd->bhij", *heads).softmax(-1)

    outcome = rewritten(calls(forward), (2, 5, 12), (2, 6, 12), rules=RULES)
    assert outcome.operators == ["reshape", "permute", "permute", "reshape", "matmul", "softmax"]


def test_the_cheapest_pair_comes_first(rewritten, calls) -> None:
    """A (40x2) B (2x40) c (40): B c first, 160 multiply-accumulates and not 4800."""
    shapes = (40, 2), (2, 40), (40,)
    outcome = rewritten(calls(lambda self, *xs: torch.einsum("ij,jk,k->i", *xs)), *shapes, rules=RULES)
    assert outcome.log.after.macs == 160


def test_a_product_that_is_no_einsum_is_left_alone(rewritten, calls) -> None:
    """The near miss."""
    outcome = rewritten(calls(lambda self, x, y: x @ y.mT), (2, 3, 4), (2, 5, 4), rules=RULES)
    assert outcome.operators == ["permute", "matmul"]
    assert outcome.record("lower-einsum").matches == 0


def test_six_axes_in_and_out_are_no_matter_of_this_rule(rewritten, calls) -> None:
    shapes = (2, 2, 2, 2, 2, 3), (3, 4)
    outcome = rewritten(calls(lambda self, *xs: torch.einsum("abcdef,fg->abcdeg", *xs)), *shapes, rules=RULES)
    assert outcome.operators == ["einsum"]
    assert outcome.reasons("lower-einsum") == ["aten.einsum.default: the model's input `x0` itself has 6 axes"]


@st.composite
def equations(draw: st.DrawFn) -> tuple[str, list[tuple[int, ...]]]:
    """Any legal one: repeated letters, letters of one operand alone, ellipses, axes of size 1 broadcast, no output."""
    letters = draw(st.permutations("abcdefg"))[: draw(st.integers(1, 6))]
    sizes = {letter: draw(st.integers(1, 4)) for letter in letters}
    hidden = draw(st.lists(st.integers(1, 3), max_size=2))
    sides, shapes, dots = [], [], False
    for _ in range(draw(st.integers(1, 4))):
        names = draw(st.lists(st.sampled_from(letters), max_size=4))
        shape = [sizes[name] if names.count(name) > 1 or draw(st.integers(0, 5)) else 1 for name in names]
        place = draw(st.none() | st.integers(0, len(names)))
        side = "".join(names)
        if place is not None:
            dots = True
            own = [size if draw(st.booleans()) else 1 for size in hidden[draw(st.integers(0, len(hidden))) :]]
            side, shape = side[:place] + "..." + side[place:], [*shape[:place], *own, *shape[place:]]
        sides.append(side)
        shapes.append(tuple(shape))
    used = sorted(set("".join(sides)) - {"."})
    if draw(st.booleans()):
        return ",".join(sides), shapes
    output = draw(st.permutations(used))[: draw(st.integers(0, len(used)))] if used else []
    place = draw(st.integers(0, len(output)))
    right = "".join(output[:place]) + ("..." if dots and draw(st.booleans()) else "") + "".join(output[place:])
    return f"{','.join(sides)}->{right}", shapes


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(equations())
def test_any_equation_equals_torch(rewritten, calls, drawn) -> None:
    equation, shapes = drawn
    assume(all(len(shape) <= 5 for shape in shapes))

    def forward(self, *inputs):
        return torch.einsum(equation, *inputs).reshape(-1)

    outcome = rewritten(calls(forward), *shapes, rules=RULES)
    assert "einsum" not in outcome.operators
