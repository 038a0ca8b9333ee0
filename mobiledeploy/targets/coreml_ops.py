"""Translations of ATen operators that coremltools lacks or gets wrong on its ExportedProgram route."""

from __future__ import annotations

from typing import Any

from coremltools.converters.mil import Builder as mb  # noqa: N813 - its name in all of coremltools
from coremltools.converters.mil.frontend.torch import register_torch_op

__all__: list[str] = []


@register_torch_op(override=True)  # type: ignore[untyped-decorator]
def gelu(context: Any, node: Any) -> None:
    """gelu(x, *, approximate). coremltools drops the keyword, so that tanh became exact (its issue #2863)."""
    (approximate,) = (node.kwinputs or {}).get("approximate", ("none",))
    mode = "TANH_APPROXIMATION" if approximate == "tanh" else "EXACT"
    context.add(mb.gelu(x=context[node.inputs[0]], mode=mode, name=node.name))
