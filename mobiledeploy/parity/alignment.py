"""Which value of an ATen program is which value of the ML Program that was converted from it.

coremltools names the operator that ends the translation of an fx node after the node; operators in between get names
of their own (`softmax_0`), which no node has. Its fp16 pass then adds `_cast_fp16`; of an operator with several outputs
the index comes last:

    fx node                      ML Program value
    conv2d_3                     conv2d_3, conv2d_3_cast_fp16
    unbind_8, a list of three    unbind_8_0 .. unbind_8_2, unbind_8_cast_fp16_0 .. unbind_8_cast_fp16_2
    whatever the program returns its output names, e.g. logits
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from mobiledeploy.aten.evaluate import evaluate
from mobiledeploy.aten.graph import output_node

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program

__all__ = ["aligned_values"]

_CAST = re.compile(r"_cast_(fp|int|uint)\d+")


def aligned_values(
    program: Program, inputs: tuple[torch.Tensor, ...], names: Iterable[str]
) -> tuple[dict[str, torch.Tensor], dict[str, fx.Node]]:
    """Runs `program` in float32 on `inputs`. For each of its inputs, and each of the ML Program's value `names` that
    stems from one of its nodes: the node's value, and the node."""
    wanted = _by_plain_name(names)
    returned: dict[fx.Node, list[str]] = {}
    results: Any = output_node(program.graph).args[0]
    for name, result in zip(program.outputs, results, strict=True):
        returned.setdefault(result, []).append(name)
    values: dict[str, torch.Tensor] = {}
    nodes: dict[str, fx.Node] = {}

    def keep(node: fx.Node, value: Any) -> None:
        if node.op == "placeholder":
            values[str(node.target)], nodes[str(node.target)] = value, node
        if node.op != "call_function":
            return
        for plain, tensor in _tensors(node, value):
            for name in (*wanted.get(plain, ()), *returned.get(node, ())):
                values[name], nodes[name] = tensor, node

    evaluate(program, inputs, dtype=torch.float32, listener=keep)
    return values, nodes


def _by_plain_name(names: Iterable[str]) -> Mapping[str, list[str]]:
    plain: dict[str, list[str]] = {}
    for name in names:
        plain.setdefault(_CAST.sub("", name), []).append(name)
    return plain


def _tensors(node: fx.Node, value: Any) -> Iterable[tuple[str, torch.Tensor]]:
    if isinstance(value, torch.Tensor):
        return [(node.name, value)]
    elements = value if isinstance(value, tuple | list) else ()
    return [(f"{node.name}_{i}", item) for i, item in enumerate(elements) if isinstance(item, torch.Tensor)]
