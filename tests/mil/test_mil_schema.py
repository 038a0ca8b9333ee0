"""The declared messages are Core ML's, field by field, and live beside any other library's."""

from __future__ import annotations

import pytest
from coremltools.proto import (
    ArrayFeatureExtractor_pb2,
    FeatureTypes_pb2,
    FeatureVectorizer_pb2,
    MIL_pb2,
    Model_pb2,
    NonMaximumSuppression_pb2,
    Normalizer_pb2,
    Scaler_pb2,
)
from google.protobuf.descriptor import FieldDescriptor

from mobiledeploy.mil.dtype import DataType
from mobiledeploy.mil.schema import message_class


def messages(descriptors) -> dict:
    """By their own name, nested ones included."""
    found = {}
    for descriptor in descriptors:
        found[descriptor.name] = descriptor
        found |= messages(descriptor.nested_types)
    return found


MODULES = (
    Model_pb2,
    FeatureTypes_pb2,
    MIL_pb2,
    ArrayFeatureExtractor_pb2,
    FeatureVectorizer_pb2,
    NonMaximumSuppression_pb2,
    Normalizer_pb2,
    Scaler_pb2,
)
THEIRS = {
    name: descriptor
    for module in MODULES
    for name, descriptor in messages(module.DESCRIPTOR.message_types_by_name.values()).items()
}
OURS = {
    descriptor.name: descriptor for descriptor in message_class("Model").DESCRIPTOR.file.message_types_by_name.values()
}
INTEGER = {FieldDescriptor.TYPE_ENUM: FieldDescriptor.TYPE_INT32}


def kind(field) -> tuple:
    """What matters on the wire; a message kept as bytes is read as one field of the same wire type."""
    return INTEGER.get(field.type, field.type), field.is_repeated


@pytest.mark.parametrize("name", [name for name in OURS if name != "Empty"])
def test_every_field_has_the_number_and_type_of_the_original(name) -> None:
    theirs = {field.number: field for field in THEIRS[name].fields}
    for field in OURS[name].fields:
        original = theirs[field.number]
        assert original.name == field.name
        if field.type == FieldDescriptor.TYPE_BYTES:
            assert original.type in (FieldDescriptor.TYPE_MESSAGE, FieldDescriptor.TYPE_BYTES)
        else:
            assert kind(original) == kind(field)
        ours_in, theirs_in = field.containing_oneof, original.containing_oneof
        assert (ours_in and ours_in.name) == (theirs_in and theirs_in.name)


def test_every_type_of_model_is_known_by_name() -> None:
    assert {field.name for field in OURS["Model"].oneofs_by_name["Type"].fields} == {
        field.name for field in THEIRS["Model"].oneofs_by_name["Type"].fields
    }


def test_the_classes_share_nothing_with_those_of_coremltools() -> None:
    assert message_class("Model").DESCRIPTOR.file.pool is not Model_pb2.DESCRIPTOR.pool
    original = Model_pb2.Model(specificationVersion=7)
    original.description.metadata.userDefined["key"] = "value"
    read = message_class("Model").FromString(original.SerializeToString())
    assert read.specificationVersion == 7
    assert dict(read.description.metadata.userDefined) == {"key": "value"}


def test_unknown_fields_are_ignored() -> None:
    field = (15000 << 3 | 2).to_bytes(3, "little")
    tag = bytes([field[0] & 0x7F | 0x80, (15000 << 3 | 2) >> 7 & 0x7F | 0x80, (15000 << 3 | 2) >> 14])
    assert message_class("Model").FromString(tag + b"\x03abc").WhichOneof("Type") is None


def test_the_element_types_have_the_numbers_of_the_format() -> None:
    numbers = {value.name: value.number for value in MIL_pb2.DESCRIPTOR.enum_types_by_name["DataType"].values}
    for dtype in DataType:
        assert numbers[dtype.name] == dtype.value
    # none of the operators takes these
    assert set(numbers) - {dtype.name for dtype in DataType} == {"UNUSED_TYPE", "FLOAT8E4M3FN", "FLOAT8E5M2"}


def test_bits_and_spellings() -> None:
    assert {dtype.spelling: dtype.bits for dtype in DataType} == {
        "bool": 8,
        "string": 0,
        "fp16": 16,
        "fp32": 32,
        "fp64": 64,
        "bf16": 16,
        "int4": 4,
        "int8": 8,
        "int16": 16,
        "int32": 32,
        "int64": 64,
        "uint1": 1,
        "uint2": 2,
        "uint3": 3,
        "uint4": 4,
        "uint6": 6,
        "uint8": 8,
        "uint16": 16,
        "uint32": 32,
        "uint64": 64,
    }
    assert all(DataType.named(dtype.spelling) is dtype for dtype in DataType)
