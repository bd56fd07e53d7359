"""A server runs the network: the same maps, whatever it loses or delays, and only where the user allowed it."""

from __future__ import annotations

import json
import threading

import grpc
import numpy as np
import pytest
from model_servers import Lossy, Middle, answering, listening, rest_listening, write_certificate
from small_models import write_finder

from napari_cellvino.core.errors import DeviceError, InferenceError, can_pass
from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.engine import EngineConnectionError, EngineTileError, InferenceCancelledError
from napari_cellvino.engines.openvino import openvino_core
from napari_cellvino.engines.provider import EngineProvider, open_engine
from napari_cellvino.engines.remote.address import parse_address
from napari_cellvino.engines.remote.engine import Limits, ServerEngine
from napari_cellvino.engines.remote.fallback import FallbackEngine
from napari_cellvino.engines.remote.messages import messages
from napari_cellvino.engines.remote.offered import describe_server
from napari_cellvino.engines.remote.protocol import as_file, decode
from napari_cellvino.model_package import open_package

QUICK = Limits(answer_s=5, first_s=5, least_s=0.5, backoff_s=0.02)
TILE = 64


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return open_package(write_finder(tmp_path_factory.mktemp("finder") / "finder"))


@pytest.fixture(scope="module")
def network(package):
    compiled = openvino_core().compile_model(package.folder / "model.xml", "CPU", {"EXECUTION_MODE_HINT": "ACCURACY"})
    lock = threading.Lock()

    def run(batch):
        with lock:
            return np.array(compiled([batch])[0])

    return run


@pytest.fixture
def tiles():
    return np.random.default_rng(3).integers(0, 255, (40, 1, 1, TILE, TILE)).astype(np.float32)


def local_maps(package, tiles):
    engine = open_engine(package, "CPU", Precision.EXACT)
    engine.load(TILE)
    return [engine.infer(tile) for tile in tiles]


def reused(tiles):
    """Yield tiles in one array that is overwritten, as a run does."""
    buffer = np.zeros_like(tiles[0])
    for tile in tiles:
        buffer[:] = tile
        yield buffer


@pytest.mark.parametrize("named", ["", "pixels"])
def test_maps_are_those_of_this_computer_in_order(package, network, tiles, named):
    with listening(Middle(answering(network, input_name=named))) as address:
        engine = ServerEngine(package, address, Precision.EXACT, limits=QUICK)
        info = engine.load(TILE)
        maps = list(engine.infer_all(reused(tiles)))
        engine.close()
    assert info.device == f"{address} (finder 1)"
    for ours, theirs in zip(local_maps(package, tiles), maps, strict=True):
        assert theirs.dtype == np.float16
        np.testing.assert_allclose(theirs, ours, atol=2e-3)


def test_a_server_that_asks_for_files_gets_them(package, network, tiles):
    with listening(Middle(answering(network, input_name="image", datatype="BYTES"))) as address:
        engine = ServerEngine(package, address, Precision.EXACT, limits=QUICK)
        assert "sent BYTES" in engine.load(TILE).number_type
        maps = list(engine.infer_all(reused(tiles)))
        engine.close()
    for ours, theirs in zip(local_maps(package, tiles), maps, strict=True):
        assert theirs.dtype == np.float16
        np.testing.assert_allclose(theirs, ours, atol=2e-3)


def test_a_server_that_takes_files_for_something_else_gets_numbers(package, network):
    answer = answering(network, input_name="image", datatype="BYTES")

    def numbers_only(method, request):
        if method == "ModelInfer" and messages()["ModelInferRequest"].FromString(request).inputs[0].datatype == "BYTES":
            request = messages()["ModelInferRequest"]().SerializeToString()  # fails as what is no picture does
        return answer(method, request)

    with listening(Middle(numbers_only)) as address:
        engine = ServerEngine(package, address, limits=QUICK)
        assert "sent BYTES" not in engine.load(TILE).number_type
        engine.close()


@pytest.mark.parametrize(
    ("datatype", "content", "said"),
    [
        ("INT8", b"12", "gives maps as INT8; FP16, FP32 and files of NumPy are known"),
        ("FP16", b"123", r"sent 3 bytes for maps of \(1, 1\) FP16"),
        ("BYTES", as_file(np.zeros((1, 4), np.float32))[:-1], "for maps of"),
        ("BYTES", as_file(np.zeros((1, 4), np.int16)), "for maps of"),
        ("BYTES", b"\x02\0\0\0no", "for maps of"),
    ],
)
def test_what_cannot_be_read_is_told_in_words(datatype, content, said):
    with pytest.raises(EngineTileError, match=said):
        decode(datatype, (1, 1), content)


def test_a_server_with_other_weights_is_refused_with_the_difference(package, network):
    said = r"other weights than finder .* differ by 0\.5, and 0\.1 is allowed"
    other = Middle(answering(lambda batch: network(batch) + 0.5))
    with listening(other) as address, pytest.raises(DeviceError, match=said):
        ServerEngine(package, address, limits=QUICK)


def test_a_server_whose_maps_have_another_shape_is_refused(package, network):
    other = Middle(answering(lambda batch: network(batch)[:, :2]))
    with listening(other) as address, pytest.raises(DeviceError, match="cannot run its own model"):
        ServerEngine(package, address, limits=QUICK)


def test_a_server_without_the_model_is_told_from_one_that_is_away(package, network):
    def refuse(method, context):
        context.abort(grpc.StatusCode.NOT_FOUND, "no such model")

    middle = Middle(answering(network), refuse)
    with listening(middle) as address, pytest.raises(DeviceError, match="does not offer model finder"):
        ServerEngine(package, address, limits=QUICK)
    assert middle.asked == ["ModelMetadata"], "asked once"
    with pytest.raises(EngineConnectionError, match="asked 4 times") as away:
        ServerEngine(package, address, limits=QUICK)
    assert can_pass(away.value)


def test_requests_that_are_dropped_or_delayed_are_asked_again(package, network, tiles):
    """5 % and more of 200 tiles: every twentieth is dropped, every twenty-fifth comes too late."""
    lossy = Lossy(drop=20, delay=25, seconds=0.6)
    many = np.concatenate([tiles] * 5)
    with listening(Middle(answering(network), lossy)) as address:
        engine = ServerEngine(package, address, Precision.EXACT, limits=QUICK)
        engine.load(TILE)
        maps = list(engine.infer_all(reused(many)))
        engine.close()
    expected = local_maps(package, tiles) * 5
    assert lossy.asked > 210
    assert all(np.allclose(a, b, atol=2e-3) for a, b in zip(maps, expected, strict=True))


def gone_after(number):
    """A fault that lets this many requests through and none after."""
    left = iter(range(number))

    def fault(method, context):
        if next(left, None) is None:
            context.abort(grpc.StatusCode.UNAVAILABLE, "gone")

    return fault


def test_a_server_that_goes_ends_the_run_unless_a_device_here_may_go_on(package, network, tiles):
    with listening(Middle(answering(network), gone_after(12))) as address:
        engine = ServerEngine(package, address, Precision.EXACT, limits=QUICK)
        engine.load(TILE)
        answered = []
        with pytest.raises(EngineConnectionError, match="what is finished is kept"):
            answered.extend(engine.infer_all(reused(tiles)))
        assert len(answered) < 12
    with listening(Middle(answering(network), gone_after(12))) as address:
        engine = FallbackEngine(
            address,
            lambda: ServerEngine(package, address, Precision.EXACT, limits=QUICK),
            lambda: open_engine(package, "CPU", Precision.EXACT),
        )
        assert engine.load(TILE).device == f"{address} (finder 1)"
        maps = list(engine.infer_all(reused(tiles)))
        assert engine.load(TILE).device == f"CPU, as {address} did not answer"
        engine.close()
    assert all(np.allclose(a, b, atol=2e-3) for a, b in zip(maps, local_maps(package, tiles), strict=True))


def test_a_server_that_was_never_there_is_replaced_too(package, tiles):
    address = "grpc://127.0.0.1:9"
    engine = FallbackEngine(
        address, lambda: ServerEngine(package, address, limits=QUICK), lambda: open_engine(package, "CPU")
    )
    assert engine.load(TILE).device == f"CPU, as {address} did not answer"
    assert len(list(engine.infer_all(reused(tiles[:3])))) == 3


def test_a_server_that_cannot_run_a_tile_says_so_at_once(package, network):
    def small_only(batch):
        if batch.shape[-1] > TILE:
            raise ValueError("too large")
        return network(batch)

    with listening(Middle(answering(small_only))) as address:
        engine = ServerEngine(package, address, limits=QUICK)
        with pytest.raises(EngineTileError, match="could not run finder"):
            engine.load(2 * TILE)
        engine.load(TILE)
        with pytest.raises(InferenceError, match="float32"):
            engine.infer(np.zeros((1, 1, TILE, TILE), np.float64))
        engine.close()


def test_an_answer_that_is_too_long_for_the_server_asks_for_a_smaller_tile(package, network):
    def short_only(method, context):
        if too_long:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "message larger than max")

    too_long = False
    middle = Middle(answering(network), short_only)
    with listening(middle) as address:
        engine = ServerEngine(package, address, limits=QUICK)
        too_long, asked = True, len(middle.asked)
        with pytest.raises(EngineTileError, match="larger than max"):
            engine.load(TILE)
        engine.close()
    assert len(middle.asked) == asked + 1, "it would not become shorter"


def test_cancel_does_not_wait_for_an_answer(package, network, tiles):
    hold, reached = threading.Event(), threading.Event()

    def held(method, context):
        if middle.asked.count("ModelInfer") > 5:
            reached.set()
            hold.wait(10)

    middle = Middle(answering(network), held)
    with listening(middle) as address:
        engine = ServerEngine(package, address, limits=QUICK)
        engine.load(TILE)

        def cancel():
            reached.wait(10)
            engine.cancel()

        threading.Thread(target=cancel).start()
        try:
            with pytest.raises(InferenceCancelledError):
                list(engine.infer_all(tiles))
        finally:
            hold.set()
        engine.load(TILE)
        assert engine.infer(tiles[0]).shape == (1, 6, TILE // 4, TILE // 4), "it stays usable"
        engine.close()


def test_the_token_goes_to_the_server_and_never_in_the_clear(package, network, monkeypatch):
    monkeypatch.setenv("CELLVINO_SERVER_TOKEN", "hidden")
    middle = Middle(answering(network))
    with listening(middle) as address:
        ServerEngine(package, address, limits=QUICK).close()
    assert middle.tokens == {"Bearer hidden"}
    with pytest.raises(DeviceError, match="in the clear"):
        ServerEngine(package, "grpc://bench-2:9000", limits=QUICK)


@pytest.mark.parametrize("scheme", ["grpcs", "https"])
def test_a_server_is_asked_by_tls_where_its_certificate_is_trusted(
    package, network, tiles, scheme, tmp_path, monkeypatch
):
    certificate, middle = write_certificate(tmp_path), Middle(answering(network))
    monkeypatch.setenv("CELLVINO_SERVER_TOKEN", "hidden")
    served = listening(middle, certificate) if scheme == "grpcs" else rest_listening(network, certificate)
    with served as address:
        assert address.startswith(scheme)
        with pytest.raises(DeviceError, match=r"certificate of .* is not trusted .* CELLVINO_SERVER_CA"):
            ServerEngine(package, address, limits=QUICK)
        assert middle.asked == []
        monkeypatch.setenv("CELLVINO_SERVER_CA", str(certificate.file))
        engine = ServerEngine(package, address, Precision.EXACT, limits=QUICK)
        engine.load(TILE)
        maps = list(engine.infer_all(reused(tiles[:4])))
        engine.close()
    assert all(np.allclose(a, b, atol=2e-3) for a, b in zip(maps, local_maps(package, tiles[:4]), strict=True))
    assert middle.tokens <= {"Bearer hidden"}


def test_no_pixel_goes_to_a_server_that_the_user_did_not_name(package, network, tmp_path, monkeypatch):
    middle = Middle(answering(network))
    with listening(middle) as address:
        with EngineProvider() as engines, pytest.raises(DeviceError, match="not among your servers"):
            engines.engine(package, address)
        assert middle.asked == []
        with EngineProvider(servers=[address]) as engines:
            engines.engine(package, address).load(TILE)
        monkeypatch.setenv("CELLVINO_SETTINGS", str(tmp_path / "settings.json"))
        (tmp_path / "settings.json").write_text(json.dumps({"servers": [address]}))
        with EngineProvider() as engines:
            engines.engine(package, f"{address}/any").load(TILE)


def test_servers_are_described_without_a_pixel(package, network):
    def of_finder_only(method, context):
        if middle.asked.count("ModelMetadata") > 1:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such model")

    middle = Middle(answering(network), of_finder_only)
    with listening(middle) as address:
        server = address.removeprefix("grpc://")
        assert describe_server(address, "finder").full_name == f"Server {server}: finder 1"
        assert describe_server(address, "other").full_name == f"Server {server}: has no other"
    assert describe_server(address, "finder").full_name == f"Server {server}: does not answer"
    assert set(middle.asked) == {"ModelMetadata"}


@pytest.mark.parametrize(
    ("text", "model", "version", "port"),
    [
        ("grpc://bench-2", "", "", 9000),
        ("https://bench-2/nuclei", "nuclei", "", 443),
        ("http://10.0.0.7:8080/v/versions/3", "v", "3", 8080),
    ],
)
def test_addresses(text, model, version, port):
    found = parse_address(text)
    assert (found.model, found.version, found.port) == (model, version, port)


@pytest.mark.parametrize(
    "text", ["ftp://a", "grpc://", "grpc://a:port", "http://a/b/c", "http://me:secret@a", "http://a?t=1"]
)
def test_what_is_no_address_is_refused_and_a_secret_not_repeated(text):
    with pytest.raises(DeviceError) as refused:
        parse_address(text)
    assert "secret" not in str(refused.value)
