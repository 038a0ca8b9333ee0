"""A package that no export of ours made, as something to be measured.

description ──▶ seeded pictures and numbers ──▶ job
program ──executed here in float32──▶ reference (or the reason why there is none)
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mobiledeploy.campaign.bare_model import bare_content
from mobiledeploy.campaign.content import Prepared, job_sample, package_content
from mobiledeploy.campaign.foreign_reference import Executed, execute
from mobiledeploy.campaign.foreign_sizes import Form, forms, sizes_taken
from mobiledeploy.campaign.sizes import ChosenSizes, Size, size_text
from mobiledeploy.campaign.subject import Subject
from mobiledeploy.errors import PackageError, UnsupportedError
from mobiledeploy.mil.description import Feature, Interface, read_interfaces
from mobiledeploy.mil.package import open_package
from mobiledeploy.mil.reader import parse_any_model
from mobiledeploy.parity.pixels import is_picture
from mobiledeploy.parity.samples import parity_samples
from mobiledeploy.parity.unrounded import input_spec

if TYPE_CHECKING:
    from mobiledeploy.progress import Progress
    from mobiledeploy.records import InputSpec, PackageContent
    from mobiledeploy.server.blobs import Blobs

__all__ = ["SUFFIXES", "ForeignPackage", "open_foreign", "prepare_foreign"]

SUFFIXES = (".mlpackage", ".mlmodel", ".mlmodelc", ".zip")
"""Of what is one of Core ML's models, or is given in its place and refused with the reason."""


@dataclass(frozen=True)
class ForeignPackage:
    """`forms`: the sizes to measure it at, each with the function that takes it. `functions`: all that it has."""

    path: Path
    forms: tuple[Form, ...]
    functions: tuple[str, ...] = ()


def open_foreign(path: Path, chosen: ChosenSizes) -> ForeignPackage:
    """The package at `path`, not yet executed.

    Raises PackageError if it is missing or damaged, InputError for a size that it does not take, UnsupportedError for
    what the app on a phone could not measure: a model with a state, with inputs that are neither arrays nor pictures,
    or with code of its own.
    """
    package = open_package(path)
    message = parse_any_model(package.read_model(), str(path))
    _refuse_kind(message.WhichOneof("Type"), path)
    interfaces = read_interfaces(message.description)
    taken = sizes_taken(interfaces)
    found = forms(interfaces, chosen.of(path.name, taken))
    for form in found:
        _check(form.interface, path)
    return ForeignPackage(path, found, tuple(interface.function for interface in interfaces))


def _refuse_kind(kind: str, path: Path) -> None:
    if kind == "customModel":
        what = f"{path.name} is a custom model, whose code is in another app"
        raise UnsupportedError(what, where=str(path), remedy="Only that app can measure it.")
    if kind == "mlProgram" and path.is_file():
        what = f"{path.name} is an ML Program without the folder around it"
        raise PackageError(what, where=str(path), remedy="Give the .mlpackage: its weights are files of their own.")


def _check(interface: Interface, path: Path) -> None:
    if interface.states:
        names = ", ".join(state.name for state in interface.states)
        what = f"{path.name} keeps a state ({names}), and the app predicts without one"
        raise UnsupportedError(what, where=str(path), remedy="Measure a model without a state.")
    for feature in _required(interface):
        if feature.kind not in ("image", "multiarray"):
            what = f"input `{feature.name}` of {path.name} is a {_WORDS.get(feature.kind, feature.kind)}"
            raise UnsupportedError(what, where=str(path), remedy="The app gives models arrays and pictures only.")
        if not feature.default_shape:
            what = f"input `{feature.name}` of {path.name} declares no shape, so that nothing can be made for it"
            raise UnsupportedError(
                what, where=str(path), remedy="Convert the model again, with the shapes of its inputs."
            )


_WORDS = {"int64": "whole number", "double": "number", "string": "text"}


def _required(interface: Interface) -> list[Feature]:
    return [feature for feature in interface.inputs if not feature.optional]


def prepare_foreign(package: ForeignPackage, blobs: Blobs, progress: Progress) -> tuple[Prepared, ...]:
    """The package at each of its sizes, on seeded pictures and numbers. It is executed here for its reference outputs;
    where it cannot be, it is measured without parity, and the subject says why. Raises PackageError."""
    path = package.path
    if len(package.functions) > 1 and package.forms[0].function is None:
        names = ", ".join(package.functions)
        progress.note(f"{path.name} has the functions {names}: the first, its default one, is measured")
    content = bare_content(path, blobs) if path.is_file() else package_content(path, blobs)
    return tuple(_at_size(path, content, form, blobs, progress) for form in package.forms)


def _at_size(path: Path, content: PackageContent, form: Form, blobs: Blobs, progress: Progress) -> Prepared:
    specs = tuple(_spec(feature, form.size) for feature in _required(form.interface))
    samples = parity_samples(specs)
    progress.step(f"Executing {path.name}{f' at {size_text(form.size)}' if form.size else ''}")
    subject = _subject(path, specs, form.size, execute(path, form.function, specs, samples, blobs))
    named = {spec.name: spec for spec in specs}
    return Prepared(content, tuple(job_sample(sample, named, blobs) for sample in samples), form.function, subject)


def _spec(feature: Feature, size: Size | None) -> InputSpec:
    spec = input_spec(feature)
    if size is None or not is_picture(spec) or not (feature.enumerated or feature.ranges):
        return spec
    return replace(spec, shape=(*spec.shape[:2], *size))


def _subject(path: Path, specs: tuple[InputSpec, ...], size: Size | None, executed: Executed) -> Subject:
    pictures = tuple((spec.shape[-2], spec.shape[-1]) for spec in specs if is_picture(spec))
    counts = Counter(executed.labels)
    return Subject(
        model=path.stem,
        precision=executed.precision,
        bar_db=executed.bar_db,
        resolution=pictures[0][0] if pictures else None,
        reference=executed.reference,
        sizes=pictures,
        labels=len(executed.labels),
        distinct_classes=tuple(index for index, label in enumerate(executed.labels) if counts[label] == 1),
        size=size,
        reference_of="package",
        no_reference=executed.reason,
    )
