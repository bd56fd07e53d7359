"""Readers that need an environment of their own, which `make test` makes (scripts/setup_readers.sh).

The variables ``CELLVINO_CELLPOSE`` and ``CELLVINO_OME_ZARR`` name the Python of each.
"""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from napari_cellvino.formats.export import ExportChoices, export_fields

from .cases import CASES, field_of, stack
from .test_round_trips import renumbered

FOREIGN = Path(__file__).with_name("foreign")


def read_with(variable, script, folder, tmp_path):
    python = os.environ.get(variable)
    if not python:
        pytest.skip(f"needs the environment that {variable} names")
    out = tmp_path / "seen.npz"
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([python, FOREIGN / script, folder, out], check=True, env=env, timeout=500)
    with np.load(out) as seen:
        return dict(seen)


def test_cellpose_loads_masks_and_images(tmp_path):
    cases = {"touching": CASES["touching, at the edge"], "holes": CASES["ring with island"]}
    large = [field_of(np.kron(case(), np.ones((8, 8), int)), name) for name, case in cases.items()]
    fields = [*large, field_of(stack(), "stack")]
    export_fields(fields, ExportChoices(("cellpose",), tmp_path))
    table = (tmp_path / "cellpose" / "splits.csv").read_text().splitlines()[1:]
    seen = {}
    for split in {row.split(",")[1] for row in table}:
        seen |= read_with("CELLVINO_CELLPOSE", "read_cellpose.py", tmp_path / "cellpose" / split, tmp_path)
    for field in fields:
        expected = renumbered(field.cells.labels)
        np.testing.assert_array_equal(seen[f"labels {field.name}"], expected)
        np.testing.assert_array_equal(seen[f"image {field.name}"], field.pixels[1])
        outlines = seen[f"outlines {field.name}"]
        assert set(np.unique(outlines)) - {0} == set(np.unique(expected)) - {0}
        assert (outlines[outlines > 0] == expected[outlines > 0]).all()


@pytest.mark.parametrize("kind", ["ome-zarr", "ome-zarr-0.4"])
@pytest.mark.parametrize(
    "labels", [CASES["ring with island"](), stack(), np.kron(CASES["ring with island"](), np.ones((90, 90), int))]
)
def test_ome_zarr_reads_image_and_labels(tmp_path, kind, labels):
    field = field_of(labels)
    export_fields([field], ExportChoices((kind,), tmp_path))
    seen = read_with("CELLVINO_OME_ZARR", "read_ome_zarr.py", tmp_path / kind / "field.ome.zarr", tmp_path)
    np.testing.assert_array_equal(seen["image"], field.pixels)
    np.testing.assert_array_equal(seen["level 0"], labels)
    assert str(seen["axes"]) == ("czyx" if labels.ndim == 3 else "cyx")
    assert seen["scale"].tolist() == [1, *([2.0] if labels.ndim == 3 else []), 0.5, 0.25]
    assert seen["names"].tolist() == ["DNA", "GFP"]
    for name in (key for key in seen if key.startswith("level")):
        assert set(np.unique(seen[name])) <= set(np.unique(labels))
