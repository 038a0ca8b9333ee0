"""Element-wise functions, their integer semantics and the casts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb

UNIT = np.linspace(-0.95, 0.95, 24, dtype=np.float32).reshape(2, 3, 4)
POSITIVE = UNIT + np.float32(1.5)
HALVES = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, -1.2, 1.7, 0.0], np.float32)

UNARY = {
    "abs": (UNIT, np.abs),
    "acos": (UNIT, np.arccos),
    "asin": (UNIT, np.arcsin),
    "atan": (UNIT, np.arctan),
    "atanh": (UNIT, np.arctanh),
    "ceil": (HALVES, np.ceil),
    "cos": (UNIT, np.cos),
    "cosh": (UNIT, np.cosh),
    "erf": (UNIT, np.vectorize(math.erf)),
    "exp": (UNIT, np.exp),
    "exp2": (UNIT, np.exp2),
    "floor": (HALVES, np.floor),
    "round": (HALVES, np.round),  # NumPy's, like Core ML's, goes to even
    "sign": (HALVES, np.sign),
    "sin": (UNIT, np.sin),
    "sinh": (UNIT, np.sinh),
    "sqrt": (POSITIVE, np.sqrt),
    "square": (UNIT, np.square),
    "tan": (UNIT, np.tan),
    "tanh": (UNIT, np.tanh),
}


@pytest.mark.parametrize("name", UNARY)
def test_unary_function(execute, name) -> None:
    x, function = UNARY[name]
    build = getattr(mb, name)
    direct, in_place = execute(lambda x: (build(x=x), build(x=mb.identity(x=mb.mul(x=x, y=1.0)))), {"x": x})
    expected = function(x.astype(np.float64))
    np.testing.assert_allclose(direct, expected, rtol=3e-6, atol=1e-7)
    np.testing.assert_array_equal(direct, in_place)


def test_epsilon_is_added_before_the_function(execute) -> None:
    builds = [
        lambda x: mb.inverse(x=x, epsilon=0.5),
        lambda x: mb.rsqrt(x=x, epsilon=0.5),
        lambda x: mb.log(x=x, epsilon=0.5),
        lambda x: mb.inverse(x=x),
    ]
    found = execute(lambda x: tuple(build(x) for build in builds), {"x": POSITIVE})
    x = POSITIVE.astype(np.float64)
    for value, expected in zip(found, (1 / (x + 0.5), (x + 0.5) ** -0.5, np.log(x + 0.5), 1 / (x + 1e-4)), strict=True):
        np.testing.assert_allclose(value, expected, rtol=3e-6, atol=1e-6)


def test_the_default_epsilon_has_the_type_of_x(execute) -> None:
    """The logarithm's, 1e-45, is nothing in fp16: the logarithm of zero is minus infinity there."""
    half, single = (execute(lambda x: mb.log(x=x), {"x": np.zeros(2, kind)})[0] for kind in (np.float16, np.float32))
    np.testing.assert_array_equal(half, [-np.inf, -np.inf])
    np.testing.assert_allclose(single, [math.log(2.0**-149)] * 2, rtol=1e-6)


def test_clip_and_threshold(execute) -> None:
    clipped, raised = execute(
        lambda x: (mb.clip(x=x, alpha=-1.5, beta=1.5), mb.threshold(x=x, alpha=0.5)), {"x": HALVES}
    )
    np.testing.assert_array_equal(clipped, np.clip(HALVES, -1.5, 1.5))
    np.testing.assert_array_equal(raised, np.maximum(HALVES, 0.5))


A = np.array([[7.5, -7.5, 3.0], [2.0, -0.5, 1.25]], np.float32)
B = np.array([[2.0, 2.0, -2.0]], np.float32)
I = np.array([[7, -7, 7], [-7, 6, -6]], np.int32)  # noqa: E741
J = np.array([[2, 2, -2]], np.int32)

FLOATS = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "real_div": np.divide,
    "floor_div": np.floor_divide,
    "mod": np.mod,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "equal": np.equal,
    "not_equal": np.not_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
}


@pytest.mark.parametrize("name", FLOATS)
def test_binary_function_broadcasts(execute, name) -> None:
    build = getattr(mb, name)
    forward, backward = execute(lambda x, y: (build(x=x, y=y), build(x=y, y=x)), {"x": A, "y": B})
    np.testing.assert_allclose(forward, FLOATS[name](A, B).astype(np.float32), rtol=1e-6)
    np.testing.assert_allclose(backward, FLOATS[name](B, A).astype(np.float32), rtol=1e-6)


@pytest.mark.parametrize("name", [name for name in FLOATS if name != "real_div"])
def test_binary_function_of_integers_keeps_them(execute, name) -> None:
    """floor_div rounds down, mod takes the sign of the divisor, as in Python."""
    build = getattr(mb, name)
    (found,) = execute(lambda x, y: build(x=x, y=y), {"x": I, "y": J})
    np.testing.assert_array_equal(found, FLOATS[name](I, J))


def test_division_of_integers_truncates(execute) -> None:
    (found,) = execute(lambda x, y: mb.real_div(x=x, y=y), {"x": I, "y": J})
    np.testing.assert_array_equal(found, [[3, -3, -3], [-3, 3, 3]])


def test_power(execute) -> None:
    (found,) = execute(lambda x, y: mb.pow(x=mb.abs(x=x), y=y), {"x": A, "y": B})
    np.testing.assert_allclose(found, np.abs(A.astype(np.float64)) ** B, rtol=1e-6)


def test_logical_functions(execute) -> None:
    def build(x, y):
        p, q = mb.greater(x=x, y=0.0), mb.greater(x=y, y=0.0)
        return tuple(
            mb.cast(x=value, dtype="int32")
            for value in (
                mb.logical_and(x=p, y=q),
                mb.logical_or(x=p, y=q),
                mb.logical_xor(x=p, y=q),
                mb.logical_not(x=p),
            )
        )

    x, y = np.array([-1, -1, 1, 1], np.float32), np.array([-1, 1, -1, 1], np.float32)
    found = execute(build, {"x": x, "y": y})
    assert [value.tolist() for value in found] == [[0, 0, 0, 1], [0, 1, 1, 1], [0, 1, 1, 0], [1, 1, 0, 0]]


def test_an_operand_is_overwritten_only_where_nobody_reads_it_again(execute) -> None:
    def build(x, y):
        t = mb.mul(x=x, y=3.0)
        u = mb.add(x=t, y=y)  # t lives on
        v = mb.sub(x=t, y=u)  # t dies, u lives on
        view = mb.reshape(x=v, shape=[6])
        w = mb.mul(x=v, y=v)  # v is read twice and shares memory with the view
        return u, view, w

    u, view, w = execute(build, {"x": A, "y": B})
    np.testing.assert_allclose(u, A * 3 + B)
    np.testing.assert_allclose(view, (A * 3 - (A * 3 + B)).reshape(6))
    np.testing.assert_allclose(w, (A * 3 - (A * 3 + B)) ** 2)


def test_an_operand_is_not_overwritten_while_another_one_reads_its_memory(execute) -> None:
    def build(x):
        square = mb.mul(x=x, y=2.0)
        turned = mb.add(x=square, y=mb.transpose(x=square, perm=[1, 0]))  # both die here, in one memory
        return turned, mb.sub(x=mb.reverse(x=turned), y=turned)

    x = np.arange(9, dtype=np.float32).reshape(3, 3)
    turned, reversed_ = execute(build, {"x": x})
    np.testing.assert_array_equal(turned, 2 * x + 2 * x.T)
    np.testing.assert_array_equal(reversed_, turned[::-1, ::-1] - turned)


CASTS = [
    ("fp32", "int32", [1.9, -1.9, 3e9, -3e9, np.nan], [1, -1, 2147483647, -2147483648, 0]),
    ("fp32", "bool", [0.0, -0.0, 0.5, -2.0], [0, 0, 1, 1]),
    ("fp32", "int8", [127.9, 200.0, -200.0], [127, 127, -128]),
    ("fp32", "uint8", [254.9, 300.0, -1.0], [254, 255, 0]),
    ("fp32", "uint16", [65535.5, 70000.0, -1.0], [65535, 65535, 0]),
    ("int32", "int8", [127, 128, -129], [127, -128, 127]),
    ("int32", "uint8", [255, 256, -1], [255, 0, 255]),
    ("int32", "int16", [32767, 32768], [32767, -32768]),
    ("int32", "uint16", [65535, 65536, -1], [65535, 0, 65535]),
    ("int32", "fp32", [16777217, -3], [16777216, -3]),
    ("fp32", "fp16", [65504.0, 65520.0, 1e-8, 0.1], [65504.0, np.inf, 0.0, float(np.float16(0.1))]),
]


@pytest.mark.parametrize(("source", "target", "given", "expected"), CASTS)
def test_cast_saturates_floats_and_wraps_integers(execute, source, target, given, expected) -> None:
    x = np.array(given, np.float32 if source == "fp32" else np.int32)
    back = "fp32" if target.startswith("fp") else "int32"
    (found,) = execute(lambda x: mb.cast(x=mb.cast(x=x, dtype=target), dtype=back), {"x": x})
    np.testing.assert_array_equal(found, np.array(expected, found.dtype))
