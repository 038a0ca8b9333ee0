"""Reading and writing by index, sorting, and tensors made from sizes."""

from __future__ import annotations

import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb

from mobiledeploy import mil
from mobiledeploy.errors import PackageError

X = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)


def integers(*values) -> np.ndarray:
    return np.array(values, np.int32)


def test_gather_puts_the_axes_of_the_indices_in_the_place_of_the_axis(execute) -> None:
    indices = integers([2, 0], [1, 1])
    (found,) = execute(lambda x, i: mb.gather(x=x, indices=i, axis=1), {"x": X, "i": indices})
    np.testing.assert_array_equal(found, np.take(X, indices, 1))


def test_gather_with_batch_axes(execute) -> None:
    indices = integers([3, 0], [1, 2])
    (found,) = execute(lambda x, i: mb.gather(x=x, indices=i, axis=2, batch_dims=1), {"x": X, "i": indices})
    np.testing.assert_array_equal(found, np.stack([X[b][:, indices[b]] for b in range(2)]))


def test_negative_indices_count_from_the_end_until_ios16(execute) -> None:
    indices = integers(-1, 0)
    (found,) = execute(lambda x, i: mb.gather(x=x, indices=i, axis=1), {"x": X, "i": indices}, opset="iOS16")
    np.testing.assert_array_equal(found, X[:, [-1, 0]])


@pytest.mark.parametrize("index", [-1, 3])
def test_they_are_out_of_bounds_from_ios17(execute, index) -> None:
    with pytest.raises(PackageError, match="gather failed"):
        execute(lambda x, i: mb.gather(x=x, indices=i, axis=1), {"x": X, "i": integers(index)}, opset="iOS17")


def test_gather_along_axis(execute) -> None:
    indices = integers(*[[[2, 0, 1, 1]], [[0, 0, 2, 1]]])
    (found,) = execute(lambda x, i: mb.gather_along_axis(x=x, indices=i, axis=1), {"x": X, "i": indices})
    np.testing.assert_array_equal(found, np.take_along_axis(X, indices, 1))


def test_gather_nd(execute) -> None:
    indices, rows = integers([1, 2], [0, 1]), integers([[2], [0]], [[1], [1]])
    plain, batched = execute(
        lambda x, i, j: (mb.gather_nd(x=x, indices=i), mb.gather_nd(x=x, indices=j, batch_dims=1)),
        {"x": X, "i": indices, "j": rows},
    )
    np.testing.assert_array_equal(plain, X[[1, 0], [2, 1]])
    np.testing.assert_array_equal(batched, np.stack([X[b, rows[b, :, 0]] for b in range(2)]))


COMBINE = {
    "update": lambda a, b: b,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "max": np.maximum,
    "min": np.minimum,
}


@pytest.mark.parametrize("mode", COMBINE)
def test_scatter_combines_every_update(execute, rng, mode) -> None:
    """Also where several updates meet in one place; `update` keeps the last."""
    updates = rng.uniform(1, 2, (2, 3, 4)).astype(np.float32)
    indices = integers(2, 0, 2)
    (found,) = execute(
        lambda x, i, u: mb.scatter(data=x, indices=i, updates=u, axis=1, mode=mode),
        {"x": X, "i": indices, "u": updates},
    )
    expected = X.astype(float)
    for place, index in enumerate(indices):
        expected[:, index] = COMBINE[mode](expected[:, index], updates[:, place])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_scatter_divides_integers_towards_zero(execute) -> None:
    data, updates = np.array([-7, 7, 9], np.int32), np.array([2, 2], np.int32)
    (found,) = execute(
        lambda x, i, u: mb.scatter(data=x, indices=i, updates=u, mode="div"),
        {"x": data, "i": integers(0, 1), "u": updates},
    )
    np.testing.assert_array_equal(found, [-3, 3, 9])


def test_scatter_along_axis(execute) -> None:
    indices = integers(*[[[2, 0, 1, 1]], [[0, 0, 2, 1]]])
    updates = np.full((2, 1, 4), 100, np.float32)
    (found,) = execute(
        lambda x, i, u: mb.scatter_along_axis(data=x, indices=i, updates=u, axis=1),
        {"x": X, "i": indices, "u": updates},
    )
    expected = X.copy()
    np.put_along_axis(expected, indices, np.take_along_axis(X, indices, 1) + 100, 1)
    np.testing.assert_array_equal(found, expected)


def test_scatter_nd_of_no_places_changes_nothing(execute) -> None:
    """How many places are not zero depends on data: there may be none."""

    def build(x):
        places = mb.non_zero(x=mb.cast(x=mb.greater(x=x, y=np.float32(1e9)), dtype="int32"))
        count = mb.slice_by_index(x=mb.shape(x=places), begin=[0], end=[1])
        updates = mb.fill(shape=count, value=np.float32(7))
        return mb.scatter_nd(data=x, indices=places, updates=updates, mode="update")

    (found,) = execute(build, {"x": X})
    np.testing.assert_array_equal(found, X)


def test_scatter_nd_adds_up(execute) -> None:
    indices = integers([1, 2], [0, 1], [1, 2])
    updates = np.ones((3, 4), np.float32)
    (found,) = execute(
        lambda x, i, u: mb.scatter_nd(data=x, indices=i, updates=u), {"x": X, "i": indices, "u": updates}
    )
    expected = X.copy()
    np.add.at(expected, ([1, 0, 1], [2, 1, 2]), updates)
    np.testing.assert_array_equal(found, expected)


def test_updates_out_of_bounds_are_dropped_from_ios17_and_refused_where_asked(execute) -> None:
    inputs = {"x": X, "i": integers(3, -1, 1), "u": np.ones((2, 3, 4), np.float32)}

    def build(validate):
        return lambda x, i, u: mb.scatter(data=x, indices=i, updates=u, axis=1, validate_indices=validate)

    (found,) = execute(build(False), inputs)
    expected = X.copy()
    expected[:, 1] += 1
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(PackageError, match="scatter failed"):
        execute(build(True), inputs)


TIES = np.array([[3, 1, 3, 2, 1], [0, 0, 0, 0, 0]], np.float32)


@pytest.mark.parametrize("ascending", [False, True])
def test_many_equal_elements_keep_their_order(execute, rng, ascending) -> None:
    x = rng.integers(0, 3, (1, 4000)).astype(np.float32)
    order, _, places = execute(
        lambda x: (mb.argsort(x=x, axis=1, ascending=ascending), *mb.topk(x=x, k=3000, axis=1, ascending=ascending)),
        {"x": x},
    )
    expected = np.argsort(x if ascending else -x, 1, kind="stable")
    np.testing.assert_array_equal(order, expected)
    np.testing.assert_array_equal(places, expected[:, :3000])


@pytest.mark.parametrize("ascending", [False, True])
def test_equal_elements_keep_their_order(execute, ascending) -> None:
    order, values, places = execute(
        lambda x: (mb.argsort(x=x, axis=1, ascending=ascending), *mb.topk(x=x, k=3, axis=1, ascending=ascending)),
        {"x": TIES},
    )
    expected = np.argsort(TIES if ascending else -TIES, 1, kind="stable")
    np.testing.assert_array_equal(order, expected)
    np.testing.assert_array_equal(places, expected[:, :3])
    np.testing.assert_array_equal(values, np.take_along_axis(TIES, expected[:, :3], 1))


def test_topk_along_another_axis_without_indices(execute) -> None:
    (found,) = execute(lambda x: mb.topk(x=x, k=2, axis=0, return_indices=False), {"x": TIES})
    np.testing.assert_array_equal(found, -np.sort(-TIES, 0)[:2])


def test_non_zero_lists_places_in_row_major_order(execute) -> None:
    (found,) = execute(lambda x: mb.non_zero(x=x), {"x": TIES})
    np.testing.assert_array_equal(found, np.argwhere(TIES))


def test_select(execute) -> None:
    (found,) = execute(lambda x: mb.select(cond=mb.greater(x=x, y=1.0), a=x, b=mb.mul(x=x, y=-1.0)), {"x": TIES})
    np.testing.assert_array_equal(found, np.where(TIES > 1, TIES, -TIES))


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_cumsum(execute, exclusive, reverse) -> None:
    (found,) = execute(lambda x: mb.cumsum(x=x, axis=-1, exclusive=exclusive, reverse=reverse), {"x": TIES})
    x = TIES[:, ::-1] if reverse else TIES
    total = np.cumsum(x, 1) - (x if exclusive else 0)
    np.testing.assert_array_equal(found, total[:, ::-1] if reverse else total)


def test_fill_and_fill_like(execute) -> None:
    constant, dynamic, like = execute(
        lambda x, shape: (
            mb.add(x=mb.fill(shape=[2, 5], value=1.5), y=mb.mul(x=x, y=0.0)),
            mb.fill(shape=shape, value=2),
            mb.fill_like(ref_tensor=x, value=3.5),
        ),
        {"x": TIES, "shape": integers(3, 2)},
    )
    np.testing.assert_array_equal(constant, np.full((2, 5), 1.5))
    np.testing.assert_array_equal(dynamic, np.full((3, 2), 2))
    assert dynamic.dtype == np.int32
    np.testing.assert_array_equal(like, np.full((2, 5), 3.5))


RANGES = [(0, 5, 1), (5, 0, -2), (3, 3, 1), (2, 11, 4)]


@pytest.mark.parametrize(("start", "end", "step"), RANGES)
def test_range(execute, start, end, step) -> None:
    def build(end):
        return mb.range_1d(start=start, end=mb.squeeze(x=end), step=step)

    (found,) = execute(build, {"end": integers(end)})
    np.testing.assert_array_equal(found, np.arange(start, end, step))


def test_one_hot_marks_nothing_out_of_bounds(execute) -> None:
    indices = integers([0, 2], [-1, 3])
    last, first = execute(
        lambda i: (
            mb.one_hot(indices=i, one_hot_vector_size=3, on_value=2.0, off_value=-1.0),
            mb.one_hot(indices=i, one_hot_vector_size=3, axis=0),
        ),
        {"i": indices},
    )
    np.testing.assert_array_equal(last, np.where(indices[..., None] == np.arange(3), 2.0, -1.0))
    np.testing.assert_array_equal(first, (indices == np.arange(3).reshape(3, 1, 1)).astype(np.int32))


def test_seeded_random_numbers_repeat_and_follow_their_distribution(execute) -> None:
    def build(x):
        return tuple(
            mb.add(x=value, y=mb.mul(x=x, y=0.0))
            for value in (
                mb.random_uniform(shape=[20000], low=-1.0, high=3.0, seed=7),
                mb.random_normal(shape=[20000], mean=2.0, stddev=0.5, seed=7),
                mb.random_bernoulli(shape=[20000], prob=0.3, seed=7),
            )
        )

    x = {"x": np.zeros(20000, np.float32)}
    first, second = execute(build, x), execute(build, x)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    uniform, normal, bernoulli = first
    assert uniform.min() >= -1
    assert uniform.max() <= 3
    assert abs(uniform.mean() - 1) < 0.05
    assert abs(normal.mean() - 2) < 0.02
    assert abs(normal.std() - 0.5) < 0.02
    assert set(bernoulli) == {0, 1}
    assert abs(bernoulli.mean() - 0.3) < 0.02


def test_a_seeded_model_gives_the_same_numbers_at_every_prediction(package) -> None:
    def build(x):
        return (
            mb.add(x=mb.random_uniform(shape=[50], low=0.0, high=1.0, seed=7), y=x),
            mb.random_categorical(x=mb.stack(values=(x, x), axis=1), size=9, seed=7),
        )

    inputs = {"x": np.zeros(50, np.float32)}
    model = mil.load(package(build, inputs))
    first, second = (list(model.predict(inputs).values()) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_random_categorical_follows_the_logits(execute) -> None:
    logits = np.log(np.array([[0.1, 0.9], [0.5, 0.5]], np.float32))
    (found,) = execute(lambda x: mb.random_categorical(x=x, size=5000, seed=3), {"x": logits})
    np.testing.assert_allclose(found.mean(1), [0.9, 0.5], atol=0.03)


def test_a_tensor_larger_than_any_activation_is_refused(execute) -> None:
    with pytest.raises(PackageError, match="larger than"):
        execute(lambda shape: mb.fill(shape=shape, value=1.0), {"shape": integers(60000, 60000)})
