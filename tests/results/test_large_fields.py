"""What is looked at in parts, so that memory does not grow with the field, is the same as a whole, to the bit."""

from dataclasses import replace

import numpy as np
import pytest

from napari_cellvino.core import label_runs
from napari_cellvino.core.image import Plane
from napari_cellvino.figures import qc_picture
from napari_cellvino.measure import image_values, runs
from napari_cellvino.quality import shape_evidence, waists
from napari_cellvino.quality.doubts import find_doubts
from napari_cellvino.results.field_result import measured
from napari_cellvino.results.field_writing import write_result
from napari_cellvino.results.schema import ResultKey
from napari_cellvino.storage import large_arrays
from tests.annotation.conftest import PROVENANCE
from tests.results.test_corrections import made_of

SMALL = (  # constants, as they are in parts of few pixels
    (large_arrays, {"BAND_BYTES": 2000, "ALWAYS_FITS": 0, "MOST_IN_MEMORY": 100}),
    (label_runs, {"BAND_PX": 700}),
    (runs, {"PART_PX": 90}),
    (shape_evidence, {"RUNS_AT_ONCE": 50}),
    (waists, {"AT_ONCE": 3}),
    (image_values, {"BAND_BYTES": 2000}),
    (qc_picture, {"SUMMED_PX": 2000}),
)


def _labels():
    """Pairs of discs that touch, of which some look like two cells, and one disc at each edge."""
    labels, (y, x) = np.zeros((200, 240), np.int32), np.mgrid[:200, :240]
    for number, (cy, cx) in enumerate([(0, 60), (199, 9), *np.ndindex(5, 6)], 1):
        for at in (0, 8 + cx):
            place = (20 + 38 * cy, 16 + 38 * cx + at) if number > 2 else (cy, cx)
            labels[(np.hypot(y - place[0], x - place[1]) < 7) & (labels == 0)] = number
    return labels


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_a_field_in_parts_is_measured_and_written_as_a_whole(tmp_path, monkeypatch, dtype):
    labels, noise = _labels(), np.random.default_rng(1)
    pixels = noise.integers(1, 4000, (1, *labels.shape)).astype(dtype)
    if dtype is np.float32:
        pixels[0, 18:22, 10:20] = np.nan
    likely = noise.random(labels.shape).astype(np.float16)
    monkeypatch.setattr(qc_picture, "LONGEST", 100)
    for name in ("whole", "parts"):
        if name == "parts":
            for module, values in SMALL:
                for constant, value in values.items():
                    monkeypatch.setattr(module, constant, value)
        held = large_arrays.allocate(labels.shape, np.int32)
        held[:] = labels
        plane = Plane(pixels, pixels)
        annotation = made_of(held, plane)
        found = find_doubts(annotation.objects, held, labels.shape, foreground_probability=likely)
        assert len(set(found.tolist())) > 2
        annotation.provenance = replace(
            PROVENANCE, pixels_sha256=annotation.provenance.pixels_sha256, notices=(str(found),)
        )
        write_result(tmp_path / name, measured(annotation, plane), ResultKey("a.tif", "", 1, 2, "r"))
    whole = {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "parts").iterdir()} == whole
    assert isinstance(held, np.memmap)
