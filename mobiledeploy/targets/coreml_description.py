"""What a package says of itself: metadata, provenance, the names of its outputs."""

from __future__ import annotations

from typing import Any

from mobiledeploy.targets.target import ConversionOptions, public_version

__all__ = ["describe"]

_FIELDS = {
    "author": "author",
    "license": "license",
    "version": "versionString",
    "short_description": "shortDescription",
}
# Written by coremltools: the day of the conversion, and the build of torch with its local suffix, e.g. 2.13.0+cu130.
_DATE = "com.github.apple.coremltools.conversion_date"
_SOURCE = "com.github.apple.coremltools.source"


def describe(specification: Any, options: ConversionOptions) -> None:
    """Completes `specification` (a Core ML Model message) in place, and takes out what changes from day to day and
    from machine to machine."""
    metadata = specification.description.metadata
    provenance = dict(metadata.userDefined)
    provenance.pop(_DATE, None)
    provenance[_SOURCE] = public_version(provenance[_SOURCE])
    metadata.userDefined.clear()
    for key, value in {**provenance, **options.metadata}.items():
        if key in _FIELDS:
            setattr(metadata, _FIELDS[key], value)
        else:
            metadata.userDefined[key] = value
    _rebuild_build_info(specification, provenance)


def _rebuild_build_info(specification: Any, provenance: dict[str, str]) -> None:
    """The program repeats the provenance in its `buildInfo` attribute: keep the pairs that `provenance` has."""
    pairs = specification.mlProgram.attributes["buildInfo"].immediateValue.dictionary.values
    for index in reversed(range(len(pairs))):
        (key,) = pairs[index].key.immediateValue.tensor.strings.values
        if key in provenance:
            pairs[index].value.immediateValue.tensor.strings.values[:] = [provenance[key]]
        else:
            del pairs[index]
