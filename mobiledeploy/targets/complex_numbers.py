"""Complex numbers as two real ones: no phone's format has them.

    z = rfft2(x); irfft2(z * w)  ──▶  (x C, x S), real arithmetic on both parts, one real signal

An operator with a complex argument is replaced by real ones on the parts; what none of the rules below knows stays, and
the converter refuses it by name.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from mobiledeploy.aten.graph import add_constant, aten, call, replace_all_uses, shape
from mobiledeploy.targets.decomposition import decompose
from mobiledeploy.targets.fourier import Complex, inverse_to_real, normalization, transform

__all__ = ["make_real"]

# Applied to each part alone.
_PARTWISE = {
    aten.alias, aten.cat, aten.clone, aten.contiguous, aten.detach, aten.diff, aten.expand, aten.flip, aten.index,
    aten.index_select, aten.mean, aten.movedim, aten.narrow, aten.neg, aten.permute, aten.repeat, aten.reshape,
    aten.roll, aten.select, aten.slice, aten.squeeze, aten.stack, aten.sum, aten.transpose, aten.unsqueeze, aten.view,
}  # fmt: skip


_OF_NUMBERS = {aten.add.Tensor: operator.add, aten.mul.Tensor: operator.mul, aten.sub.Tensor: operator.sub}


def make_real(module: fx.GraphModule, supported: Callable[[fx.Node], bool]) -> None:
    """Replaces every complex value of the graph by its two parts, in place: Fourier transforms of every name become
    torch's three primitives, then these and all arithmetic become real."""
    pending = [node for node in module.graph.nodes if node.op == "call_function" and _has_complex(node)]
    if not pending:
        return
    while pending:
        node = pending.pop()
        if str(node.target).startswith("aten.fft_"):
            pending += decompose(module, node, supported)
    _split_all(module)


def _has_complex(node: fx.Node) -> bool:
    """Whether the node makes or takes complex numbers."""
    return _is_complex(node) or any(_is_complex(source) for source in node.all_input_nodes)


def _split_all(module: fx.GraphModule) -> None:
    parts: dict[fx.Node, Complex] = {}
    for node in list(module.graph.nodes):
        if node.op == "get_attr" and _is_complex(node):
            parts[node] = _constant(module, node)
        elif node.op == "call_function" and _has_complex(node):
            _split(module, node, parts)
    for node in reversed(list(module.graph.nodes)):
        if node.op == "call_function" and not node.users and _has_complex(node):
            module.graph.erase_node(node)


def _is_complex(node: fx.Node) -> bool:
    value = node.meta.get("val")
    return isinstance(value, torch.Tensor) and value.is_complex()


def _constant(module: fx.GraphModule, node: fx.Node) -> Complex:
    value = getattr(module, str(node.target))
    with module.graph.inserting_after(node):
        imaginary = add_constant(module, value.imag.contiguous(), like=node, hint=f"{node.target}_imag")
        real = add_constant(module, value.real.contiguous(), like=node, hint=f"{node.target}_real")
    return real, imaginary


def _split(module: fx.GraphModule, node: fx.Node, parts: dict[fx.Node, Complex]) -> None:
    rule = _RULES.get(node.target)
    if rule is None and getattr(node.target, "overloadpacket", None) in _PARTWISE:
        rule = _partwise
    if rule is None or any(_is_complex(source) and source not in parts for source in node.all_input_nodes):
        return
    with module.graph.inserting_before(node):
        result = rule(_Site(module, node, parts))
    if result is NotImplemented:
        return
    if isinstance(result, fx.Node):
        replace_all_uses(node, result)
    else:
        parts[node] = result


@dataclass(frozen=True)
class _Site:
    """A node that is to be replaced, and what stands for complex nodes before it."""

    module: fx.GraphModule
    node: fx.Node
    parts: Mapping[fx.Node, Complex]

    @property
    def args(self) -> tuple[Any, ...]:
        return self.node.args

    def pair(self, value: Any) -> Any:
        """The two parts of an argument: a node, real or complex, or a number."""
        if isinstance(value, fx.Node):
            return self.parts.get(value, (value, None))
        return (value.real, value.imag or None) if isinstance(value, complex) else (value, None)

    def called(self, args: Any) -> fx.Node:
        """The node's own operator on other arguments."""
        made = self.module.graph.call_function(self.node.target, args, self.node.kwargs)  # type: ignore[arg-type]
        values, keywords = fx.node.map_arg((args, self.node.kwargs), lambda n: n.meta["val"])
        with self.node.meta["val"].fake_mode:
            made.meta = {**self.node.meta, "val": self.node.target(*values, **keywords)}  # type: ignore[operator]
        return made


def _partwise(at: _Site) -> Any:
    sources = [source for source in at.node.all_input_nodes if _is_complex(source)]
    without = [at.parts[source][1] is None for source in sources]
    if any(without) and not all(without):
        return NotImplemented
    real, imaginary = (
        fx.node.map_arg(at.args, lambda n: at.pair(n)[part] if _is_complex(n) else n)  # noqa: B023 - mapped at once
        for part in (0, 1)
    )
    return at.called(real), None if all(without) else at.called(imaginary)


class _Arithmetic:
    """Sums and products of parts, where None is zero; inserted at the graph's insert point."""

    def __init__(self, at: _Site) -> None:
        self.graph, self.like = at.module.graph, at.node

    def apply(self, target: Any, *args: Any) -> fx.Node:
        return call(self.graph, target, args, like=self.like)

    def mul(self, x: Any, y: Any) -> Any:
        return None if x is None or y is None else self._binary(aten.mul.Tensor, x, y)

    def add(self, x: Any, y: Any) -> Any:
        return (y if x is None else x) if x is None or y is None else self._binary(aten.add.Tensor, x, y)

    def sub(self, x: Any, y: Any) -> Any:
        return self.add(x, self.mul(y, -1.0)) if x is None or y is None else self._binary(aten.sub.Tensor, x, y)

    def _binary(self, target: Any, x: Any, y: Any) -> Any:
        if isinstance(x, fx.Node):
            return self.apply(target, x, y)
        if not isinstance(y, fx.Node):
            return _OF_NUMBERS[target](x, y)
        if target is aten.sub.Tensor:
            return self.apply(aten.add.Tensor, self.apply(aten.mul.Tensor, y, -1.0), x)
        return self.apply(target, y, x)


def _product(at: _Site) -> Any:
    math_ = _Arithmetic(at)
    (a, b), (c, d) = (at.pair(value) for value in at.args[:2])
    return math_.sub(math_.mul(a, c), math_.mul(b, d)), math_.add(math_.mul(a, d), math_.mul(b, c))


def _sum(at: _Site) -> Any:
    if at.node.kwargs.get("alpha", 1) != 1:
        return NotImplemented
    math_ = _Arithmetic(at)
    combine = math_.sub if at.node.target is aten.sub.Tensor else math_.add
    x, y = (at.pair(value) for value in at.args[:2])
    return combine(x[0], y[0]), combine(x[1], y[1])


def _quotient(at: _Site) -> Any:
    """(a + bi) / (c + di) = (a + bi)(c - di) / (c² + d²)"""
    math_ = _Arithmetic(at)
    (a, b), (c, d) = (at.pair(value) for value in at.args[:2])
    if d is None:
        return math_.apply(aten.div.Tensor, a, c), None if b is None else math_.apply(aten.div.Tensor, b, c)
    square = math_.add(math_.mul(c, c), math_.mul(d, d))
    real = math_.add(math_.mul(a, c), math_.mul(b, d))
    imaginary = math_.sub(math_.mul(b, c), math_.mul(a, d))
    return math_.apply(aten.div.Tensor, real, square), math_.apply(aten.div.Tensor, imaginary, square)


def _conjugate(at: _Site) -> Any:
    real, imaginary = at.pair(at.args[0])
    return real, _Arithmetic(at).mul(imaginary, -1.0)


def _real(at: _Site) -> Any:
    return at.pair(at.args[0])[0]


def _imaginary(at: _Site) -> Any:
    real, imaginary = at.pair(at.args[0])
    return imaginary if imaginary is not None else _Arithmetic(at).mul(real, 0.0)


def _magnitude(at: _Site) -> Any:
    math_ = _Arithmetic(at)
    real, imaginary = at.pair(at.args[0])
    if imaginary is None:
        return math_.apply(aten.abs.default, real)
    return math_.apply(aten.hypot.default, real, imaginary)


def _phase(at: _Site) -> Any:
    return _Arithmetic(at).apply(aten.atan2.default, _imaginary(at), at.pair(at.args[0])[0])


def _assembled(at: _Site) -> Any:
    return at.args[0], at.args[1]


def _polar(at: _Site) -> Any:
    math_ = _Arithmetic(at)
    radius, angle = at.args
    cosine, sine = math_.apply(aten.cos.default, angle), math_.apply(aten.sin.default, angle)
    return math_.mul(radius, cosine), math_.mul(radius, sine)


def _as_real(at: _Site) -> Any:
    real = at.pair(at.args[0])[0]
    return _Arithmetic(at).apply(aten.stack.default, [real, _imaginary(at)], -1)


def _as_complex(at: _Site) -> Any:
    math_ = _Arithmetic(at)
    return tuple(math_.apply(aten.select.int, at.args[0], -1, part) for part in (0, 1))


def _cast(at: _Site) -> Any:
    value = at.pair(at.args[0])
    return value if at.node.meta["val"].is_complex() else value[0]


def _from_real(at: _Site) -> Any:
    """_fft_r2c(x, dim, normalization, onesided): the last axis first, which is the one that is halved."""
    source, axes, mode, onesided = at.args
    sizes = [shape(source)[axis] for axis in axes]
    outputs = sizes[-1] // 2 + 1 if onesided else None
    scale = normalization(sizes, mode)
    value = transform(at.module, (source, None), axes[-1], inverse=False, scale=scale, outputs=outputs)
    for axis in axes[:-1]:
        value = transform(at.module, value, axis, inverse=False)
    return value


def _from_complex(at: _Site) -> Any:
    """_fft_c2c(x, dim, normalization, forward)"""
    source, axes, mode, forward = at.args
    value = at.pair(source)
    scale = normalization([shape(source)[axis] for axis in axes], mode)
    for axis in axes:
        value, scale = transform(at.module, value, axis, inverse=not forward, scale=scale), 1.0
    return value


def _to_real(at: _Site) -> Any:
    """_fft_c2r(x, dim, normalization, last_dim_size): the last axis last."""
    source, axes, mode, size = at.args
    value = at.pair(source)
    sizes = [shape(source)[axis] for axis in axes[:-1]] + [size]
    for axis in axes[:-1]:
        value = transform(at.module, value, axis, inverse=True)
    return inverse_to_real(at.module, value, axes[-1], size, normalization(sizes, mode))


Rule = Callable[[_Site], Any]

_RULES: dict[Any, Rule] = {
    aten._conj.default: _conjugate,
    aten._conj_physical.default: _conjugate,
    aten._fft_c2c.default: _from_complex,
    aten._fft_c2r.default: _to_real,
    aten._fft_r2c.default: _from_real,
    aten._to_copy.default: _cast,
    aten.abs.default: _magnitude,
    aten.add.Tensor: _sum,
    aten.angle.default: _phase,
    aten.complex.default: _assembled,
    aten.conj.default: _conjugate,
    aten.conj_physical.default: _conjugate,
    aten.div.Tensor: _quotient,
    aten.imag.default: _imaginary,
    aten.mul.Tensor: _product,
    aten.polar.default: _polar,
    aten.real.default: _real,
    aten.resolve_conj.default: _cast,
    aten.resolve_neg.default: _cast,
    aten.sub.Tensor: _sum,
    aten.to.dtype: _cast,
    aten.view_as_complex.default: _as_complex,
    aten.view_as_real.default: _as_real,
}
