"""Recurrent layers step by step in float64, and suppression of boxes by its definition."""

from __future__ import annotations

import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb

STEPS, BATCH, INPUTS, HIDDEN = 4, 2, 3, 5


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def uniform(rng, *shape: int) -> np.ndarray:
    return rng.uniform(-1, 1, shape).astype(np.float32)


@pytest.fixture
def x(rng) -> np.ndarray:
    return uniform(rng, STEPS, BATCH, INPUTS)


@pytest.mark.parametrize("direction", ["forward", "reverse"])
@pytest.mark.parametrize("every", [False, True])
def test_rnn(execute, rng, x, direction, every) -> None:
    w, u, b, h0 = (
        uniform(rng, HIDDEN, INPUTS),
        uniform(rng, HIDDEN, HIDDEN),
        uniform(rng, HIDDEN),
        uniform(rng, BATCH, HIDDEN),
    )
    outputs, last = execute(
        lambda x, h: mb.rnn(
            x=x,
            initial_h=h,
            weight_ih=w,
            weight_hh=u,
            bias=b,
            direction=direction,
            output_sequence=every,
            activation="relu",
        ),
        {"x": x, "h": h0},
    )
    h, expected = h0.astype(float), []
    for step in x[::-1] if direction == "reverse" else x:
        h = np.maximum(step @ w.T + h @ u.T + b, 0)
        expected.append(h)
    np.testing.assert_allclose(outputs, expected if every else expected[-1:], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(last, h, rtol=1e-5, atol=1e-6)


FUNCTIONS = {
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "sigmoid_hard": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "relu": lambda x: np.maximum(x, 0),
    "linear": lambda x: x,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_activations_of_recurrent_layers(execute, rng, x, name) -> None:
    w, u = uniform(rng, HIDDEN, INPUTS), uniform(rng, HIDDEN, HIDDEN)
    outputs, _ = execute(
        lambda x, h: mb.rnn(x=x, initial_h=h, weight_ih=w, weight_hh=u, activation=name),
        {"x": 3 * x[:1], "h": np.zeros((BATCH, HIDDEN), np.float32)},
    )
    np.testing.assert_allclose(outputs[0], FUNCTIONS[name](3 * x[0].astype(float) @ w.T), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("after", [False, True])
def test_gru(execute, rng, x, after) -> None:
    w, u, h0 = uniform(rng, 3 * HIDDEN, INPUTS), uniform(rng, 3 * HIDDEN, HIDDEN), uniform(rng, BATCH, HIDDEN)
    b, bi = uniform(rng, 3 * HIDDEN), uniform(rng, 3 * HIDDEN)
    outputs, last = execute(
        lambda x, h: mb.gru(
            x=x,
            initial_h=h,
            weight_ih=w,
            weight_hh=u,
            bias=b,
            input_bias=bi,
            reset_after=after,
            output_sequence=True,
        ),
        {"x": x, "h": h0},
        opset="iOS18",
    )
    (wr, wn, wz), (ur, un, uz), (br, bn, bz), (cr, cn, cz) = (np.split(part, 3) for part in (w, u, b, bi))
    h, expected = h0.astype(float), []
    for step in x:
        r, z = sigmoid(step @ wr.T + cr + h @ ur.T + br), sigmoid(step @ wz.T + cz + h @ uz.T + bz)
        inner = r * (h @ un.T + bn) if after else (r * h) @ un.T + bn
        h = (1 - z) * np.tanh(step @ wn.T + cn + inner) + z * h
        expected.append(h)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(last, h, rtol=1e-5, atol=1e-6)


def lstm_steps(x, h, c, weights, clip):
    w, u, b, p = weights
    (wi, wf, wo, wz), (ui, uf, uo, uz), (bi, bf, bo, bz) = (np.split(part, 4) for part in (w, u, b))
    pi, pf, po = np.split(p, 3)
    h, c, outputs = h.astype(float), c.astype(float), []
    for step in x:
        i = sigmoid(step @ wi.T + h @ ui.T + bi + pi * c)
        f = sigmoid(step @ wf.T + h @ uf.T + bf + pf * c)
        c_next = np.clip(f * c + i * np.tanh(step @ wz.T + h @ uz.T + bz), -clip, clip)
        o = sigmoid(step @ wo.T + h @ uo.T + bo + po * c_next)
        c, h = c_next, o * np.tanh(c_next)
        outputs.append(h)
    return np.array(outputs), h, c


def test_rows_of_an_initial_state_beyond_the_batch_are_not_read(execute, rng, x) -> None:
    weights = uniform(rng, 4 * HIDDEN, INPUTS), uniform(rng, 4 * HIDDEN, HIDDEN), np.zeros(4 * HIDDEN, np.float32)

    def layer(x, shape):
        state = mb.fill(shape=shape, value=0.5)
        return mb.lstm(
            x=x, initial_h=state, initial_c=state, weight_ih=weights[0], weight_hh=weights[1], output_sequence=True
        )

    found = execute(layer, {"x": x, "shape": np.array([BATCH + 3, HIDDEN], np.int32)})
    state = np.full((BATCH, HIDDEN), 0.5)
    expected = lstm_steps(x, state, state, (*weights, np.zeros(3 * HIDDEN)), np.inf)
    for value, right in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, right, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize(("every", "clip"), [(False, 0.2), (True, 0.2), (True, 100.0)])
def test_lstm(execute, rng, direction, every, clip) -> None:
    x = uniform(rng, STEPS, BATCH, INPUTS)
    halves = 2 if direction == "bidirectional" else 1
    sets = [
        (
            uniform(rng, 4 * HIDDEN, INPUTS),
            uniform(rng, 4 * HIDDEN, HIDDEN),
            uniform(rng, 4 * HIDDEN),
            uniform(rng, 3 * HIDDEN),
        )
        for _ in range(halves)
    ]
    h0, c0 = uniform(rng, BATCH, halves * HIDDEN), uniform(rng, BATCH, halves * HIDDEN)
    names = ("weight_ih", "weight_hh", "bias", "peephole")
    arguments = {}
    for suffix, values in zip(("", "_back"), sets, strict=False):
        arguments |= {f"{name}{suffix}": value for name, value in zip(names, values, strict=True)}
    found = execute(
        lambda x, h, c: mb.lstm(
            x=x,
            initial_h=h,
            initial_c=c,
            direction=direction,
            output_sequence=every,
            clip=np.float32(clip),
            **arguments,
        ),
        {"x": x, "h": h0, "c": c0},
    )
    parts = []
    for index, weights in enumerate(sets):
        backward = direction == "reverse" or index == 1
        place = slice(index * HIDDEN, (index + 1) * HIDDEN)
        outputs, h, c = lstm_steps(x[::-1] if backward else x, h0[:, place], c0[:, place], weights, clip)
        outputs = outputs if every else outputs[-1:]
        parts.append((outputs[::-1] if index == 1 else outputs, h, c))
    for value, *expected in zip(found, *parts, strict=True):
        np.testing.assert_allclose(value, np.concatenate(expected, -1), rtol=1e-5, atol=1e-6)


# centre x, centre y, width, height: the second overlaps the first by 9/11, the third by 1/3; the fourth is far away
BOXES = np.array([[[5, 5, 10, 10], [6, 5, 10, 10], [10, 5, 10, 10], [50, 50, 4, 4]]], np.float32)
SCORES = np.array([[[0.6, 0.1], [0.9, 0.2], [0.1, 0.8], [0.7, 0.3]]], np.float32)


def kept(execute, opset="iOS16", *, iou=0.5, most=4, **options):
    boxes, scores = (BOXES, SCORES) if opset == "iOS16" else (BOXES.swapaxes(1, 2), SCORES.swapaxes(1, 2))
    return execute(
        lambda boxes, scores: mb.non_maximum_suppression(
            boxes=boxes, scores=scores, iou_threshold=np.float32(iou), max_boxes=most, **options
        ),
        {"boxes": np.ascontiguousarray(boxes), "scores": np.ascontiguousarray(scores)},
        opset=opset,
    )


def test_boxes_are_kept_by_falling_score_unless_they_overlap_one_kept(execute) -> None:
    boxes, scores, indices, count = kept(execute, score_threshold=np.float32(0))
    assert indices.tolist() == [[1, 2, 3, -1]]
    assert count.tolist() == [3]
    np.testing.assert_array_equal(boxes[0], [*BOXES[0, [1, 2, 3]], np.zeros(4)])
    np.testing.assert_array_equal(scores[0], [*SCORES[0, [1, 2, 3]], np.zeros(2)])


def test_a_lower_bound_of_overlap_suppresses_more_and_a_class_protects(execute) -> None:
    threshold = np.float32(0)
    assert kept(execute, iou=0.3, score_threshold=threshold)[2].tolist() == [[1, 3, -1, -1]]
    separate = kept(execute, iou=0.3, score_threshold=threshold, per_class_suppression=True)
    assert separate[2].tolist() == [[1, 2, 3, -1]]


def test_the_score_threshold_and_the_number_of_boxes(execute) -> None:
    assert kept(execute, score_threshold=np.float32(0.75))[2].tolist() == [[1, 2, -1, -1]]
    assert kept(execute, most=2, score_threshold=np.float32(0))[2].tolist() == [[1, 2]]
    # the best box is given where none passes
    assert kept(execute, score_threshold=np.float32(0.95))[2].tolist() == [[1, -1, -1, -1]]


def test_from_ios17_boxes_come_last(execute) -> None:
    boxes, scores, indices = kept(execute, "iOS17")
    assert indices.tolist() == [[1, 2, 3, -1]]
    np.testing.assert_array_equal(boxes[0, :, :3], BOXES[0, [1, 2, 3]].T)
    np.testing.assert_array_equal(scores[0, :, :3], SCORES[0, [1, 2, 3]].T)


def test_of_boxes_with_equal_scores_the_first_comes_first(execute) -> None:
    scores = np.full((1, 4, 1), 0.5, np.float32)
    _, _, indices, _ = execute(
        lambda boxes, scores: mb.non_maximum_suppression(
            boxes=boxes,
            scores=scores,
            iou_threshold=np.float32(0.5),
            score_threshold=np.float32(0),
            max_boxes=4,
        ),
        {"boxes": BOXES, "scores": scores},
        opset="iOS16",
    )
    # the second is suppressed by the first, not the other way round
    assert indices.tolist() == [[0, 2, 3, -1]]


def test_boxes_whose_overlap_is_just_the_threshold_are_both_kept(execute) -> None:
    """Equal boxes have an overlap of one, which is not above one."""
    boxes, scores = np.repeat(BOXES[:, :1], 2, 1), np.array([[[0.5], [0.25]]], np.float32)
    _, _, indices, count = execute(
        lambda boxes, scores: mb.non_maximum_suppression(
            boxes=boxes, scores=scores, iou_threshold=np.float32(1), score_threshold=np.float32(0), max_boxes=2
        ),
        {"boxes": boxes, "scores": scores},
        opset="iOS16",
    )
    assert indices.tolist() == [[0, 1]]
    assert count.tolist() == [2]


def test_from_ios17_an_overlap_that_is_just_the_threshold_suppresses(execute) -> None:
    boxes = np.repeat(BOXES[:, :1], 2, 1).transpose(0, 2, 1)
    _, _, indices = execute(
        lambda boxes, scores: mb.non_maximum_suppression(
            boxes=boxes, scores=scores, iou_threshold=np.float32(1), max_boxes=2
        ),
        {"boxes": np.ascontiguousarray(boxes), "scores": np.array([[[0.5, 0.25]]], np.float32)},
        opset="iOS17",
    )
    assert indices.tolist() == [[0, -1]]


def test_boxes_that_do_not_overlap_are_both_kept_with_a_threshold_of_zero(execute) -> None:
    boxes = BOXES[:, [0, 3]].transpose(0, 2, 1)
    _, _, indices = execute(
        lambda boxes, scores: mb.non_maximum_suppression(
            boxes=boxes, scores=scores, iou_threshold=np.float32(0), max_boxes=2
        ),
        {"boxes": np.ascontiguousarray(boxes), "scores": np.array([[[0.5, 0.25]]], np.float32)},
        opset="iOS17",
    )
    assert indices.tolist() == [[0, 1]]
