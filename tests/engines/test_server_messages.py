"""Answers of servers are unpacked as protobuf does it, but for maps, which stay where they are."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("google.protobuf", reason="needs the remote extra")

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message
from hypothesis import given
from hypothesis import strategies as st

from napari_cellvino.engines.remote.messages import infer_answer


def _whole() -> type[Message]:
    """Return a response with the raw outputs, and with fields of every type that CellVINO does not know."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="whole.proto", package="whole", syntax="proto3")
    tensor, response = file.message_type.add(name="Tensor"), file.message_type.add(name="Response")
    tensor.field.add(name="name", number=1, label=1, type=kinds.TYPE_STRING)
    tensor.field.add(name="shape", number=3, label=3, type=kinds.TYPE_INT64)
    response.field.add(name="model_name", number=1, label=1, type=kinds.TYPE_STRING)
    response.field.add(name="id", number=3, label=1, type=kinds.TYPE_STRING)
    response.field.add(name="outputs", number=5, label=3, type=kinds.TYPE_MESSAGE, type_name=".whole.Tensor")
    response.field.add(name="raw_output_contents", number=6, label=3, type=kinds.TYPE_BYTES)
    response.field.add(name="long", number=200, label=1, type=kinds.TYPE_FIXED64)
    response.field.add(name="short", number=17, label=1, type=kinds.TYPE_FLOAT)
    response.field.add(name="signed", number=18, label=1, type=kinds.TYPE_INT64)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("whole.Response"))


WHOLE = _whole()
RAW = st.lists(st.binary(max_size=300), max_size=3)


@given(name=st.text(max_size=20), shape=st.lists(st.integers(0, 2**40), max_size=4), raw=RAW, signed=st.integers(-9, 9))
def test_what_protobuf_packs_is_unpacked(name: str, shape: list[int], raw: list[bytes], signed: int) -> None:
    tensors = [{"name": "maps", "shape": shape}]
    sent = WHOLE(
        model_name=name, id="7", outputs=tensors, raw_output_contents=raw, long=2**60, short=1.5, signed=signed
    )
    answer, found = infer_answer(sent.SerializeToString())
    assert answer.model_name == name
    assert [(one.name, list(one.shape)) for one in answer.outputs] == [("maps", shape)]
    assert [bytes(one) for one in found] == raw


def test_maps_are_not_copied() -> None:
    maps = np.arange(5_000, dtype="<f2")
    content = WHOLE(model_name="m", raw_output_contents=[maps.tobytes()]).SerializeToString()
    _, (raw,) = infer_answer(content)
    assert np.shares_memory(np.frombuffer(raw, "<f2"), np.frombuffer(content, np.uint8))
    np.testing.assert_array_equal(np.frombuffer(raw, "<f2"), maps)


def test_what_is_cut_short_is_refused_as_protobuf_does() -> None:
    content = WHOLE(
        model_name="nuclei",
        outputs=[{"name": "maps", "shape": [1, 3]}],
        raw_output_contents=[b"12345"],
        long=3,
        short=1,
    ).SerializeToString()
    refused = 0
    for length in range(len(content)):
        try:
            expected = list(WHOLE.FromString(content[:length]).raw_output_contents)
        except DecodeError:
            refused += 1
            with pytest.raises((ValueError, DecodeError)):
                infer_answer(content[:length])
        else:
            assert [bytes(one) for one in infer_answer(content[:length])[1]] == expected
    assert refused > len(content) / 2
    for nonsense in (b"\xff" * 30, b"\x03\x04", b"\x32\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01ab"):
        with pytest.raises((ValueError, DecodeError)):
            infer_answer(nonsense)
