"""A few real steps: the loss falls, a run goes on where it stopped, and what is exported does what torch does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cellvino.resources import shipped_folder
from napari_cellvino.training.datasets import LabelledImage

torch = pytest.importorskip("torch", reason="needs the train extra")


@pytest.fixture(scope="module")
def images() -> list[LabelledImage]:
    plate = shipped_folder("sample_data") / "plate"
    return [
        LabelledImage(
            w,
            "sample",
            tifffile.imread(plate / f"{w}_s1.ome.tif")[0],
            tifffile.imread(plate / "labels" / f"{w}_s1.tif"),
        )
        for w in ("A01", "B02")
    ]


def test_crops_have_objects_in_place(images: list[LabelledImage]) -> None:
    from napari_cellvino.training.augment import CropOptions, random_crop

    options = CropOptions(size=96, empty_fraction=0.0)
    rng = np.random.default_rng(0)
    inside, outside = [], []
    for _ in range(20):
        crop, labels = random_crop(images[0].image / 4095.0, images[0].labels, 14.0, options, rng)
        assert crop.shape == labels.shape == (96, 96)
        assert crop.dtype == np.float32
        assert -0.5 <= crop.min() <= crop.max() <= 2.0
        if (labels > 0).any():
            inside.append(np.median(crop[labels > 0]))
            outside.append(np.median(crop[labels == 0]))
    assert np.mean(np.array(inside) > np.array(outside)) > 0.9


@pytest.mark.filterwarnings("ignore:You are using the legacy TorchScript-based ONNX export:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The feature will be removed:DeprecationWarning")
def test_fitting_learns_resumes_and_exports(images: list[LabelledImage], tmp_path: Path) -> None:
    from napari_cellvino.inference.openvino import OpenVinoEngine
    from napari_cellvino.package import open_package
    from napari_cellvino.recipe import Precision
    from napari_cellvino.training.augment import CropOptions
    from napari_cellvino.training.convert import PackageText, export_network, write_description
    from napari_cellvino.training.fit import FitOptions, fit
    from napari_cellvino.training.networks import CentreOffsetNet
    from napari_cellvino.training.nuclei import _config

    options = FitOptions(steps=12, batch=2, warm_up=2, checkpoint_every=4, crops=CropOptions(size=64))
    running = fit(images, tmp_path / "run", options)
    first = next(running)
    running.close()
    rest = list(fit(images, tmp_path / "run", options))
    assert [news.step for news in (first, *rest)] == [4, 8, 12]
    assert rest[-1].loss["foreground"] < first.loss["foreground"]

    net = CentreOffsetNet()
    net.load_state_dict(torch.load(tmp_path / "run" / "weights.pt", weights_only=True))
    batch = np.random.default_rng(0).random((1, 1, 64, 64), np.float32)
    export_network(net, tmp_path / "nuclei", batch)
    write_description(tmp_path / "nuclei", PackageText("nuclei", "Nuclei", "0.0.1", "a test", "card", config=_config()))
    package = open_package(tmp_path / "nuclei")
    engine = OpenVinoEngine(package, device="CPU", precision=Precision.EXACT)
    engine.load(64)
    given, promised = package.test_tensors()
    np.testing.assert_allclose(engine.infer(given), promised, atol=0.02)
