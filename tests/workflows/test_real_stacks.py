"""Every plane joined in 3D on real stacks that the shipped model has never seen; the joining was tuned on others."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import tifffile

from napari_cellvino.core.image import ArrayPlanes, Shape, Spacing, Stack
from napari_cellvino.core.objects import Doubt
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.quality.accuracy import match_field, summarise
from napari_cellvino.results.field_result import finish_field
from napari_cellvino.segmentation.pipeline import make_pipeline
from napari_cellvino.segmentation.predict_field import predict_field


def read(archive, name):
    with zipfile.ZipFile(archive) as packed:
        images = (tifffile.imread(io.BytesIO(packed.read(f"{kind}/{name}.tif"))) for kind in ("images", "labels"))
        pixels, truth = images
    return pixels, truth


def found_in(pixels, spacing, package, engine, **choices):
    stack = Stack(ArrayPlanes(pixels[None, None]), Shape(1, 1, *pixels.shape), pixels.dtype, spacing=spacing)
    pipeline = make_pipeline(Recipe(z="3d", device="CPU", **choices), [package])
    return finish_field(finish(predict_field(stack, pipeline, EngineProvider(lambda *_: engine))), pipeline)


def test_nuclei_of_mouse_embryos(shared_data, package, engine):
    archive = shared_data / "bbbc050_3d" / "bbbc050_trainval.zip"
    matches = []
    for name in ("tr_Emb05_t301", "tr_Emb05_t401", "tr_Emb05_t501"):
        pixels, truth = read(archive, name)
        result = found_in(pixels, Spacing(1.75, 0.8, 0.8), package, engine, diameter_px=17)
        matches.append(match_field(truth, result.annotation.labels))
        volumes = result.table["volume_um3"]
        assert np.median(volumes) / np.median(np.bincount(truth.ravel())[1:] * 1.75 * 0.8**2) < 1.5
    assert summarise(matches).f1_50 >= 0.85


def test_small_crop_of_another_laboratory(shared_data, package, engine):
    pixels, truth = read(shared_data / "volumes3d_small" / "volumes3d_small.zip", "stardist_img3d")
    result = found_in(pixels, Spacing(), package, engine, diameter_px=13)
    assert summarise([match_field(truth, result.annotation.labels)]).f1_50 >= 0.60
    assert (result.annotation.objects.doubts & int(Doubt.BROKEN_ALONG_Z)).any()
