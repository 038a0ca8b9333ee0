"""Programs that no converter would write: nesting, absurd sizes, every operator misused. Answers as in hostile.py."""

from __future__ import annotations

from pathlib import Path

from draft import FLOAT, Draft, set_type, set_value
from hostile import ANY, LARGER, Make, drafted, single

from mobiledeploy.mil.registry import REGISTRY


def deep_blocks(draft: Draft) -> str:
    block = draft.block
    for index in range(22):
        operation = block.operations.add(type="cond")
        argument = operation.inputs["pred"].arguments.add()
        set_value(argument.value, True)
        set_type(operation.outputs.add(name=f"y{index}").type, (4,))
        block.outputs.append(f"y{index}")
        operation.blocks.add().outputs.append("x")
        block = operation.blocks.add()
    block.outputs.append("x")
    del draft.block.outputs[:]
    return "y0"


def deep_type(draft: Draft) -> str:
    kind = draft.add("identity", x="%x").outputs.add(name="y").type
    for _ in range(40):
        kind = kind.listType.type
    set_type(kind, (4,))
    return "y"


def absurd_beside_nothing(draft: Draft) -> str:
    draft.add("const", ("c", (2**62, 0), FLOAT))
    value = draft.block.operations[-1].attributes["val"]
    set_type(value.type, (2**62, 0))
    value.immediateValue.tensor.floats.values.extend([])
    draft.add("add", ("y", (2**62, 0), FLOAT), x="%c", y="%c")
    return "y"


STRUCTURE: dict[str, tuple[Make, str | None]] = {
    "deep blocks": (drafted(deep_blocks), None),
    "deep types": (drafted(deep_type), None),
    "an absurd size beside a size of zero": (drafted(absurd_beside_nothing), LARGER),
    "a name with zero bytes": (single("relu\0\n", x="%x"), r"'relu\\x00\\n' is not implemented"),
}


def misuse(name: str, arity: int, **arguments) -> Make:
    def make(folder: Path) -> Path:
        draft = Draft((1, 2, 4, 4))
        draft.add(name, *((f"y{index}", (None,), FLOAT) for index in range(arity)), **arguments)
        return draft.returns(*(f"y{index}" for index in range(arity)), *(() if arity else ("x",))).write(folder)

    return make


# every operator without arguments, and with the wrong kind of each and too few or too many results
_PARAMETERS = (
    "x",
    "data",
    "values",
    "input",
    "indices",
    "shape",
    "axis",
    "axes",
    "k",
    "mode",
    "weight",
    "begin",
    "end",
)
for operator in REGISTRY:
    STRUCTURE[f"{operator} of nothing"] = (misuse(operator, 1), ANY)
    STRUCTURE[f"{operator} of strings"] = (misuse(operator, 1, **dict.fromkeys(_PARAMETERS, "?")), ANY)
    STRUCTURE[f"{operator} without results"] = (misuse(operator, 0, x="%x", **dict.fromkeys(_PARAMETERS[1:], -7)), ANY)
    STRUCTURE[f"{operator} with nine results"] = (misuse(operator, 9, **dict.fromkeys(_PARAMETERS, "%x")), ANY)
