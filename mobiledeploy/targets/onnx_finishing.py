"""An ONNX graph that came from elsewhere, as a file of ours: named, described, checked.

ModelProto with any names ──rename──▶ ──describe──▶ ──check──▶ bytes
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx

from mobiledeploy.errors import TargetError
from mobiledeploy.targets.onnx_conversion import check_graph
from mobiledeploy.targets.onnx_description import describe
from mobiledeploy.targets.onnx_names import rename
from mobiledeploy.targets.target import ConversionOptions

__all__ = ["finished"]


def finished(graph: bytes, inputs: Sequence[str], outputs: Sequence[str], metadata: Mapping[str, str]) -> bytes:
    """The graph, a serialized ModelProto, with its inputs and outputs called as given, in their order, and with
    `metadata` in the place of what it said of itself. The same arguments give the same bytes.

    Raises TargetError if the graph is not valid by the standard or has another number of inputs or outputs.
    """
    model = onnx.ModelProto.FromString(graph)
    found = ([value.name for value in model.graph.input], [value.name for value in model.graph.output])
    if (len(found[0]), len(found[1])) != (len(inputs), len(outputs)):
        raise TargetError(
            f"the ONNX graph has {len(found[0])} inputs and {len(found[1])} outputs, "
            f"the program {len(inputs)} and {len(outputs)}",
            remedy="Leave out the inputs that the model does not use.",
        )
    rename(model, dict(zip((*found[0], *found[1]), (*inputs, *outputs), strict=True)))
    describe(model, ConversionOptions(metadata=metadata))
    check_graph(model)
    return bytes(model.SerializeToString(deterministic=True))
