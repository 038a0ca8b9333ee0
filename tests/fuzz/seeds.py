"""Sound little packages, together using operators of every family: what the fuzzing starts from."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import types

TESTS = Path(__file__).resolve().parent.parent / "mil"
X = np.linspace(-2, 3, 2 * 3 * 4 * 6, dtype=np.float32).reshape(2, 3, 4, 6)
V = np.array([1.0, -2.0, 3.0], np.float32)

# what builds it, its inputs, its operator set
Seed = tuple[Callable[..., Any], dict[str, Any], str]


def _tests(name: str) -> ModuleType:
    (path,) = TESTS.rglob(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"seeds_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _branches(x):
    pred = mb.squeeze(x=mb.less(x=mb.reduce_sum(x=x), y=0.0))
    return mb.cond(pred=pred, _true_fn=lambda: mb.add(x=x, y=1.0), _false_fn=lambda: mb.relu(x=x))


def _loops(x):
    def body(i, y):
        return mb.add(x=i, y=1), mb.cond(
            pred=mb.equal(x=mb.mod(x=i, y=2), y=0),
            _true_fn=lambda: mb.add(x=y, y=x),
            _false_fn=lambda: mb.tanh(x=y),
        )

    return mb.while_loop(_cond=lambda i, y: mb.less(x=i, y=5), _body=body, loop_vars=(0, mb.mul(x=x, y=0.5)))[1]


def _lists(x):
    ls = mb.make_list(init_length=2, dynamic_length=True, elem_shape=(3,))
    ls = mb.list_write(ls=mb.list_write(ls=ls, index=1, value=x), index=3, value=mb.exp(x=x))
    ls = mb.list_scatter(ls=ls, indices=[0, 2], value=mb.stack(values=(x, x), axis=0))
    return mb.list_gather(ls=ls, indices=[3, 1]), mb.list_read(ls=ls, index=0), mb.add(x=mb.list_length(ls=ls), y=1)


def _states(x, total):
    grown = mb.add(x=mb.read_state(input=total), y=mb.cast(x=x, dtype="fp16"))
    return mb.cast(x=mb.coreml_update_state(state=total, value=grown), dtype="fp32")


def _compressed(x):
    bits, quarters = types.np_uint1_dtype, types.np_uint4_dtype
    mask = np.eye(4, dtype=np.int8)
    lut = np.linspace(-1, 1, 32, dtype=np.float32).reshape(1, 1, 16, 2)
    table = mb.constexpr_lut_to_dense(indices=np.ones((4, 2), quarters), lut=lut, vector_axis=np.int32(1))
    shifted = mb.constexpr_blockwise_shift_scale(
        data=np.ones((4, 4), np.int8), scale=np.ones((1, 2), np.float32), offset=np.ones((1, 2), np.int8)
    )
    sparse = mb.constexpr_sparse_to_dense(nonzero_data=np.arange(4, dtype=np.float32), mask=mask.astype(bits))
    pair = mb.constexpr_lut_to_sparse(
        indices_mask=mask.astype(bits),
        indices_nonzero_data=np.ones(4, bits),
        lut=np.ones((1, 1, 2, 1), np.float32),
        vector_axis=np.int32(0),
    )
    joint = mb.constexpr_sparse_to_dense(nonzero_data=pair[1], mask=pair[0])
    return mb.matmul(x=mb.matmul(x=mb.matmul(x=mb.matmul(x=x, y=table), y=shifted), y=sparse), y=joint)


def _sampled(x):
    points = np.linspace(-1, 1, 2 * 2 * 2 * 2, dtype=np.float32).reshape(2, 2, 2, 2)
    options = {"sampling_mode": "bilinear", "padding_mode": "symmetric", "padding_value": 0.5, "align_corners": False}
    options["coordinates_mode"] = "normalized_minus_one_to_one"
    matrix = np.array([[1.0, 0, 0, 0, 1, 0]] * 2, np.float32)
    plain = options | {"padding_mode": "constant", "padding_value": 0.0, "align_corners": True}
    return (
        mb.resample(x=x, coordinates=points, **options),
        mb.affine(x=x, transform_matrix=matrix, output_height=3, output_width=2, **plain),
        mb.crop_resize(x=x, boxes=np.array([[0, 0, 1, 1]], np.float32), target_height=2, target_width=3),
    )


def _boxes(x):
    boxes = mb.abs(x=mb.reshape(x=x, shape=[1, 36, 4]))
    scores = mb.slice_by_size(x=boxes, begin=[0, 0, 0], size=[1, 36, 2])
    return mb.non_maximum_suppression(
        boxes=boxes, scores=scores, iou_threshold=np.float32(0.5), score_threshold=np.float32(0.1), max_boxes=5
    )


def _quantized(x):
    q = mb.quantize(input=x, scale=np.float32(0.1), zero_point=np.int8(3), output_dtype="int8")
    return mb.dequantize(input=q, scale=np.float32(0.1), zero_point=np.int8(3))


def _indexed(x):
    flat = mb.reshape(x=x, shape=[12, 12])
    values, places = mb.topk(x=flat, k=3, axis=1)
    picked = mb.gather_nd(x=flat, indices=np.array([[0, 1], [2, 3]], np.int32))
    spread = mb.scatter_along_axis(data=flat, indices=places, updates=values, axis=1, mode="max")
    same = mb.select(cond=mb.less(x=flat, y=0.0), a=spread, b=flat)
    turned = mb.transpose(x=x, perm=[0, 3, 2, 1])
    attended = mb.scaled_dot_product_attention(query=x, key=x, value=x)
    return (
        picked,
        mb.sliding_windows(x=same, axis=1, size=4),
        mb.einsum(values=(x, turned), equation="nchw,nwhr->nchr"),
        attended,
    )


def seeds() -> dict[str, Seed]:
    """By name."""
    found: dict[str, Seed] = {}
    defaults, shaping = _tests("test_mil_ops_defaults"), _tests("test_mil_ops_shaping")
    activation, reader = _tests("test_mil_ops_activation"), _tests("test_mil_reader")
    found |= {f"defaults {name}": (build, {"x": X}, opset) for name, (build, _, opset) in defaults.CASES.items()}
    found |= {f"shaping {name}": (build, {"x": shaping.X}, "iOS17") for name, (build, _) in shaping.SHAPES.items()}
    found |= {f"activation {name}": (case[0], {"x": activation.X}, "iOS17") for name, case in activation.CASES.items()}
    found |= {name: (getattr(reader, name), {"x": reader.X}, "iOS17") for name in ("network", "varied")}
    states = {"x": V, "total": mb.StateTensorSpec((3,), dtype=types.fp16)}
    return found | {
        "branches": (_branches, {"x": V}, "iOS17"),
        "loops": (_loops, {"x": V}, "iOS17"),
        "lists": (_lists, {"x": V}, "iOS17"),
        "states": (_states, states, "iOS18"),
        "compressed": (_compressed, {"x": np.ones((4, 4), np.float32)}, "iOS18"),
        "sampled": (_sampled, {"x": X}, "iOS17"),
        "boxes": (_boxes, {"x": X}, "iOS16"),
        "quantized": (_quantized, {"x": X}, "iOS17"),
        "indexed": (_indexed, {"x": X}, "iOS18"),
    }
