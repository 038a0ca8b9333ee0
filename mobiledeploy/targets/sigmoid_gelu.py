"""The sigmoid form of GELU, for which ATen has no operator and Core ML has one.

    x ── mul 1.702 ── sigmoid ── mul x    ──▶    gelu(x, approximate="sigmoid")

(Hendrycks and Gimpel 2016, arXiv:1606.08415, section 2; CLIP's QuickGELU.) What comes out is for coremltools alone:
torch's own gelu does not know the form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import fx

from mobiledeploy.aten.graph import aten, is_call, remove_dead, shape

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program

__all__ = ["fuse_sigmoid_gelu"]

# A factor that was stored as float32 is 1.702 to one part in 2^24.
_FACTOR, _TOLERANCE = 1.702, 1e-7


def fuse_sigmoid_gelu(program: Program) -> Program:
    """`program`, its graph changed in place."""
    for node in program.graph.nodes:
        source = _source(program, node)
        if source is not None:
            node.target, node.args, node.kwargs = aten.gelu.default, (source,), {"approximate": "sigmoid"}
    remove_dead(program.graph_module)
    program.graph.lint()
    return program


def _source(program: Program, node: fx.Node) -> fx.Node | None:
    """x, where `node` is x · sigmoid(1.702 x) in any order of factors and nothing else reads its parts."""
    for x, gate in _factors(node):
        if is_call(gate, aten.sigmoid.default) and len(gate.users) == 1:
            scaled: Any = gate.args[0]
            if is_call(scaled, aten.mul) and len(scaled.users) == 1 and _is_scaled(program, scaled, x):
                return x
    return None


def _factors(node: fx.Node) -> tuple[tuple[fx.Node, fx.Node], ...]:
    if not is_call(node, aten.mul.Tensor):
        return ()
    first, second = node.args
    if not isinstance(first, fx.Node) or not isinstance(second, fx.Node):
        return ()
    return ((first, second), (second, first)) if shape(first) == shape(second) else ()


def _is_scaled(program: Program, node: fx.Node, x: fx.Node) -> bool:
    first, second = node.args
    factor = second if first is x else first if second is x else None
    if isinstance(factor, fx.Node):
        if factor.op != "get_attr" or program.constant(factor).numel() != 1:
            return False
        factor = program.constant(factor).item()
    return isinstance(factor, float) and abs(factor - _FACTOR) <= _TOLERANCE * _FACTOR
