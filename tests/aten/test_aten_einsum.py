"""What an einsum costs: its product, and the permutes that it hides."""

from __future__ import annotations

import pytest

from mobiledeploy.aten.einsum import einsum_macs, einsum_permuted


@pytest.mark.parametrize(
    ("equation", "shapes", "permuted"),
    [
        ("bij,bjk->bik", [(2, 3, 4), (2, 4, 5)], []),
        ("bhid,bhjd->bhij", [(2, 3, 4, 5), (2, 3, 6, 5)], [2 * 3 * 6 * 5]),
        ("bhij,bhjd->bhid", [(1, 3, 4, 5), (1, 3, 5, 6)], []),
        ("...id,...jd->...ji", [(2, 3, 4, 5), (2, 3, 6, 5)], [2 * 3 * 4 * 5]),
        ("ij,jk", [(3, 4), (4, 5)], []),
        ("bihd,bjhd->bhij", [(2, 3, 4, 5), (2, 6, 4, 5)], [2 * 3 * 4 * 5, 2 * 6 * 4 * 5]),
        ("bihd,bjhd->bhij", [(2, 3, 1, 5), (2, 6, 1, 5)], [2 * 6 * 5]),
        ("bkj,bik->bij", [(2, 4, 5), (2, 3, 4)], []),
        ("bhij,bhjd->bihd", [(2, 3, 4, 5), (2, 3, 5, 6)], [2 * 3 * 4 * 6]),
        ("byhwc,hkc->byhwk", [(1, 2, 3, 4, 5), (3, 7, 5)], [2 * 3 * 4 * 5, 2 * 3 * 4 * 7]),
        ("ij->ji", [(3, 4)], []),
    ],
)
def test_what_stands_in_another_order_than_the_product_s_is_permuted(equation, shapes, permuted) -> None:
    assert einsum_permuted(equation, shapes) == permuted


@pytest.mark.parametrize(
    ("equation", "shapes", "macs"),
    [
        ("bij,bjk->bik", [(2, 3, 4), (2, 4, 5)], 2 * 3 * 4 * 5),
        ("...ic,...cj->...ij", [(2, 6, 3, 4), (6, 4, 5)], 2 * 6 * 3 * 4 * 5),
        ("ij->ji", [(3, 4)], 0),
        ("i,j,k->ijk", [(2,), (3,), (4,)], 24),
    ],
)
def test_the_product_of_all_indices_is_multiplied(equation, shapes, macs) -> None:
    assert einsum_macs(equation, shapes) == macs
