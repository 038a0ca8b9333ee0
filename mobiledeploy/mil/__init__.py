"""Execution of Core ML's ML Programs on any operating system.

`load` reads the package's protobuf and weight files itself; nothing here comes from a converter.
"""

from mobiledeploy.mil.description import Feature
from mobiledeploy.mil.loading import load
from mobiledeploy.mil.model import Model
from mobiledeploy.mil.program import Operation
from mobiledeploy.mil.state import State

__all__ = ["Feature", "Model", "Operation", "State", "load"]
