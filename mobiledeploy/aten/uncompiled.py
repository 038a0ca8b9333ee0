"""Graph modules whose Python code is generated when somebody calls them, and that is never.

A Program is interpreted, edited and exported. Generating and compiling the code of every intermediate graph took 60 ms
of the 540 ms of `torch.export.export(fastvit_t8)`, and as much again in our own copies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.fx._lazy_graph_module import _make_graph_module, _use_lazy_graph_module

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import torch
    from torch import fx

__all__ = ["graph_module", "without_code"]


def without_code() -> AbstractContextManager[None]:
    """Within it torch makes lazy graph modules too."""
    return _use_lazy_graph_module(True)


def graph_module(root: torch.nn.Module, graph: fx.Graph) -> fx.GraphModule:
    """A GraphModule of `graph` with the attributes of `root` that it reads."""
    with without_code():
        return _make_graph_module(root, graph)
