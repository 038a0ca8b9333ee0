"""One model converted at one size: its Core ML Model message, taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mobiledeploy.targets.coreml_messages import array_of, shape_of

if TYPE_CHECKING:
    import numpy as np

    from mobiledeploy.targets.coreml_blobs import BlobFile
    from mobiledeploy.targets.coreml_messages import Shape
    from mobiledeploy.targets.size_expressions import Size

__all__ = ["Variant", "read_variant"]


@dataclass(frozen=True, eq=False)
class Variant:
    """`constants`: the `const` operations by the name of their value. `operations`: the others, in order. `types`: the
    ValueType of every value, inputs of the function included."""

    size: Size
    specification: Any
    blobs: BlobFile | None
    function: Any
    block: Any
    constants: dict[str, Any]
    operations: tuple[Any, ...]
    types: dict[str, Any]

    def shape(self, name: str) -> Shape:
        return shape_of(self.types[name])

    def array(self, name: str) -> np.ndarray | None:
        """The constant `name`; None if it is a string or a list."""
        return array_of(self.constants[name].attributes["val"], self.blobs)

    def content(self, name: str) -> bytes:
        """Equal exactly where the constants are: their type and their elements."""
        value = self.constants[name].attributes["val"]
        if not value.HasField("blobFileValue"):
            return bytes(value.SerializeToString(deterministic=True))
        assert self.blobs is not None
        return bytes(value.type.SerializeToString(deterministic=True)) + bytes(
            self.blobs.blob(value.blobFileValue.offset)[2]
        )


def read_variant(size: Size, specification: Any, blobs: BlobFile | None) -> Variant:
    """The one function of `specification`, as coremltools has converted it."""
    (function,) = specification.mlProgram.functions.values()
    (block,) = function.block_specializations.values()
    types = {value.name: value.type for value in function.inputs}
    types |= {output.name: output.type for operation in block.operations for output in operation.outputs}
    constants = {o.outputs[0].name: o for o in block.operations if o.type == "const"}
    operations = tuple(o for o in block.operations if o.type != "const")
    return Variant(size, specification, blobs, function, block, constants, operations, types)
