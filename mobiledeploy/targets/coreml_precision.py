"""The types that coremltools computes in: float16, float32, or float16 but for some operators.

    float16     x ──cast──▶ conv16 ──▶ matmul16 ──cast──▶ y
    mixed       x ──cast──▶ conv16 ──cast──▶ matmul32 ──▶ y     the matmul and its weights stay as they are

coremltools asks for each operator, after its fusions, whether to make it float16. Operators are known by the name of
their first value, which it gives in the same way in every conversion of one program.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mobiledeploy.errors import InternalError
from mobiledeploy.targets.coreml_library import ct

if TYPE_CHECKING:
    from mobiledeploy.targets.target import ConversionOptions, Mixture

__all__ = ["compute_precision"]

_PRECISIONS = {"float16": ct.precision.FLOAT16, "float32": ct.precision.FLOAT32}


@contextmanager
def compute_precision(options: ConversionOptions) -> Iterator[Any]:
    """What to give `coremltools.convert` as its precision, for one conversion.

    Raises InternalError where an operator that was to be kept was never met.
    """
    if options.mixture is None:
        yield _PRECISIONS[options.precision]
        return
    selector = _Selector(options.mixture)
    yield ct.transform.FP16ComputePrecision(op_selector=selector)
    if isinstance(options.mixture.kept, frozenset):
        missing = sorted(options.mixture.kept - selector.met)
        if missing:
            raise InternalError(f"the program has no operator {', '.join(missing)} to keep in float32")


class _Selector:
    """Whether an operator becomes float16. `met`: the names of all that were asked for."""

    def __init__(self, mixture: Mixture) -> None:
        self.mixture = mixture
        self.met: set[str] = set()

    def __call__(self, operation: Any) -> bool:
        self.met.add(operation.outputs[0].name)
        return not self._is_kept(operation)

    def _is_kept(self, operation: Any) -> bool:
        name = operation.outputs[0].name
        if name in self.mixture.kept or name in self.mixture.rounded:
            return name in self.mixture.kept
        readers = [reader for output in operation.outputs for reader in output.child_ops]
        return all(map(self._is_kept, readers))
