"""Nothing goes out: no process of ours asks for a host, connects to one, or leaves an id of the user behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import numpy as np
import pytest
import tifffile
from small_training import PLAN

from napari_cellvino.core.resources import shipped_folder

GUARD = Path(__file__).parent / "offline"
CELLVINO = ("-c", "import sys; from napari_cellvino.cli import main; sys.exit(main())")
WINDOW = ("-c", "import sys; from napari_cellvino.gui.shell.launch import main; sys.exit(main())")
SILENCED_BY = ("CI", "TF_BUILD", "JENKINS_URL", "NNCF_CI", "NNCF_DEV")  # their own switches: must not be needed
SENDERS = list(distributions(name="openvino-telemetry"))


@dataclass(frozen=True)
class Guarded:
    """What a process said, whom it tried to reach, and what it left in the home folder."""

    said: str
    attempts: list[str]
    left: set[str]


Run = Callable[..., Guarded]


@pytest.fixture
def guarded(tmp_path: Path) -> Run:
    """A function that runs Python in a home of its own, where every way out is refused and written down."""
    home, attempts = tmp_path / "home", tmp_path / "attempts.txt"
    home.mkdir()
    attempts.touch()
    paths = os.pathsep.join(filter(None, [str(GUARD), os.environ.get("PYTHONPATH")]))
    own = {
        "HOME": home,
        "USERPROFILE": home,
        "LOCALAPPDATA": home,
        "PYTHONPATH": paths,
        "CELLVINO_TEST_ATTEMPTS": attempts,
    }

    def run(*arguments: object, ends: tuple[int, ...] = (0,), port: str = "") -> Guarded:
        words = [sys.executable, *map(str, arguments)]
        kept = {k: v for k, v in os.environ.items() if k not in SILENCED_BY}
        environment = kept | {k: str(v) for k, v in own.items()} | {"CELLVINO_TEST_PORT": port}
        done = subprocess.run(
            words, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode in ends, done.stdout + done.stderr
        left = {p.relative_to(home).as_posix() for p in home.rglob("*") if "intel" in p.as_posix().lower()}
        return Guarded(done.stdout + done.stderr, attempts.read_text().splitlines(), left)

    return run


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Two small fields of the sample plate with their cells; the second is there to judge by."""
    samples, folder = shipped_folder("sample_data"), tmp_path / "set"
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True)
    for well in ("A01", "A02"):
        image = tifffile.imread(samples / "plate" / f"{well}_s1.ome.tif")[0]
        labels = tifffile.imread(samples / "plate" / "labels" / f"{well}_s1.tif")
        tifffile.imwrite(folder / "images" / f"{well}.tif", image[:160, :160])
        tifffile.imwrite(folder / "labels" / f"{well}.tif", labels[:160, :160])
    (folder / "splits.csv").write_text("id,split\nA01,train\nA02,val\n")
    return folder


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A network of one convolution, as ONNX: cells are what is bright."""
    onnx = pytest.importorskip("onnx", reason="needs the train extra")
    helper, numbers, kind = onnx.helper, onnx.numpy_helper, onnx.TensorProto.FLOAT
    nodes = [helper.make_node("Conv", ["image", "w", "b"], ["made"]), helper.make_node("Sigmoid", ["made"], ["maps"])]
    constants = [
        numbers.from_array(np.full((1, 1, 1, 1), 16, np.float32), "w"),
        numbers.from_array(np.array([-5.6], np.float32), "b"),
    ]
    image, maps = (helper.make_tensor_value_info(n, kind, ["batch", 1, "y", "x"]) for n in ("image", "maps"))
    graph = helper.make_graph(nodes, "threshold", [image], [maps], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "net.onnx")
    return tmp_path / "net.onnx"


def assert_silent(run: Guarded) -> None:
    assert run.attempts == []
    assert run.left == set()


@pytest.mark.skipif(not SENDERS, reason="this OpenVINO brings nothing that would send")
def test_the_guard_sees_what_openvino_does_by_itself(guarded):
    run = guarded("-c", "import openvino")
    assert any(line.startswith("socket.getaddrinfo") for line in run.attempts)
    assert run.left, "an id was kept"


def test_run_and_check_of_the_models(guarded, labelled, tmp_path):
    run = guarded(*CELLVINO, "run", labelled / "images", "--out", tmp_path / "out")
    assert "2 of 2 fields" in run.said
    assert_silent(run)
    assert_silent(guarded(*CELLVINO, "models", "check", "nuclei"))


WATCHED = """
import sys, threading, psutil
from napari_cellvino.cli import main

seen, over = set(), threading.Event()

def look():
    while not over.wait(0.01):
        seen.update(c.raddr for c in psutil.Process().net_connections("inet") if c.raddr)

thread = threading.Thread(target=look)
thread.start()
code = main()
over.set()
thread.join()
print("connected to", sorted(f"{ip}:{port}" for ip, port in seen))
sys.exit(code)
"""


@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_a_server_is_the_only_one_that_is_asked(guarded, labelled, tmp_path, monkeypatch, scheme):
    pytest.importorskip("grpc", reason="needs the remote extra")
    from model_servers import Middle, answering, listening, rest_listening

    from napari_cellvino.engines.provider import open_engine
    from napari_cellvino.model_package import find_package

    engine, lock = open_engine(find_package("nuclei"), "CPU"), threading.Lock()

    def network(batch):
        with lock:
            engine.load(batch.shape[-1])
            return engine.infer(batch)

    served = rest_listening(network) if scheme == "http" else listening(Middle(answering(network)))
    with served as address:
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        port = address.rpartition(":")[2]
        run = guarded(
            "-c", WATCHED, "run", labelled / "images", "--out", tmp_path / "out", "--engine", address, port=port
        )
    assert "2 of 2 fields" in run.said
    assert f"connected to ['127.0.0.1:{port}']" in run.said
    assert_silent(run)


def test_a_library_that_imports_us_and_then_openvino(guarded):
    assert_silent(guarded("-c", "import napari_cellvino, openvino"))


@pytest.mark.slow
def test_window(guarded, tmp_path):
    pytest.importorskip("qtpy")
    assert_silent(guarded(*WINDOW, "--demo", tmp_path / "out", "--screenshot", tmp_path / "window.png"))
    assert list((tmp_path / "out").rglob("annotation.json"))


@pytest.mark.slow
def test_train(guarded, labelled, tmp_path):
    pytest.importorskip("torch", reason="needs the train extra")
    (tmp_path / "plan.yaml").write_text(PLAN)
    options = ("--plan", tmp_path / "plan.yaml", "--out", tmp_path / "mine", "--steps", 1)
    assert_silent(guarded(*CELLVINO, "train", labelled, *options, ends=(0, 1)))  # 1: no better after one step
    assert (tmp_path / "mine" / "rdf.yaml").is_file()


@pytest.mark.slow
def test_convert_and_quantize(guarded, network, labelled, tmp_path):
    pytest.importorskip("nncf", reason="needs the train extra")
    out, diameter = tmp_path / "package", ("--diameter", 24)
    assert_silent(guarded(*CELLVINO, "convert", network, "--out", out, "--halo", 16, *diameter))
    options = ("--calibration", labelled, "--tiles", 2, "--max-drop", 0.9)
    assert_silent(guarded(*CELLVINO, "quantize", out, *options))
    assert (out / "model_int8.xml").is_file()
