"""The graph that everything after capture works on.

One `torch.fx.GraphModule` over canonical, functional ATen operators: placeholders are the model's inputs and nothing
else, every weight and constant is a `get_attr` of a flat name, there is one `output` node with a flat tuple. Each
tensor node carries `meta["val"]` (a fake tensor: shape and dtype), and, where capture knew it, `meta["stack_trace"]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import fx

if TYPE_CHECKING:
    from mobiledeploy.records import InputSpec

__all__ = ["Program"]


@dataclass(frozen=True)
class Program:
    """`inputs`: one spec per placeholder, in order. `outputs`: one name per element of the output tuple.
    `capture`: how the graph was taken, e.g. "torch.export (non-strict)"."""

    graph_module: fx.GraphModule
    inputs: tuple[InputSpec, ...]
    outputs: tuple[str, ...]
    capture: str

    @property
    def graph(self) -> fx.Graph:
        return self.graph_module.graph

    def constant(self, node: fx.Node) -> torch.Tensor:
        """The tensor behind a `get_attr` node."""
        assert node.op == "get_attr"
        assert isinstance(node.target, str)
        value = getattr(self.graph_module, node.target)
        assert isinstance(value, torch.Tensor)
        return value
