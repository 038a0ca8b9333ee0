"""Mistakes in what operators share: types, rounding, memory, windows, sampling, inputs and outputs, weight files."""

from __future__ import annotations

from mutant import Mutant

__all__ = ["CONVENTION_MUTANTS"]

Row = tuple[str, str, str]

_TABLE: dict[tuple[str, str], tuple[Row, ...]] = {
    ("executor", "executor"): (
        ("no fp16 rounding", "value.copy_(value.half())", "pass"),
        ("rounded to bfloat16", "value.copy_(value.half())", "value.copy_(value.bfloat16())"),
        ("fp16 saturates", "value.copy_(value.half())", "value.copy_(value.half().clamp(-65504, 65504))"),
        ("fp16 truncates", "value.copy_(value.half())", "value.copy_(value.mul_(1 - 2**-11).half())"),
        ("a listener sees the memory itself", "return output.clone() if", "return output if"),
        ("values are never freed", "            values[slot] = None", "            pass"),
        ("declared shapes are not held", "shape is not None and isinstance", "False and isinstance"),
    ),
    ("lifetimes", "elementwise executor"): (
        ("freed one operator too early", "group.last <= index", "group.last <= index + 1"),
        ("views do not share memory", "if effect is not Effect.MOVEMENT:", "if True:"),
        ("operands in one memory", "and readers[group] == 1", "and readers[group]"),
        ("inputs may be overwritten", "and not group.foreign", ""),
        ("groups joined forget where they are read", "one.last = max(one.last, other.last)", "pass"),
        ("groups joined forget who owns them", "one.foreign |= other.foreign", "pass"),
    ),
    ("call", "elementwise defaults"): (
        ("the default epsilon in fp32", "float(np.float16(default)) if half else default", "default"),
    ),
    ("call", "compression linear activation executor"): (
        ("a constant half is cut", "np.array(data, dtype=_NUMPY[kind.dtype.carrier]",
         "np.array(data // 1, dtype=_NUMPY[kind.dtype.carrier]"),
    ),
    ("dtype", "elementwise special_values conventions"): (
        ("unsigned as signed", 'self.name.startswith("INT")', "True"),
        ("signed as unsigned", 'self.name.startswith("INT")', "False"),
    ),
    ("feature_value", "conventions"): (
        ("numbers beyond an integer type pass", 'raise feature.wrong(f"it holds numbers', 'print(f"it holds numbers'),
        ("fractions count as beyond", "trunc(array.max().item()) > high", "array.max().item() > high"),
        ("grey pixels truncate", ".clamp(0, 255).round()", ".clamp(0, 255)"),
    ),
    ("state", "conventions"): (
        ("a state of halves is not rounded", "tensor.half().float() if", "tensor if"),
        ("reading shares the memory", "return np.array(self._buffer(name).value.numpy())",
         "return self._buffer(name).value.numpy()"),
    ),
    ("pipeline", "pipeline"): (
        ("a model sees only what the one before gave", "features |= results", "features = results"),
        ("images pass as RGBA", 'return value.convert("RGB")', "return value"),
        ("errors do not say which model", "raise located(error, member.label) from error", "raise"),
        ("states of the last program only", "buffers |= program.make_state().buffers",
         "buffers = program.make_state().buffers"),
        ("no listener", "predict(given, state, listener)", "predict(given, state)"),
        ("outputs that nothing gives pass", "for feature in self.outputs if feature.name not in known]",
         "for feature in self.outputs if False]"),
    ),
    ("detections", "feature_model"): (
        ("boxes at the threshold fall", ">= least", "> least"),
        ("confidence of a box is its first class'", "scores.max(1) if", "scores[:, :1].max(1) if"),
        ("classes suppress each other", "groups = classes if self.by_class else", "groups ="),
        ("too few boxes are not padded", "missing = max(0, self.rows[0] - len(values))", "missing = 0"),
        ("too many boxes are kept", "most = len(order) if self.rows[1] is None else self.rows[1]", "most = len(order)"),
        ("thresholds of the caller are ignored", "given = inputs.get(name) if name else None", "given = None"),
    ),
    ("feature_model", "feature_model"): (
        ("scaled before it is shifted", "(x + wide[0]) * wide[1]", "x * wide[1] + wide[0]"),
        ("largest number, not magnitude", "np.abs(x).max(initial=0.0)", "x.max(initial=0.0)"),
        ("an array of zeros becomes NaN", "x / (norm(x) or 1.0)", "x / norm(x)"),
        ("columns in the order of the inputs", "for name, _ in columns]", "for name, _ in sorted(columns)]"),
    ),
    ("dtype", "schema elementwise"): (
        ("uint16 held as int16", "DataType.UINT16: torch.int32", "DataType.UINT16: torch.int16"),
        ("four bits for three", "UINT3 = 39", "UINT3 = 40"),
    ),
    ("window", "conv"): (
        ("same_lower as same", 'if self.pad_type == "same_lower" else (smaller',
         'if self.pad_type == "same" else (smaller'),
        ("dilation ignored", "(size - 1) * step + 1", "size"),
        ("a last window may begin behind the input", "count * stride < size + before",
         "count * stride < size + before + after"),
        ("same for a stride of one", "(-(-size // stride) - 1) * stride", "(size // stride - 1) * stride"),
        ("padding of the wrong axis", "for pair in reversed(pads)", "for pair in pads"),
        ("cropped on the wrong side", "pads.append((-before, target - (length - before)))",
         "pads.append((target - (length - before), -before))"),
        ("cropped to the size", "size[axis] * stride", "size[axis]"),
        ("before and after mixed up", "zip(pad[::2], pad[1::2], strict=True)",
         "zip(pad[:axes], pad[axes:], strict=True)"),
    ),
    ("sampling", "resizing"): (
        ("corners not aligned", "(source - 1) / max(1, target - 1)", "source / target"),
        ("a single sample at the start", "(source - 1) / 2, dtype", "0.0, dtype"),
        ("offset corners from the border", " + 0.5 * delta", ""),
        ("half a pixel off", "(_steps(target) + 0.5) * source / target - 0.5",
         "(_steps(target) + 0.5) * source / target"),
        ("half way to the one behind", "(points - 0.5).ceil()", "(points + 0.5).floor()"),
        ("the nearest for the one before", "points.floor().long()", "points.round().long()"),
        ("interpolated from the wrong side", "x.index_select(axis, low), x.index_select(axis, high)",
         "x.index_select(axis, high), x.index_select(axis, low)"),
    ),
    ("feature_value", "model"): (
        ("BGR images as RGB", 'channels[:, ::-1] if feature.color == "BGR" else channels', "channels"),
        ("image outputs cut off", ".round().to(torch.uint8)", ".to(torch.uint8)"),
        ("image outputs wrap", ".clamp(0, 255)", ""),
        ("scalars without an axis", "value.shape or (1,)", "value.shape"),
        ("optional inputs are zeros", "feature.default or 0.0", "0.0"),
        ("fp16 inputs not rounded", "tensor = tensor.half().float()", "pass"),
    ),
    ("state", "control"): (
        ("a state begins with ones", "torch.zeros(shape", "torch.ones(shape"),
        ("a written state is not rounded", "tensor.half().float() if buffer.kind.dtype is DataType.FLOAT16 else tensor",
         "tensor"),
    ),
    ("weights", "package"): (
        ("packed from the highest bit", 'count=count * dtype.bits, bitorder="little"',
         'count=count * dtype.bits, bitorder="big"'),
        ("int4 without a sign", "if dtype is DataType.INT4:", "if False:"),
        ("the version is not read", "if version != _VERSION:", "if False:"),
        ("a blob may reach behind the file", "start + size > total", "start > total"),
        ("a blob of another type", "if found is not dtype and not (", "if False and not ("),
    ),
    ("registry", "registry"): (
        ("the oldest version of an operator", "return versions[-1]", "return versions[0]"),
        ("newer operators are there", "operator.since <= opset", "True"),
    ),
}  # fmt: skip

CONVENTION_MUTANTS: tuple[Mutant, ...] = tuple(
    Mutant(what, module, original, broken, tests)
    for (module, tests), rows in _TABLE.items()
    for what, original, broken in rows
)
