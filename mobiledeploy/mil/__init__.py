"""Execution of Core ML's ML Programs on any operating system.

`load` reads the package's protobuf and weight files itself; nothing here comes from a converter.
`enable_coremltools_predict` gives coremltools' own `MLModel` this executor where Core ML is not.
"""

from mobiledeploy.mil.coremltools_predict import enable_coremltools_predict
from mobiledeploy.mil.description import Feature
from mobiledeploy.mil.loading import load
from mobiledeploy.mil.model import Model
from mobiledeploy.mil.program import Operation
from mobiledeploy.mil.state import State

__all__ = ["Feature", "Model", "Operation", "State", "enable_coremltools_predict", "load"]
