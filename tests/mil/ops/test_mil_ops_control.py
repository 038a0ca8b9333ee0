"""Branches, loops, lists and states."""

from __future__ import annotations

import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import types

from mobiledeploy import mil
from mobiledeploy.errors import InputError, PackageError

X = np.array([1.0, -2.0, 3.0], np.float32)


@pytest.mark.parametrize("flag", [0, 1])
def test_cond_takes_one_branch_and_reads_from_around(execute, flag) -> None:
    def build(x, flag):
        doubled = mb.mul(x=x, y=2.0)
        (pred,) = (mb.squeeze(x=mb.cast(x=flag, dtype="bool")),)
        chosen = mb.cond(
            pred=pred, _true_fn=lambda: mb.add(x=doubled, y=x), _false_fn=lambda: mb.sub(x=doubled, y=10.0)
        )
        return chosen, mb.relu(x=doubled)

    chosen, kept = execute(build, {"x": X, "flag": np.array([flag], np.int32)})
    np.testing.assert_array_equal(chosen, X * 3 if flag else X * 2 - 10)
    np.testing.assert_array_equal(kept, np.maximum(X * 2, 0))


@pytest.mark.parametrize("limit", [0, 1, 5])
def test_while_loop_carries_its_variables(execute, limit) -> None:
    def build(x, limit):
        step = mb.mul(x=x, y=1.0)
        end = mb.squeeze(x=limit)

        def body(i, total):
            return mb.add(x=i, y=1), mb.add(x=total, y=step)

        _, total = mb.while_loop(
            _cond=lambda i, total: mb.less(x=i, y=end), _body=body, loop_vars=(0, mb.mul(x=x, y=0.0))
        )
        return total, mb.relu(x=step)

    total, step = execute(build, {"x": X, "limit": np.array([limit], np.int32)})
    np.testing.assert_allclose(total, X * limit)
    np.testing.assert_array_equal(step, np.maximum(X, 0))


def test_loops_nest_and_a_branch_can_stand_in_one(execute) -> None:
    def build(x):
        def inner(j, y):
            even = mb.equal(x=mb.mod(x=j, y=2), y=0)
            grown = mb.cond(pred=even, _true_fn=lambda: mb.add(x=y, y=x), _false_fn=lambda: mb.sub(x=y, y=1.0))
            return mb.add(x=j, y=1), grown

        def outer(i, y):
            _, grown = mb.while_loop(_cond=lambda j, y: mb.less(x=j, y=3), _body=inner, loop_vars=(0, y))
            return mb.add(x=i, y=1), grown

        _, result = mb.while_loop(_cond=lambda i, y: mb.less(x=i, y=2), _body=outer, loop_vars=(0, mb.mul(x=x, y=0.0)))
        return result

    (found,) = execute(build, {"x": X})
    np.testing.assert_allclose(found, 2 * (2 * X - 1))


def test_lists(execute) -> None:
    def build(x):
        ls = mb.make_list(init_length=2, dynamic_length=True, elem_shape=(3,))
        first = mb.list_write(ls=ls, index=1, value=x)
        longer = mb.list_write(ls=first, index=3, value=mb.mul(x=x, y=2.0))
        spread = mb.list_scatter(ls=longer, indices=[0, 2], value=mb.stack(values=(mb.mul(x=x, y=3.0), x), axis=0))
        return (
            mb.list_gather(ls=longer, indices=[3, 1, 0]),
            mb.list_read(ls=spread, index=0),
            mb.list_gather(ls=first, indices=[0, 1]),
            mb.add(x=mb.list_length(ls=longer), y=0),
        )

    gathered, read, before, length = execute(build, {"x": X})
    np.testing.assert_array_equal(gathered, [X * 2, X, X * 0])
    np.testing.assert_array_equal(read, X * 3)
    np.testing.assert_array_equal(before, [X * 0, X])
    assert length == [4]


def test_writing_gives_a_new_list_and_leaves_the_old_one(execute) -> None:
    def build(x):
        old = mb.list_write(ls=mb.make_list(init_length=1, elem_shape=(3,)), index=0, value=x)
        new = mb.list_write(ls=old, index=0, value=mb.mul(x=x, y=5.0))
        return mb.list_read(ls=new, index=0), mb.list_read(ls=old, index=0)

    new, old = execute(build, {"x": X})
    np.testing.assert_array_equal(new, 5 * X)
    np.testing.assert_array_equal(old, X)


def test_reading_behind_the_end_of_a_list_is_an_error(execute) -> None:
    def build(x):
        ls = mb.list_write(ls=mb.make_list(init_length=1, elem_shape=(3,)), index=0, value=x)
        return mb.list_read(ls=ls, index=5)

    with pytest.raises(PackageError, match="index 5 of a list of 1"):
        execute(build, {"x": X})


@pytest.fixture
def accumulator(package) -> mil.Model:
    """state = state + x, which is also the output; a later in-place operator must not reach the state."""

    def build(x, total):
        grown = mb.add(x=mb.read_state(input=total), y=mb.cast(x=x, dtype="fp16"))
        stored = mb.coreml_update_state(state=total, value=grown)
        return mb.cast(x=mb.relu(x=mb.mul(x=stored, y=np.float16(2))), dtype="fp32")

    path = package(build, {"x": X, "total": mb.StateTensorSpec((3,), dtype=types.fp16)}, opset="iOS18")
    return mil.load(path)


def test_a_state_outlives_predictions(accumulator) -> None:
    state, other = accumulator.make_state(), accumulator.make_state()
    for count in (1, 2, 3):
        (found,) = accumulator.predict({"x": X}, state).values()
        np.testing.assert_array_equal(found, np.maximum(2 * count * X, 0))
    np.testing.assert_array_equal(state.read_state("total"), 3 * X)
    np.testing.assert_array_equal(other.read_state("total"), 0 * X)


def test_a_state_keeps_its_value_while_the_run_goes_on(package) -> None:
    """The activation reads the stored value last, and may write in place wherever memory is its own."""

    def build(x, total):
        grown = mb.add(x=mb.read_state(input=total), y=mb.cast(x=x, dtype="fp16"))
        mb.coreml_update_state(state=total, value=grown)
        return mb.cast(x=mb.relu(x=grown), dtype="fp32")

    inputs = {"x": X, "total": mb.StateTensorSpec((3,), dtype=types.fp16)}
    model = mil.load(package(build, inputs, opset="iOS18", name="kept"))
    state = model.make_state()
    (found,) = model.predict({"x": X}, state).values()
    np.testing.assert_array_equal(found, np.maximum(X, 0))
    np.testing.assert_array_equal(state.read_state("total"), X)


def test_what_was_read_before_a_state_is_written_keeps_its_value(package) -> None:
    def build(x, total):
        before = mb.read_state(input=total)
        mb.coreml_update_state(state=total, value=mb.add(x=before, y=mb.cast(x=x, dtype="fp16")))
        return mb.cast(x=before, dtype="fp32")

    inputs = {"x": X, "total": mb.StateTensorSpec((3,), dtype=types.fp16)}
    model = mil.load(package(build, inputs, opset="iOS18", name="before"))
    state = model.make_state()
    for count in range(3):
        (found,) = model.predict({"x": X}, state).values()
        np.testing.assert_array_equal(found, count * X)
    np.testing.assert_array_equal(state.read_state("total"), 3 * X)


def test_a_state_can_be_written_and_holds_its_type(accumulator) -> None:
    state = accumulator.make_state()
    state.write_state("total", [0.1, 0.2, 0.3])
    np.testing.assert_array_equal(state.read_state("total"), np.array([0.1, 0.2, 0.3], np.float16).astype(np.float32))


def test_misuse_of_states(accumulator, package) -> None:
    state = accumulator.make_state()
    with pytest.raises(InputError, match="the model keeps a state"):
        accumulator.predict({"x": X})
    with pytest.raises(InputError, match="no state 'other'"):
        state.read_state("other")
    with pytest.raises(InputError, match=r"its shape is \(2,\), expected \(3,\)"):
        state.write_state("total", [1, 2])
    stateless = mil.load(package(lambda x: mb.relu(x=x), {"x": X}, name="stateless"))
    with pytest.raises(InputError, match="the model keeps no state"):
        stateless.make_state()


def test_a_loop_without_end_is_ended(execute, monkeypatch) -> None:
    monkeypatch.setattr("mobiledeploy.mil.ops.control_flow.MAX_ITERATIONS", 50)

    def build(x):
        _, y = mb.while_loop(
            _cond=lambda i, y: mb.less(x=i, y=1000),
            _body=lambda i, y: (mb.add(x=i, y=1), y),
            loop_vars=(0, mb.relu(x=x)),
        )
        return y

    with pytest.raises(PackageError, match="the loop does not end within 50 iterations"):
        execute(build, {"x": X})
