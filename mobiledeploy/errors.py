"""Every error a user can meet, as one tree.

    MobileDeployError            1  our bug, unless a subclass says otherwise
    ├── InternalError            1  an invariant of ours does not hold: please report it
    ├── InputError               2  bad input or usage
    │   ├── UnknownModelError    2  no source offers a model of that name
    │   ├── FactoryError         2  the user's factory cannot be imported, raises, or returns no module
    │   ├── CheckpointError      2  a weights file cannot be read or does not fit the model
    │   ├── ImageError           2  a picture cannot be read
    │   ├── PackageError         2  a folder or file is no package of ours, or a damaged one
    │   ├── LabelsError          2  the class labels cannot be read or do not fit the outputs
    │   └── OutputError          2  the result cannot be written where it was asked for
    ├── ConversionError          3  the model cannot be captured or converted
    │   ├── CaptureError         3  torch cannot turn the model into a graph
    │   ├── TargetError          3  a converter refuses the graph
    │   │   └── RankError        3  a value has more axes than the target's tensors can have
    │   └── UnsupportedError     3  an operator, format or combination nobody has implemented
    ├── ParityError              4  the converted model does not equal the original
    └── HostError                5  host, device or network

Each error carries `what` is wrong, `where`, and the `remedy`; the command line prints exactly those, and leaves
with `exit_code`. 130 is kept for an interrupt.
"""

from __future__ import annotations

__all__ = [
    "EXIT_INTERRUPTED",
    "CaptureError",
    "CheckpointError",
    "ConversionError",
    "FactoryError",
    "HostError",
    "ImageError",
    "InputError",
    "InternalError",
    "LabelsError",
    "MobileDeployError",
    "OutputError",
    "PackageError",
    "ParityError",
    "RankError",
    "TargetError",
    "UnknownModelError",
    "UnsupportedError",
]

EXIT_INTERRUPTED = 130


class MobileDeployError(Exception):
    """Base of the tree.

    Args:
        what: one sentence, what is wrong; names the offending value.
        where: the file, argument, module, operator or source line it is about.
        remedy: what the reader can do about it.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | None = None, remedy: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        where = f" ({self.where})" if self.where else ""
        remedy = f" {self.remedy}" if self.remedy else ""
        return f"{self.what}{where}{remedy}"


class InternalError(MobileDeployError):
    """An invariant of ours does not hold: a bug of mobiledeploy."""


class InputError(MobileDeployError):
    """Bad input or usage."""

    exit_code = 2


class UnknownModelError(InputError):
    """No source offers a model of that name."""


class FactoryError(InputError):
    """The user's factory cannot be imported, raises, or returns no `nn.Module`."""


class CheckpointError(InputError):
    """A weights file cannot be read or does not fit the model."""


class ImageError(InputError):
    """A picture cannot be read."""


class PackageError(InputError):
    """A folder or file is no package of ours, or a damaged one."""


class LabelsError(InputError):
    """The class labels cannot be read or do not fit the outputs."""


class OutputError(InputError):
    """The result cannot be written where it was asked for."""


class ConversionError(MobileDeployError):
    """The model cannot be captured or converted."""

    exit_code = 3


class CaptureError(ConversionError):
    """torch cannot turn the model into a graph."""


class TargetError(ConversionError):
    """A converter refuses the graph."""


class RankError(TargetError):
    """A value has more axes than the target's tensors can have."""


class UnsupportedError(ConversionError):
    """An operator, format or combination nobody has implemented."""


class ParityError(MobileDeployError):
    """The converted model does not equal the original. `psnr_db`: the worst of its outputs, if one was measured."""

    exit_code = 4

    def __init__(
        self, what: str, *, where: str | None = None, remedy: str | None = None, psnr_db: float | None = None
    ) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.psnr_db = psnr_db


class HostError(MobileDeployError):
    """Host, device or network."""

    exit_code = 5
