"""PyTorch files: weights with the code that builds their network, TorchScript, and what is refused."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from napari_cellvino.core.errors import ModelPackageError
from napari_cellvino.engines.openvino import openvino_core
from napari_cellvino.training.convert.adapt import AdaptOptions
from napari_cellvino.training.convert.convert import ConversionResult, ConvertOptions, convert
from napari_cellvino.training.convert.package_text import Sizes

torch = pytest.importorskip("torch", reason="needs the train extra")
pytestmark = [
    pytest.mark.filterwarnings("ignore:.torch.jit.trace:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning"),
]

CODE = """
import torch
from torch import nn


class Small(nn.Module):
    def __init__(self, channels=1, *, width=4):
        super().__init__()
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.last = nn.Conv2d(2 * width, 1, 3, padding=1)
        self.up = nn.Upsample(scale_factor=2)

    def forward(self, x):
        a = torch.relu(self.norm(self.first(x)))
        deep = nn.functional.max_pool2d(a, 2)
        return torch.sigmoid(self.last(torch.cat([self.up(deep), a], 1)))


class Two(Small):
    def forward(self, x):
        return super().forward(x), x


not_a_class = 3
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "small_net.py").write_text(CODE)
    return tmp_path / "small_net.py"


def network(code: Path, **arguments):
    space: dict = {}
    exec(code.read_text(), space)
    torch.manual_seed(0)
    made = space["Small"](**arguments)
    made.norm.running_mean.uniform_(-0.2, 0.2)
    made.norm.running_var.uniform_(0.5, 2)
    return made.eval()


def converted(path: Path, architecture: str = "", channels: int | None = None) -> ConversionResult:
    options = ConvertOptions("mine", AdaptOptions(), Sizes(halo=16), architecture, channels)
    return convert(path, path.parent / "package", options)


def assert_as_in_torch(found: ConversionResult, net) -> None:
    given, expected = found.package.test_tensors()
    with torch.no_grad():
        np.testing.assert_allclose(expected, net(torch.from_numpy(given)).numpy(), atol=1e-5)


@pytest.mark.parametrize("wrapped", [lambda s: s, lambda s: {"epoch": 3, "state_dict": s}])
def test_weights_and_their_code(code, tmp_path, wrapped):
    net = network(code, width=8)
    torch.save(wrapped(net.state_dict()), tmp_path / "weights.pt")
    found = converted(tmp_path / "weights.pt", f"{code}:Small(width=8)")
    assert found.form == "PyTorch"
    assert found.fused == 1
    operations = {op.get_type_name() for op in openvino_core().read_model(found.package.folder / "model.xml").get_ops()}
    assert operations.isdisjoint({"BatchNormInference", "Multiply"}), "it is folded into the convolution"
    assert found.complete
    assert_as_in_torch(found, net)


def test_torchscript_of_a_colour_network(code, tmp_path):
    net = network(code, channels=3)
    torch.jit.trace(net, torch.rand(1, 3, 64, 64)).save(tmp_path / "traced.pt")
    found = converted(tmp_path / "traced.pt")
    assert found.package.spec.input_channels == 3
    assert_as_in_torch(found, net)


def test_how_many_channels_a_network_takes_can_be_said(code, tmp_path):
    torch.save(network(code, channels=2).state_dict(), tmp_path / "weights.pt")
    with pytest.raises(ModelPackageError, match="does not run .* --channels"):
        converted(tmp_path / "weights.pt", f"{code}:Small(channels=2)")
    with pytest.raises(ModelPackageError, match="takes 2 channels"):
        converted(tmp_path / "weights.pt", f"{code}:Small(channels=2)", channels=2)


@pytest.mark.parametrize(
    ("architecture", "words"),
    [
        ("{code}:Small", "does not make a network for these weights"),
        ("{code}:Large", "has no Large; it has Small, Two"),
        ("{code}:not_a_class", "has no not_a_class"),
        ("{code}:Small(width=None", "write it like"),
        ("{code}:Small(8)", "write it like"),
        ("Small", "write it like"),
        ("absent.py:Small", "cannot be imported"),
        ("absent_package.nets:Small", "cannot be imported"),
        ("{code}:Two(width=8)", "gives a tuple"),
        ("", "--architecture FILE.py:CLASS"),
    ],
)
def test_architectures_that_do_not_fit(code, tmp_path, architecture, words):
    torch.save(network(code, width=8).state_dict(), tmp_path / "weights.pt")
    with pytest.raises(ModelPackageError, match=words):
        converted(tmp_path / "weights.pt", architecture.format(code=code))


class Harm:
    """What a pickle can do when it is read."""

    def __reduce__(self):
        return (Path.touch, (Path("harm"),))


def test_pickled_code_is_not_run(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": Harm()}, tmp_path / "whole.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Harm()))
    for name in ("whole.pt", "plain.pt"):
        for architecture in (f"{code}:Small", ""):
            with pytest.raises(ModelPackageError):
                converted(tmp_path / name, architecture)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("content", [b"", b"no network", b"PK\x03\x04 cut short"])
def test_files_that_hold_nothing(code, tmp_path, content):
    (tmp_path / "net.pt").write_bytes(content)
    for architecture in (f"{code}:Small", ""):
        with pytest.raises(ModelPackageError, match="net.pt"):
            converted(tmp_path / "net.pt", architecture)


def test_weights_of_something_else(code, tmp_path):
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(ModelPackageError, match="no weights by name"):
        converted(tmp_path / "list.pt", f"{code}:Small")


def test_code_goes_with_pytorch_only(code, tmp_path):
    (tmp_path / "net.onnx").touch()
    with pytest.raises(ModelPackageError, match="--architecture goes with a PyTorch file"):
        converted(tmp_path / "net.onnx", f"{code}:Small")
