"""What a model says of its inputs, outputs and states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mobiledeploy.errors import InputError, PackageError

__all__ = ["Feature", "Interface", "read_interfaces"]

Kind = Literal["image", "multiarray", "dictionary", "string", "int64", "double", "sequence", "state"]

_KINDS: dict[str, Kind] = {
    "int64Type": "int64",
    "doubleType": "double",
    "stringType": "string",
    "imageType": "image",
    "multiArrayType": "multiarray",
    "dictionaryType": "dictionary",
    "sequenceType": "sequence",
    "stateType": "state",
}
# ArrayFeatureType.ArrayDataType and ImageFeatureType.ColorSpace of FeatureTypes.proto
_ARRAY_DTYPES = {65568: "float32", 65600: "float64", 131104: "int32", 131080: "int8", 65552: "float16"}
_COLORS = {10: "GRAYSCALE", 20: "RGB", 30: "BGR", 40: "GRAYSCALE_FLOAT16"}


@dataclass(frozen=True)
class Feature:
    """One input, output or state.

    `shape`: of a multiarray or state as declared, of an image (height, width, 3) or (height, width). `dtype`: NumPy's
    name of the elements. `color`: how an image's channels reach the program: RGB, BGR, GRAYSCALE or GRAYSCALE_FLOAT16.
    `default`: what an optional input holds when it is not given. `enumerated`: the only shapes allowed; `ranges`: per
    axis the smallest and largest size allowed, None for no limit; both empty where only `shape` is.
    """

    name: str
    kind: Kind
    shape: tuple[int, ...] = ()
    dtype: str | None = None
    color: str | None = None
    optional: bool = False
    default: float | None = None
    enumerated: tuple[tuple[int, ...], ...] = ()
    ranges: tuple[tuple[int, int | None], ...] = ()

    @property
    def default_shape(self) -> tuple[int, ...]:
        """The declared shape, or the smallest one allowed where none is declared; empty where nothing is."""
        if self.shape and min(self.shape) > 0:
            return self.shape
        if self.enumerated:
            return self.enumerated[0]
        return tuple(max(1, low) for low, _ in self.ranges)

    def check_shape(self, shape: Sequence[int]) -> None:
        """Raises InputError unless an array or image of this shape may be given."""
        shape = tuple(shape)
        if self.enumerated:
            if shape not in self.enumerated:
                text = " x ".join(map(str, shape))
                kind = "Image" if self.kind == "image" else "MultiArray"
                raise self.wrong(f"{kind} Shape ({text}) was not in enumerated set of allowed shapes")
        elif self.ranges:
            self._check_ranges(shape)
        elif self.shape and shape != self.shape:
            raise self.wrong(f"its shape is {shape}, expected {self.shape}")

    def _check_ranges(self, shape: tuple[int, ...]) -> None:
        if len(shape) != len(self.ranges):
            raise self.wrong(f"its rank is {len(shape)}, expected {len(self.ranges)}")
        for axis, (size, (low, high)) in enumerate(zip(shape, self.ranges, strict=True)):
            if size < low or (high is not None and size > high):
                limit = "inf" if high is None else high
                raise self.wrong(f"Size ({size}) of dimension ({axis}) is not in allowed range ({low}..{limit})")

    def wrong(self, what: str) -> InputError:
        return InputError(f"input {self.name!r}: {what}", remedy="See the model's description of its inputs.")


@dataclass(frozen=True)
class Interface:
    """What one function takes and gives. `function`: its name in the program. `metadata`: what the package says of
    itself: shortDescription, author, license, versionString where they are given, and its own entries."""

    function: str
    inputs: tuple[Feature, ...]
    outputs: tuple[Feature, ...]
    states: tuple[Feature, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)


def read_interfaces(description: Any) -> tuple[Interface, ...]:
    """The interfaces of a `ModelDescription` message, the default function first. Raises PackageError."""
    if not description.functions:
        return (_interface("main", description, description.metadata),)
    interfaces = [_interface(function.name, function, description.metadata) for function in description.functions]
    default = description.defaultFunctionName or interfaces[0].function
    return tuple(sorted(interfaces, key=lambda interface: interface.function != default))


def _interface(name: str, message: Any, metadata: Any) -> Interface:
    inputs, outputs, states = (
        tuple(_feature(feature) for feature in features) for features in (message.input, message.output, message.state)
    )
    fixed = {key: getattr(metadata, key) for key in ("shortDescription", "author", "license", "versionString")}
    given = {key: value for key, value in fixed.items() if value} | dict(metadata.userDefined)
    return Interface(name, inputs, outputs, states, given)


def _feature(message: Any) -> Feature:
    kind = _KINDS.get(message.type.WhichOneof("Type") or "")
    name, optional = message.name, message.type.isOptional
    if kind is None:
        raise PackageError(
            f"the description of {name!r:.80} has no type", remedy="Export or download the package again."
        )
    if kind == "image":
        return _image(name, optional, message.type.imageType)
    if kind == "multiarray":
        return _array(name, kind, optional, message.type.multiArrayType)
    if kind == "state":
        return _array(name, kind, optional, message.type.stateType.arrayType)
    return Feature(name, kind, optional=optional)


def _array(name: str, kind: Kind, optional: bool, array: Any) -> Feature:
    source = array.WhichOneof("defaultOptionalValue")
    return Feature(
        name,
        kind,
        shape=tuple(array.shape),
        dtype=_ARRAY_DTYPES.get(array.dataType),
        optional=optional,
        # an optional input without a default is taken as zeros
        default=float(getattr(array, source)) if source else None,
        enumerated=tuple(tuple(shape.shape) for shape in array.enumeratedShapes.shapes),
        ranges=tuple(_range(size) for size in array.shapeRange.sizeRanges),
    )


def _image(name: str, optional: bool, image: Any) -> Feature:
    color = _COLORS.get(image.colorSpace)
    if color is None:
        raise PackageError(
            f"the image {name!r:.80} has no known colour space", remedy="Export or download the package again."
        )
    channels = (3,) if color in ("RGB", "BGR") else ()
    ranges = (_range(image.imageSizeRange.heightRange), _range(image.imageSizeRange.widthRange))
    return Feature(
        name,
        "image",
        shape=(image.height, image.width, *channels),
        dtype="float16" if color == "GRAYSCALE_FLOAT16" else "uint8",
        color=color,
        optional=optional,
        enumerated=tuple((size.height, size.width, *channels) for size in image.enumeratedSizes.sizes),
        ranges=(*ranges, *((count, count) for count in channels)) if image.HasField("imageSizeRange") else (),
    )


def _range(size: Any) -> tuple[int, int | None]:
    return size.lowerBound, size.upperBound if size.upperBound >= 0 else None
