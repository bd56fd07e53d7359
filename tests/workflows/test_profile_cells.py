"""Profiles of cells and wells, from results to files."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from napari_cellvino.cli import main
from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.progress import finish
from napari_cellvino.measure.profile_features import profile_features
from napari_cellvino.quality.profile_map import umap_is_here, umap_points
from napari_cellvino.quality.profiles import profile_wells
from napari_cellvino.workflows.run_folder import run_folder

RNG = np.random.default_rng(5)


def test_features_say_what_differs():
    y, x = np.mgrid[:60, :120]
    labels = np.zeros((60, 120), np.int32)
    labels[np.hypot(y - 30, x - 30) < 15] = 3
    labels[(abs(y - 30) < 4) & (abs(x - 90) < 20)] = 7
    plane = np.where(labels == 3, 100.0, 0) + np.where(labels == 7, 50 + 30 * (x % 2), 0)
    ids, found = profile_features(labels, np.stack([plane, plane[:, ::-1]]), ["DNA", "DNA"])
    assert ids.tolist() == [3, 7]
    assert found["Cells_AreaShape_Area"].tolist() == [(labels == 3).sum(), (labels == 7).sum()]
    assert found["Cells_AreaShape_FormFactor"][0] > 0.8 > found["Cells_AreaShape_FormFactor"][1]
    assert found["Cells_Intensity_MeanIntensity_dna"] == pytest.approx([100, 65], abs=0.5)
    assert found["Cells_Intensity_StdIntensity_dna"] == pytest.approx([0, 15], abs=0.1)
    assert found["Cells_Texture_Contrast_1_dna"][0] < found["Cells_Texture_Contrast_1_dna"][1]
    rings = sum(found[f"Cells_RadialDistribution_FracAtD_{n}of4_dna"] for n in range(1, 5))
    assert rings == pytest.approx([1, 1])
    assert found["Cells_Neighbors_FirstClosestDistance"] == pytest.approx([60, 60], abs=1)
    assert len(found) == 80


def plate_of_cells() -> pd.DataFrame:
    """Return cells of wells: controls, two compounds of one effect, one of another."""
    shift = {"": (0, 0, 0), "a": (3, 0, 0), "b": (3, 0.3, 0), "c": (0, 0, -3)}
    rows = []
    for number, (name, control) in enumerate([("", "negative")] * 4 + [(n, "") for n in "aabbcc"]):
        values = RNG.normal(np.add(shift[name], (10, 20, 30)), 1, (60, 3))
        told = {
            "Metadata_Plate": "p",
            "Metadata_Well": f"A{number + 1:02d}",
            "Metadata_Field": "",
            "Metadata_Dose": 1.0,
        }
        rows += [{**told, "Metadata_Compound": name, "Metadata_Control": control,
                  **dict(zip(("Cells_x", "Cells_y", "Cells_z"), line, strict=True))} for line in values]  # fmt: skip
    return pd.DataFrame(rows).assign(Cells_same=1.0)


def test_wells_are_scored_by_controls_and_like_effects_are_near():
    found = profile_wells(plate_of_cells())
    assert found.features == ("Cells_x", "Cells_y", "Cells_z")
    controls = found.table[found.table["Metadata_Control"] == "negative"]
    assert controls[list(found.features)].median().abs().max() < 1e-9
    assert not found.notices
    near = found.nearest.set_index("compound")["nearest_compound"]
    assert (near["a"], near["b"]) == ("b", "a")
    assert found.explained[:2].sum() > 0.9
    first, second = (n for n, kind in enumerate(found.kinds) if kind == "c")
    like = found.like(first, 9)
    assert len(like) == len(found.table) - 1
    assert dict(like)[second] > 0.9
    assert [cosine for _, cosine in like] == sorted((cosine for _, cosine in like), reverse=True)
    assert found.names[0] == ("p", "A01")
    bare = profile_wells(plate_of_cells().assign(Metadata_Control=""))
    assert "no negative controls" in bare.notices[0]


@pytest.mark.skipif(umap_is_here(), reason="umap-learn is installed")
def test_umap_says_what_it_needs():
    with pytest.raises(OptionError, match="pip install umap-learn"):
        umap_points(np.zeros((9, 3)))
    with pytest.raises(OptionError, match="4 wells or more"):
        umap_points(np.zeros((3, 2)))


def test_results_give_files_that_others_read(images, job, tmp_path, capsys):
    finish(run_folder(images, job.pipeline, job.root, job.engines))
    out = tmp_path / "profiles.h5ad"
    assert main(["profile", str(job.root), "--out", str(out), "--json", "--network", "nuclei"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [file.rsplit("profiles")[-1] for file in told["files"]] == [
        ".h5ad",
        "_cells.h5ad",
        "_nearest.csv",
        "_pca.png",
    ]
    inner = [name for name in told["features"] if name.startswith("Cells_Network_")]
    assert len(inner) > 100
    assert len(told["features"]) > len(inner) + 40
    with h5py.File(out) as file, h5py.File(tmp_path / "profiles_cells.h5ad") as cells:
        assert file["X"].shape == (3, len(told["features"]))
        assert file["obs/Metadata_Cells"][:].sum() == len(cells["X"])
        assert file["obsm/X_pca"].shape == (3, 2)
    assert main(["profile", str(job.root), "--out", str(tmp_path / "profiles.xlsx")]) == 2


PROFILERS = Path(__file__).parents[2] / ".cache" / "profilers" / "bin" / "python"
READ = """
import sys, warnings
warnings.simplefilter("ignore")
import pandas as pd, scanpy as sc
from pycytominer import normalize
cells, wells = pd.read_csv(sys.argv[1]), sc.read_h5ad(sys.argv[2])
done = normalize(cells, features="infer", meta_features="infer", samples="all", method="standardize")
assert len(done) == len(cells) and (done.columns.str.startswith("Cells_")).sum() > 40, done.shape
sc.pp.neighbors(wells, n_neighbors=2, use_rep="X_pca")
assert wells.n_obs == 3 and "connectivities" in wells.obsp
assert wells.obs["Metadata_Field"].tolist() == ["field 1", "field 2", "field 3"]
print(wells.n_vars)
"""


@pytest.mark.slow
@pytest.mark.skipif(
    not PROFILERS.is_file(), reason="scanpy and pycytominer have no environment: scripts/setup_profilers.sh"
)
def test_pycytominer_and_scanpy_read_them(images, job, tmp_path):
    finish(run_folder(images, job.pipeline, job.root, job.engines))
    for name in ("profiles.csv", "profiles.h5ad"):
        assert main(["profile", str(job.root), "--out", str(tmp_path / name)]) == 0
    files = [str(tmp_path / "profiles_cells.csv"), str(tmp_path / "profiles.h5ad")]
    told = subprocess.run([PROFILERS, "-c", READ, *files], capture_output=True, text=True, env={}, check=False)
    assert told.returncode == 0, told.stderr
    assert int(told.stdout) > 40
