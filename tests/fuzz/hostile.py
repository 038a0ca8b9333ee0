"""Packages that ask for the machine: for its memory, its time, its files. Each with what it must be answered.

The answer is a pattern of the error's message, None where the program is odd but sound and must run, or ANY where both
would do.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from draft import BOOL, FLOAT, INT, Draft, set_type, set_value, write_package, write_weights

from mobiledeploy.mil.dtype import DataType

Make = Callable[[Path], Path]
HUGE = 2**31 - 1
LARGER = "larger than"
ANY = ""


def single(operator: str, declared=(None,), /, **arguments) -> Make:
    """A program of one operator."""

    def make(folder: Path) -> Path:
        draft = Draft()
        draft.add(operator, ("y", declared, FLOAT), **arguments)
        return draft.returns("y").write(folder)

    return make


def drafted(fill: Callable[[Draft], str], weights: tuple[int, DataType] | None = None) -> Make:
    """A program that `fill` writes and whose output it names."""

    def make(folder: Path) -> Path:
        draft = Draft()
        package = draft.returns(fill(draft)).write(folder)
        if weights:
            write_weights(package, *weights)
        return package

    return make


def counted(draft: Draft, name: str, count: int) -> str:
    """A vector 0, 1, 2, ... of a length that only the run knows."""
    draft.add("range_1d", (name, (None,), FLOAT), start=0.0, end=float(count), step=1.0)
    return f"%{name}"


def row_and_column(draft: Draft) -> dict[str, str]:
    for name, shape in (("row", [1, -1]), ("column", [-1, 1])):
        draft.add("reshape", (name, (None, None), FLOAT), x=counted(draft, f"{name}_flat", 2**20), shape=shape)
    return {"x": "%column", "y": "%row"}


def outer(kind: str, **more: str) -> Make:
    def fill(draft: Draft) -> str:
        draft.add(kind, ("y", (None, None), FLOAT), **row_and_column(draft), **more)
        return "y"

    return drafted(fill)


def doubling(kind: str) -> Make:
    def fill(draft: Draft) -> str:
        name = counted(draft, "v0", 16)
        for index in range(1, 45):
            extra = {"axis": 0} | ({"interleave": False} if kind == "concat" else {})
            draft.add(kind, (f"v{index}", (None,), FLOAT), values=[name, name], **extra)
            name = f"%v{index}"
            if kind == "stack":
                draft.add("reshape", (f"r{index}", (None,), FLOAT), x=name, shape=[-1])
                name = f"%r{index}"
        return name[1:]

    return drafted(fill)


def many_values(draft: Draft) -> str:
    for index in range(500):
        draft.add("fill", (f"v{index}", (2**21,), FLOAT), shape=[2**21], value=1.0)
    draft.add("concat", ("y", (None,), FLOAT), values=[f"%v{index}" for index in range(500)], axis=0, interleave=False)
    return "y"


def many_constants(draft: Draft) -> str:
    for index in range(500):
        draft.blob(f"c{index}", (2**21,), FLOAT)
        draft.add("add", (f"v{index}", (2**21,), FLOAT), x=f"%c{index}", y=1.0)
    return "v0"


def one_constant(draft: Draft) -> str:
    draft.blob("c", (2**36,), FLOAT)
    draft.add("add", ("y", (2**36,), FLOAT), x="%c", y=1.0)
    return "y"


def wide_table(draft: Draft) -> str:
    draft.blob("indices", (2**20,), DataType.UINT8)
    draft.add("const", ("lut", (1, 256, 2**12), FLOAT))
    value = draft.block.operations[-1].attributes["val"]
    set_type(value.type, (1, 256, 2**12), FLOAT)
    value.immediateValue.tensor.floats.values.extend([0.0] * 2**20)
    draft.add("constexpr_lut_to_dense", ("y", (2**32,), FLOAT), indices="%indices", lut="%lut", vector_axis=0)
    draft.add("reshape", ("z", (2**32,), FLOAT), x="%y", shape=[-1])
    return "z"


def many_tables(draft: Draft) -> str:
    draft.blob("indices", (2**21,), DataType.UINT8)
    for index in range(500):
        draft.add(
            "constexpr_affine_dequantize",
            (f"v{index}", (2**21,), FLOAT),
            quantized_data="%indices",
            zero_point=0,
            scale=1.0,
            axis=0,
        )
    draft.add("add", ("y", (2**21,), FLOAT), x="%v0", y="%v499")
    return "y"


def list_of_many(draft: Draft) -> str:
    operation = draft.add("make_list", init_length=2**30, dynamic_length=True, dtype="fp32")
    kind = operation.outputs.add(name="ls").type.listType
    set_type(kind.type, (4,))
    kind.length.unknown.variadic = False
    draft.add("list_read", ("y", (4,), FLOAT), ls="%ls", index=0)
    return "y"


def list_written_far_away(draft: Draft) -> str:
    operation = draft.add("make_list", init_length=1, dynamic_length=True, dtype="fp32")
    draft.add("list_write", ls="%ls", index=2**30, value="%x")
    for name, op in (("ls", operation), ("far", draft.block.operations[-1])):
        kind = op.outputs.add(name=name).type.listType
        set_type(kind.type, (4,))
        kind.length.unknown.variadic = False
    draft.add("list_read", ("y", (4,), FLOAT), ls="%far", index=0)
    return "y"


def loop(draft: Draft, inside: Callable[[Draft, str], str], name: str = "y", start: str = "%x") -> str:
    """A loop that never ends, over one value of shape (4,)."""
    operation = draft.add("while_loop", (name, (4,), FLOAT), loop_vars=start)
    condition, body = Draft(block=operation.blocks.add()), Draft(block=operation.blocks.add())
    for part, own in ((condition, f"{name}_c"), (body, f"{name}_b")):
        set_type(part.block.inputs.add(name=own).type, (4,))
    condition.add("const", (f"{name}_t", (), BOOL))
    set_value(condition.block.operations[0].attributes["val"], True)
    condition.block.outputs.append(f"{name}_t")
    body.block.outputs.append(inside(body, f"{name}_b"))
    return name


def endless(draft: Draft) -> str:
    def inside(body: Draft, given: str) -> str:
        body.add("add", ("grown", (4,), FLOAT), x=f"%{given}", y=1.0)
        return "grown"

    return loop(draft, inside)


def endless_in_endless(draft: Draft) -> str:
    def inside(body: Draft, given: str) -> str:
        return loop(body, lambda _, name: name, "inner", f"%{given}")

    return loop(draft, inside)


def endless_and_slow(draft: Draft) -> str:
    def inside(body: Draft, given: str) -> str:
        body.add("fill", ("big", (512, 512), FLOAT), shape=[512, 512], value=1.0)
        body.add("matmul", ("product", (512, 512), FLOAT), x="%big", y="%big")
        return given

    return loop(draft, inside)


def endless_and_growing(draft: Draft) -> str:
    """Each iteration joins the vector to itself."""
    operation = draft.add("while_loop", ("y", (None,), FLOAT), loop_vars=counted(draft, "start", 4))
    condition, body = Draft(block=operation.blocks.add()), Draft(block=operation.blocks.add())
    for part, own in ((condition, "c"), (body, "b")):
        set_type(part.block.inputs.add(name=own).type, (None,))
    condition.add("const", ("t", (), BOOL))
    set_value(condition.block.operations[0].attributes["val"], True)
    condition.block.outputs.append("t")
    body.add("concat", ("joined", (None,), FLOAT), values=["%b", "%b"], axis=0, interleave=False)
    body.block.outputs.append("joined")
    return "y"


def long_chain(draft: Draft) -> str:
    name = "x"
    for index in range(20_000):
        draft.add("identity", (f"v{index}", (4,), FLOAT), x=f"%{name}")
        name = f"v{index}"
    return name


def many_blocks(draft: Draft) -> str:
    for index in range(4000):
        draft.add("const", (f"c{index}", (), BOOL))
        set_value(draft.block.operations[-1].attributes["val"], True)
    for index in range(4000):
        operation = draft.add("cond", (f"y{index}", (4,), FLOAT), pred="%c0")
        for _ in range(2):
            operation.blocks.add().outputs.append("x")
    return "y0"


def many_parameters(draft: Draft) -> str:
    draft.add("identity", ("y", (4,), FLOAT), x="%x", **{f"p{index}": "%x" for index in range(20_000)})
    return "y"


def long_name(draft: Draft) -> str:
    draft.add("r" * 10_000_000, ("y", (4,), FLOAT), x="%x")
    return "y"


def huge_state(folder: Path) -> Path:
    draft = Draft()
    set_type(draft.function.inputs.add(name="s").type.stateType.wrappedType, (2**38,))
    draft.add("read_state", ("y", (2**38,), FLOAT), input="%s")
    return draft.returns("y").write(folder)


def huge_default(folder: Path) -> Path:
    draft = Draft()
    feature = draft.add_input("z", (2**38,))
    feature.type.isOptional = True
    feature.type.multiArrayType.floatDefaultValue = 1.0
    draft.add("relu", ("y", (2**38,), FLOAT), x="%z")
    return draft.returns("y").write(folder)


def huge_default_of_a_pipeline(folder: Path) -> Path:
    draft = Draft()
    draft.add("relu", ("y", (4,), FLOAT), x="%x")
    member = draft.returns("y").model
    outer = type(member)()
    outer.description.CopyFrom(member.description)
    feature = outer.description.input.add(name="z")
    feature.type.isOptional = True
    feature.type.multiArrayType.shape.append(2**38)
    feature.type.multiArrayType.floatDefaultValue = 1.0
    outer.pipeline.models.add().CopyFrom(member)
    return write_package(folder, outer.SerializeToString())


def long_sequence(draft: Draft) -> str:
    draft.add("fill", ("x3", (2**22, 1, 1), FLOAT), shape=[2**22, 1, 1], value=1.0)
    draft.add("fill", ("h", (1, 1), FLOAT), shape=[1, 1], value=1.0)
    for name in ("wi", "wh"):
        draft.add("const", (name, (1, 1), FLOAT))
        value = draft.block.operations[-1].attributes["val"]
        set_type(value.type, (1, 1))
        value.immediateValue.tensor.floats.values.append(1.0)
    weights = {"weight_ih": "%wi", "weight_hh": "%wh"}
    draft.add("rnn", ("y", (1, 1, 1), FLOAT), ("last", (1, 1), FLOAT), x="%x3", initial_h="%h", **weights)
    return "y"


def much_work(draft: Draft) -> str:
    draft.add("fill", ("big", (1, 1, 2**21), FLOAT), shape=[1, 1, 2**21], value=1.0)
    draft.add("fill", ("kernel", (1, 1, 2**20), FLOAT), shape=[1, 1, 2**20], value=1.0)
    draft.add("conv", ("y", (1, 1, 2**20 + 1), FLOAT), x="%big", weight="%kernel")
    return "y"


def many_boxes(draft: Draft) -> str:
    draft.add("fill", ("boxes", (1, 2**19, 4), FLOAT), shape=[1, 2**19, 4], value=0.0)
    draft.add("fill", ("scores", (1, 2**19, 1), FLOAT), shape=[1, 2**19, 1], value=1.0)
    outputs = (("b", (None, None, None), FLOAT), ("s", (None, None, None), FLOAT), ("i", (None, None), INT))
    draft.function.opset = "CoreML6"
    draft.add(
        "non_maximum_suppression",
        *outputs,
        ("n", (None,), INT),
        boxes="%boxes",
        scores="%scores",
        iou_threshold=0.5,
        score_threshold=0.0,
        max_boxes=2**20,
    )
    return "n"


def older(make: Callable[[Draft], str]) -> Make:
    def build(folder: Path) -> Path:
        draft = Draft(opset="CoreML6")
        return draft.returns(make(draft)).write(folder)

    return build


MEMORY: dict[str, tuple[Make, str | None]] = {
    "fill": (single("fill", shape=[HUGE, HUGE], value=1.0), "."),
    "fill of any shape": (single("fill", (None, None), shape=[-1, 2], value=1.0), "negative"),
    "tile": (single("tile", x="%x", reps=[HUGE]), "."),
    "broadcast": (outer("add"), LARGER),
    "comparison": (outer("less"), LARGER),
    "outer product": (outer("matmul"), "."),
    "concat": (doubling("concat"), LARGER),
    "stack": (doubling("stack"), LARGER),
    "values that live on": (drafted(many_values), "MiB are (needed|free)"),
    "one blob many times": (drafted(many_constants, (2**21, FLOAT)), "MiB are needed"),
    "a weight file larger than the disk": (drafted(one_constant, (2**36, FLOAT)), "."),
    "a table of wide vectors": (drafted(wide_table, (2**20, DataType.UINT8)), LARGER),
    "many dequantized": (drafted(many_tables, (2**21, DataType.UINT8)), "MiB are needed"),
    "a list": (drafted(list_of_many), "between 0 and"),
    "a list written far away": (drafted(list_written_far_away), "between 0 and"),
    "a loop that grows": (drafted(endless_and_growing), LARGER),
    "a state": (huge_state, LARGER),
    "a default": (huge_default, LARGER),
    "a default of a pipeline": (huge_default_of_a_pipeline, LARGER),
}
TIME: dict[str, tuple[Make, str | None]] = {
    "a loop": (drafted(endless), "does not end within"),
    "a loop in a loop": (drafted(endless_in_endless), "does not end within"),
    "a slow loop": (drafted(endless_and_slow), "does not end within"),
    "a long chain of views": (drafted(long_chain), None),
    "many blocks among many names": (drafted(many_blocks), None),
    "many parameters": (drafted(many_parameters), None),
    "a name without end": (drafted(long_name), "is not implemented"),
    "a long sequence": (drafted(long_sequence), "between 0 and"),
    "a convolution of everything with everything": (drafted(much_work), "steps are more"),
    "boxes upon boxes": (older(many_boxes), "steps are more"),
}
