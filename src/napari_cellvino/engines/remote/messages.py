"""The messages of the Open Inference Protocol over gRPC, made from a table.

Generated code would bind the package to one version of protobuf. Fields that are not used here are left out: readers
of protobuf pass over what they do not know.
"""

from __future__ import annotations

from functools import lru_cache

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

SERVICE = "/inference.GRPCInferenceService/"

_STRING, _BYTES, _INT64, _FLOAT = "STRING", "BYTES", "INT64", "FLOAT"
_FIELDS: dict[str, tuple[tuple[str, int, str, bool], ...]] = {  # name, number, type, repeated
    "TensorMetadata": (("name", 1, _STRING, False), ("datatype", 2, _STRING, False), ("shape", 3, _INT64, True)),
    "ModelMetadataRequest": (("name", 1, _STRING, False), ("version", 2, _STRING, False)),
    "ModelMetadataResponse": (
        ("name", 1, _STRING, False),
        ("versions", 2, _STRING, True),
        ("inputs", 4, "TensorMetadata", True),
    ),
    "Contents": (("fp32_contents", 6, _FLOAT, True),),
    "Tensor": (
        ("name", 1, _STRING, False),
        ("datatype", 2, _STRING, False),
        ("shape", 3, _INT64, True),
        ("contents", 5, "Contents", False),
    ),
    "ModelInferRequest": (
        ("model_name", 1, _STRING, False),
        ("model_version", 2, _STRING, False),
        ("inputs", 5, "Tensor", True),
        ("raw_input_contents", 7, _BYTES, True),
    ),
    "ModelInferResponse": (
        ("model_name", 1, _STRING, False),
        ("model_version", 2, _STRING, False),
        ("outputs", 5, "Tensor", True),
        ("raw_output_contents", 6, _BYTES, True),
    ),
}


@lru_cache(maxsize=1)
def messages() -> dict[str, type[Message]]:
    """Return the classes of the messages, by name."""
    file = descriptor_pb2.FileDescriptorProto(name="open_inference.proto", package="inference", syntax="proto3")
    for name, fields in _FIELDS.items():
        file.message_type.add(name=name).field.extend(_field(*described) for described in fields)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"inference.{name}")) for name in _FIELDS}


def _field(name: str, number: int, kind: str, repeated: bool) -> descriptor_pb2.FieldDescriptorProto:
    kinds = descriptor_pb2.FieldDescriptorProto
    label = kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
    if kind in _FIELDS:
        of = f".inference.{kind}"
        return kinds(name=name, number=number, label=label, type=kinds.TYPE_MESSAGE, type_name=of)
    return kinds(name=name, number=number, label=label, type=getattr(kinds, f"TYPE_{kind}"))
