"""What an ONNX file says of itself, and what it must not say: folders, stack traces, builds of this machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mobiledeploy.targets.onnx_names import messages_in
from mobiledeploy.targets.target import public_version

if TYPE_CHECKING:
    from mobiledeploy.targets.target import ConversionOptions

__all__ = ["describe"]


def describe(model: Any, options: ConversionOptions) -> None:
    """Leaves no documentation and no metadata in `model` (a ModelProto) but `options.metadata`, sorted, and the labels
    as a JSON list under `labels`."""
    for message in messages_in(model):
        for field in ("doc_string", "metadata_props"):
            if field in message.DESCRIPTOR.fields_by_name:
                message.ClearField(field)
    model.producer_version = public_version(model.producer_version)
    entries = dict(options.metadata)
    if options.labels is not None:
        entries["labels"] = json.dumps(options.labels, ensure_ascii=False)
    for key, value in sorted(entries.items()):
        model.metadata_props.add(key=key, value=value)
