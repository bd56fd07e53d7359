"""The messages of the Open Inference Protocol over gRPC, made from a table.

Generated code would bind the package to one version of protobuf. Fields that are not used here are left out: readers
of protobuf pass over what they do not know.
"""

from __future__ import annotations

from functools import lru_cache

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

SERVICE = "/inference.GRPCInferenceService/"

_VARINT, _OF_LENGTH = 0, 2  # types of fields
_SIZES = {1: 8, 5: 4}  # bytes of others
_RAW_OUTPUT = 6 << 3 | _OF_LENGTH
_LONGEST = 10  # bytes of a number

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
        ("raw_output_contents", 6, _BYTES, True),  # see `infer_answer`
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


def infer_answer(content: bytes) -> tuple[Message, list[memoryview]]:
    """Return a ModelInferResponse without its raw outputs, and these where they lie: maps of some MB are not copied.

    Raises
    ------
    ValueError
        If the content is cut short, or no message.

    References
    ----------
    https://protobuf.dev/programming-guides/encoding
    """
    view, rest, raw, at = memoryview(content), bytearray(), list[memoryview](), 0
    while at < len(view):
        begin = at
        key, at = _number(view, at)
        size, start = _SIZES.get(key & 7, 0), at
        if key & 7 in (_VARINT, _OF_LENGTH):
            number, start = _number(view, at)
            size = number if key & 7 == _OF_LENGTH else 0
        elif not size:
            raise ValueError(f"a field of type {key & 7}")
        at = start + size
        if at > len(view):
            raise ValueError("a message that is cut short")
        if key == _RAW_OUTPUT:
            raw.append(view[start:at])
        else:
            rest += view[begin:at]
    return messages()["ModelInferResponse"].FromString(bytes(rest)), raw


def _number(view: memoryview, at: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, the lowest first, and where it ends."""
    number = 0
    for place, byte in enumerate(view[at : at + _LONGEST]):
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return number, at + place + 1
    raise ValueError("a number without an end")


def _field(name: str, number: int, kind: str, repeated: bool) -> descriptor_pb2.FieldDescriptorProto:
    kinds = descriptor_pb2.FieldDescriptorProto
    label = kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
    if kind in _FIELDS:
        of = f".inference.{kind}"
        return kinds(name=name, number=number, label=label, type=kinds.TYPE_MESSAGE, type_name=of)
    return kinds(name=name, number=number, label=label, type=getattr(kinds, f"TYPE_{kind}"))
