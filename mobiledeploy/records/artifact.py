"""`manifest.json`: what an exported folder holds, where it came from and what was proven of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from mobiledeploy.records.parity import ParityReport
from mobiledeploy.records.rewrite import RewriteLog
from mobiledeploy.records.source import InputSpec, SourceRecord

__all__ = ["ExportOptions", "Manifest"]


@dataclass(frozen=True)
class ExportOptions:
    """What an export was asked for, as far as it can change the bytes of the result."""

    targets: tuple[str, ...] = ("coreml",)
    weights: str = "auto"
    resolution: tuple[int, int] | None = None
    precision: Literal["float16", "float32"] = "float16"
    deployment_target: str = "iOS16"
    input_type: Literal["image", "tensor"] | None = None
    labels: str | None = None
    skip: tuple[str, ...] = ()
    substitute: tuple[str, ...] = ()
    min_psnr: float | None = None
    seed: int = 0


@dataclass(frozen=True)
class Manifest:
    """`files`: SHA-256 of every other file of the folder, by relative path. `versions`: of every library that shapes
    the bytes. `capture`: how the graph was taken (export, non-strict export, trace)."""

    schema: ClassVar[str] = "mobiledeploy.manifest/1"
    name: str
    source: SourceRecord
    options: ExportOptions
    inputs: tuple[InputSpec, ...]
    outputs: tuple[str, ...]
    capture: str
    rewrite: RewriteLog
    parity: tuple[ParityReport, ...]
    versions: Mapping[str, str]
    files: Mapping[str, str]
