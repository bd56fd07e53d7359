"""Servers for the tests: real ones in environments of their own, and one in this process that fails as it is told."""

from __future__ import annotations

import datetime
import io
import ipaddress
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from napari_cellvino.engines.remote.messages import SERVICE, messages

SCRIPTS = Path(__file__).parent / "servers"
STARTS_S = 90
A_DAY = datetime.timedelta(days=1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(python: str, script: str, network: Path, name: str, log: Path) -> Iterator[tuple[int, int]]:
    """Start a real server on free ports and yield those of HTTP and gRPC once it listens on both."""
    ports = (free_port(), free_port())
    words = [python, str(SCRIPTS / script), str(network), name, *map(str, ports)]
    with log.open("w") as said:
        process = subprocess.Popen(words, stdout=said, stderr=subprocess.STDOUT, cwd=SCRIPTS)
        try:
            for _ in range(STARTS_S * 4):
                if process.poll() is not None or all(map(_listens, ports)):
                    break
                time.sleep(0.25)
            assert process.poll() is None, log.read_text()
            assert all(map(_listens, ports)), log.read_text()
            yield ports
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(20)


class Lossy:
    """A fault for `Middle`: every ``drop``-th request is dropped, every ``delay``-th comes late by ``seconds``."""

    def __init__(self, *, drop: int, delay: int, seconds: float) -> None:
        self.asked = 0
        self._drop, self._delay, self._seconds = drop, delay, seconds
        self._lock = threading.Lock()

    def __call__(self, method: str, context: grpc.ServicerContext) -> None:
        with self._lock:
            self.asked += 1
            now = self.asked
        if now % self._drop == 0:
            context.abort(grpc.StatusCode.UNAVAILABLE, "dropped")
        if now % self._delay == 0:
            time.sleep(self._seconds)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Middle(grpc.GenericRpcHandler):
    """Answers requests by ``answer`` (method and bytes in, bytes out), unless ``fault`` aborts or delays them first."""

    answer: Callable[[str, bytes], bytes]
    fault: Callable[[str, grpc.ServicerContext], None] = lambda method, context: None
    asked: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)

    def service(self, details):
        method = details.method.removeprefix(SERVICE)

        def handle(request: bytes, context: grpc.ServicerContext) -> bytes:
            self.asked.append(method)
            self.tokens |= {value for key, value in context.invocation_metadata() if key == "authorization"}
            self.fault(method, context)
            return self.answer(method, request)

        return grpc.unary_unary_rpc_method_handler(handle)


@dataclass(frozen=True)
class Certificate:
    """Files of a certificate that a server of this computer shows, signed by itself, and of its key."""

    file: Path
    key: Path


def write_certificate(folder: Path) -> Certificate:
    """Write a certificate for 127.0.0.1 that is valid for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench-2")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + A_DAY)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    found = Certificate(folder / "server.pem", folder / "server.key")
    found.file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    found.key.write_bytes(key.private_bytes(*plain))
    return found


@contextmanager
def listening(middle: Middle, shown: Certificate | None = None) -> Iterator[str]:
    """Yield the address at which requests are answered, by TLS where the server has a certificate to show."""
    server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", -1)], handlers=[middle])
    if shown is None:
        address = f"grpc://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    else:
        credentials = grpc.ssl_server_credentials([(shown.key.read_bytes(), shown.file.read_bytes())])
        address = f"grpcs://127.0.0.1:{server.add_secure_port('127.0.0.1:0', credentials)}"
    server.start()
    try:
        yield address
    finally:
        server.stop(0).wait(10)


def forwarding(address: str) -> Callable[[str, bytes], bytes]:
    """Return what passes requests on to another server."""
    channel = grpc.insecure_channel(address.removeprefix("grpc://"), [("grpc.max_receive_message_length", -1)])

    def answer(method: str, request: bytes) -> bytes:
        return channel.unary_unary(SERVICE + method)(request, timeout=60)

    return answer


def answering(network: Callable[[np.ndarray], np.ndarray], *, input_name: str = "", datatype: str = "FP32"):
    """Return what answers with a function of (1, C, y, x); metadata are empty without a name of the input."""
    made = messages()

    def answer(method: str, request: bytes) -> bytes:
        if method == "ModelMetadata":
            inputs = [made["TensorMetadata"](name=input_name, datatype=datatype)] if input_name else []
            return made["ModelMetadataResponse"](name="any", versions=["1"], inputs=inputs).SerializeToString()
        asked = made["ModelInferRequest"].FromString(request)
        kind, content = asked.inputs[0].datatype, asked.raw_input_contents[0]
        if kind == "BYTES":
            assert (list(asked.inputs[0].shape), int.from_bytes(content[:4], "little")) == ([1], len(content) - 4)
            maps, file = network(np.load(io.BytesIO(content[4:])).astype(np.float32)), io.BytesIO()
            np.save(file, np.asarray(maps, np.float16))
            raw = len(file.getvalue()).to_bytes(4, "little") + file.getvalue()
            output = made["Tensor"](name="maps", datatype="BYTES", shape=[1])
            return made["ModelInferResponse"](outputs=[output], raw_output_contents=[raw]).SerializeToString()
        given = {"FP32": "<f4", "FP16": "<f2"}[kind]
        batch = np.frombuffer(content, given).reshape(asked.inputs[0].shape)
        maps = np.ascontiguousarray(network(batch.astype(np.float32)), "<f4")
        output = made["Tensor"](name="maps", datatype="FP32", shape=maps.shape)
        return made["ModelInferResponse"](outputs=[output], raw_output_contents=[maps.tobytes()]).SerializeToString()

    return answer


@contextmanager
def rest_listening(network: Callable[[np.ndarray], np.ndarray], shown: Certificate | None = None) -> Iterator[str]:
    """Yield the address at which REST requests are answered with a function of (1, C, y, x), in binary."""

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self._send(b"{}", 2)

        def do_POST(self):
            content = self.rfile.read(int(self.headers["Content-Length"]))
            length = int(self.headers["Inference-Header-Content-Length"])
            asked = json.loads(content[:length])["inputs"][0]
            given = {"FP32": "<f4", "FP16": "<f2"}[asked["datatype"]]
            maps = np.asarray(
                network(np.frombuffer(content[length:], given).reshape(asked["shape"]).astype("f4")), "<f4"
            )
            described = {"name": "maps", "datatype": "FP32", "shape": maps.shape}
            size = {"parameters": {"binary_data_size": maps.nbytes}}
            head = json.dumps({"outputs": [described | size]}).encode()
            self._send(head + maps.tobytes(), len(head))

        def _send(self, content, length):
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Inference-Header-Content-Length", str(length))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        if shown is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(shown.file, shown.key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        running = threading.Thread(target=server.serve_forever)
        running.start()
        try:
            yield f"{'http' if shown is None else 'https'}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            running.join()
