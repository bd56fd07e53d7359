"""Masks that people drew of real cells, in the plane and in stacks, come back from every format as they were."""

import io
import zipfile

import numpy as np
import pytest
import tifffile

from napari_cellvino.formats.export import ExportChoices, export_fields
from napari_cellvino.formats.field import Cells, ExportField, cells_of
from napari_cellvino.training.data.datasets import read_packed_set

from .test_round_trips import KEEP_PIXELS, KEEP_STACKS, check, read

FIELDS = 6


def field_from(name, pixels, labels):
    labels = labels.astype(np.int32)
    return ExportField(name, pixels[None], Cells(labels, cells_of(labels)))


def check_all(tmp_path, fields, kinds):
    export_fields(fields, ExportChoices(tuple(kinds), tmp_path, reviewed_only=frozenset()))
    for kind in kinds:
        for field in fields:
            check(kind, field.cells, read(kind, tmp_path / kind, field.shape, field.name))


@pytest.mark.parametrize("name", ["dsb2018", "bbbc039", "usiigaci_phase"])
def test_planes(shared_data, tmp_path, name):
    found = [f for f in read_packed_set(shared_data / name, "val") if f.image.ndim == 2][:FIELDS]
    check_all(tmp_path, [field_from(f.id, f.image, f.true_labels()) for f in found], KEEP_PIXELS)


def test_stacks(shared_data, tmp_path):
    archive = next((shared_data / "bbbc050_3d").glob("*.zip"))
    with zipfile.ZipFile(archive) as packed:
        name = sorted(n for n in packed.namelist() if n.startswith("labels/"))[0]
        labels, image = (
            tifffile.imread(io.BytesIO(packed.read(n))) for n in (name, name.replace("labels/", "images/"))
        )
    assert labels.ndim == 3
    check_all(tmp_path, [field_from("embryo", image, labels)], KEEP_STACKS)
