"""coremltools with our translations, imported silently and without what it would load only to see if it is there."""

from __future__ import annotations

from mobiledeploy.targets.lean_import import not_installed
from mobiledeploy.targets.quiet import silenced

_UNUSED = ("executorch", "libsvm", "sklearn", "tensorflow", "torchao", "torchaudio", "transformers", "xgboost")
with silenced("coremltools"), not_installed(*_UNUSED):
    import coremltools as ct
    from coremltools.converters.mil.frontend.torch import is_torch_fx_node_supported
    from coremltools.converters.mil.mil.ops.registry import SSAOpRegistry

    from mobiledeploy.targets import coreml_activations, coreml_ops, coreml_recurrent  # noqa: F401 - they register our translations

__all__ = ["SSAOpRegistry", "ct", "is_torch_fx_node_supported"]
