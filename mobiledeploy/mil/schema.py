"""The protobuf messages of Core ML packages that we read, declared as a table and built at import.

Source: Apple's `Model.proto`, `FeatureTypes.proto`, `MIL.proto` and those of a pipeline's simple models (coremltools
repository, `mlmodel/format/`). Only the fields the executor needs are declared; protobuf keeps the others as unknown
fields. The classes live in a descriptor pool of their own, so they meet no other library's registration of the same
files.

A field reads `number name type`; `name*` is repeated, `map T` is a map from strings to T, `| oneof` names the oneof it
belongs to. Enumerations are declared as int32, whose wire format is the same.
"""

from __future__ import annotations

import re
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

__all__ = ["message_class"]

_PACKAGE = "mobiledeploy.coreml"

_OTHER_MODEL_TYPES = {
    300: "glmRegressor",
    301: "supportVectorRegressor",
    302: "treeEnsembleRegressor",
    303: "neuralNetworkRegressor",
    304: "bayesianProbitRegressor",
    400: "glmClassifier",
    401: "supportVectorClassifier",
    402: "treeEnsembleClassifier",
    403: "neuralNetworkClassifier",
    404: "kNearestNeighborsClassifier",
    500: "neuralNetwork",
    501: "itemSimilarityRecommender",
    555: "customModel",
    556: "linkedModel",
    560: "classConfidenceThresholding",
    600: "oneHotEncoder",
    601: "imputer",
    603: "dictVectorizer",
    606: "categoricalMapping",
    2000: "textClassifier",
    2001: "wordTagger",
    2002: "visionFeaturePrint",
    2003: "soundAnalysisPreprocessing",
    2004: "gazetteer",
    2005: "wordEmbedding",
    2006: "audioFeaturePrint",
    3000: "serializedModel",
}

_MESSAGES: dict[str, tuple[str, ...]] = {
    # Model.proto. A model of another type is kept as bytes: only its name is of interest.
    "Model": (
        "1 specificationVersion int32",
        "2 description ModelDescription",
        "502 mlProgram Program | Type",
        "200 pipelineClassifier PipelineClassifier | Type",
        "201 pipelineRegressor PipelineRegressor | Type",
        "202 pipeline Pipeline | Type",
        "602 featureVectorizer FeatureVectorizer | Type",
        "604 scaler Scaler | Type",
        "607 normalizer Normalizer | Type",
        "609 arrayFeatureExtractor ArrayFeatureExtractor | Type",
        "610 nonMaximumSuppression NonMaximumSuppression | Type",
        "900 identity Empty | Type",
        *(f"{number} {name} bytes | Type" for number, name in _OTHER_MODEL_TYPES.items()),
    ),
    "ModelDescription": (
        "1 input* FeatureDescription",
        "10 output* FeatureDescription",
        "11 predictedFeatureName string",
        "12 predictedProbabilitiesName string",
        "13 state* FeatureDescription",
        "20 functions* FunctionDescription",
        "21 defaultFunctionName string",
        "100 metadata Metadata",
    ),
    "FunctionDescription": (
        "1 name string",
        "2 input* FeatureDescription",
        "3 output* FeatureDescription",
        "4 predictedFeatureName string",
        "5 predictedProbabilitiesName string",
        "6 state* FeatureDescription",
    ),
    "FeatureDescription": ("1 name string", "2 shortDescription string", "3 type FeatureType"),
    "Metadata": (
        "1 shortDescription string",
        "2 versionString string",
        "3 author string",
        "4 license string",
        "100 userDefined map string",
    ),
    "Pipeline": ("1 models* Model", "2 names* string"),
    "PipelineClassifier": ("1 pipeline Pipeline",),
    "PipelineRegressor": ("1 pipeline Pipeline",),
    # the models of pipelines that are no programs, each in a file of its name
    "FeatureVectorizer": ("1 inputList* InputColumn",),
    "InputColumn": ("1 inputColumn string", "2 inputDimensions uint64"),
    "Scaler": ("1 shiftValue* double", "2 scaleValue* double"),
    "Normalizer": ("1 normType int32",),
    "ArrayFeatureExtractor": ("1 extractIndex* uint64",),
    "NonMaximumSuppression": (
        "1 pickTop PickTop | SuppressionMethod",
        "110 iouThreshold double",
        "111 confidenceThreshold double",
        "200 confidenceInputFeatureName string",
        "201 coordinatesInputFeatureName string",
        "202 iouThresholdInputFeatureName string",
        "203 confidenceThresholdInputFeatureName string",
        "210 confidenceOutputFeatureName string",
        "211 coordinatesOutputFeatureName string",
    ),
    "PickTop": ("1 perClass bool",),
    # FeatureTypes.proto
    "FeatureType": (
        "1 int64Type Empty | Type",
        "2 doubleType Empty | Type",
        "3 stringType Empty | Type",
        "4 imageType ImageFeatureType | Type",
        "5 multiArrayType ArrayFeatureType | Type",
        "6 dictionaryType Empty | Type",
        "7 sequenceType Empty | Type",
        "8 stateType StateFeatureType | Type",
        "1000 isOptional bool",
    ),
    "Empty": (),
    "SizeRange": ("1 lowerBound uint64", "2 upperBound int64"),
    "ImageFeatureType": (
        "1 width int64",
        "2 height int64",
        "3 colorSpace int32",
        "21 enumeratedSizes EnumeratedImageSizes | SizeFlexibility",
        "31 imageSizeRange ImageSizeRange | SizeFlexibility",
    ),
    "ImageSize": ("1 width uint64", "2 height uint64"),
    "EnumeratedImageSizes": ("1 sizes* ImageSize",),
    "ImageSizeRange": ("1 widthRange SizeRange", "2 heightRange SizeRange"),
    "ArrayFeatureType": (
        "1 shape* int64",
        "2 dataType int32",
        "21 enumeratedShapes EnumeratedShapes | ShapeFlexibility",
        "31 shapeRange ShapeRange | ShapeFlexibility",
        "41 intDefaultValue int32 | defaultOptionalValue",
        "51 floatDefaultValue float | defaultOptionalValue",
        "61 doubleDefaultValue double | defaultOptionalValue",
    ),
    "Shape": ("1 shape* int64",),
    "EnumeratedShapes": ("1 shapes* Shape",),
    "ShapeRange": ("1 sizeRanges* SizeRange",),
    "StateFeatureType": ("1 arrayType ArrayFeatureType | Type",),
    # MIL.proto
    "Program": ("1 version int64", "2 functions map Function", "4 attributes map Value"),
    "Function": (
        "1 inputs* NamedValueType",
        "2 opset string",
        "3 block_specializations map Block",
        "4 attributes map Value",
    ),
    "Block": ("1 inputs* NamedValueType", "2 outputs* string", "3 operations* Operation", "4 attributes map Value"),
    "Binding": ("1 name string | binding", "2 value Value | binding"),
    "Argument": ("1 arguments* Binding",),
    "Operation": (
        "1 type string",
        "2 inputs map Argument",
        "3 outputs* NamedValueType",
        "4 blocks* Block",
        "5 attributes map Value",
    ),
    "NamedValueType": ("1 name string", "2 type ValueType"),
    "ValueType": (
        "1 tensorType TensorType | type",
        "2 listType ListType | type",
        "3 tupleType TupleType | type",
        "4 dictionaryType DictionaryType | type",
        "5 stateType StateType | type",
    ),
    "TensorType": ("1 dataType int32", "2 rank int64", "3 dimensions* Dimension"),
    "TupleType": ("1 types* ValueType",),
    "ListType": ("1 type ValueType", "2 length Dimension"),
    "DictionaryType": ("1 keyType ValueType", "2 valueType ValueType"),
    "StateType": ("1 wrappedType ValueType",),
    "ConstantDimension": ("1 size uint64",),
    "UnknownDimension": ("1 variadic bool",),
    "Dimension": ("1 constant ConstantDimension | dimension", "2 unknown UnknownDimension | dimension"),
    "Value": (
        "2 type ValueType",
        "3 immediateValue ImmediateValue | value",
        "5 blobFileValue BlobFileValue | value",
    ),
    "ImmediateValue": (
        "1 tensor TensorValue | value",
        "2 tuple TupleValue | value",
        "3 list ListValue | value",
        "4 dictionary DictionaryValue | value",
    ),
    "BlobFileValue": ("1 fileName string", "2 offset uint64"),
    "TensorValue": (
        "1 floats RepeatedFloats | value",
        "2 ints RepeatedInts | value",
        "3 bools RepeatedBools | value",
        "4 strings RepeatedStrings | value",
        "5 longInts RepeatedLongInts | value",
        "6 doubles RepeatedDoubles | value",
        "7 bytes RepeatedBytes | value",
    ),
    "RepeatedFloats": ("1 values* float",),
    "RepeatedDoubles": ("1 values* double",),
    "RepeatedInts": ("1 values* int32",),
    "RepeatedLongInts": ("1 values* int64",),
    "RepeatedBools": ("1 values* bool",),
    "RepeatedStrings": ("1 values* string",),
    "RepeatedBytes": ("1 values bytes",),
    "TupleValue": ("1 values* Value",),
    "ListValue": ("1 values* Value",),
    "DictionaryValue": ("1 values* KeyValuePair",),
    "KeyValuePair": ("1 key Value", "2 value Value"),
}

_FIELD = re.compile(r"(\d+) (\w+)(\*?) (map )?(\w+)(?: \| (\w+))?")


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="mobiledeploy/coreml.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field in fields:
            _declare(message, field)
    return file


def _declare(message: Any, text: str) -> None:
    match = _FIELD.fullmatch(text)
    assert match is not None, f"{message.name}: {text}"
    number, name, star, is_map, kind, oneof = match.groups()
    field = message.field.add(name=name, number=int(number))
    field.label = field.LABEL_REPEATED if star or is_map else field.LABEL_OPTIONAL
    if is_map:
        kind = _declare_map_entry(message, name, kind)
    _set_type(field, kind)
    if oneof:
        names = [declared.name for declared in message.oneof_decl]
        if oneof not in names:
            message.oneof_decl.add(name=oneof)
            names.append(oneof)
        field.oneof_index = names.index(oneof)


def _declare_map_entry(message: Any, name: str, kind: str) -> str:
    entry = message.nested_type.add(name="".join(part.capitalize() for part in name.split("_")) + "Entry")
    entry.options.map_entry = True
    for number, field_name, field_kind in ((1, "key", "string"), (2, "value", kind)):
        field = entry.field.add(
            name=field_name, number=number, label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
        )
        _set_type(field, field_kind)
    return f"{message.name}.{entry.name}"


def _set_type(field: Any, kind: str) -> None:
    if kind[0].isupper():
        field.type = field.TYPE_MESSAGE
        field.type_name = f".{_PACKAGE}.{kind}"
    else:
        field.type = getattr(field, f"TYPE_{kind.upper()}")


_POOL = descriptor_pool.DescriptorPool()
_POOL.Add(_file())


def message_class(name: str) -> Any:
    """The protobuf class of the message `name`, e.g. "Model"."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
