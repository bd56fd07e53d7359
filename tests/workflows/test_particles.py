"""The recipe gonzalez2019 on a simulated dark-field stack: from the planes to particles per cell and a histogram."""

import csv

import numpy as np
import tifffile

from napari_cellvino import run_folder
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.segmentation.pipeline import make_pipeline
from napari_cellvino.training.synthetic.particle_stacks import simulate_stack
from napari_cellvino.workflows.named_pipelines import named_recipe


def test_particles_are_counted_in_cells(tmp_path):
    true = simulate_stack(8, planes=5, shape=(256, 288), cells=14)
    tifffile.imwrite(tmp_path / "smear.ome.tif", true.image, photometric="rgb", metadata={"axes": "ZYXS"})
    run_folder([tmp_path / "smear.ome.tif"], tmp_path / "out", make_pipeline(named_recipe("gonzalez2019", Recipe())))
    folder = tmp_path / "out" / "smear"
    with (folder / "objects.csv").open(newline="", encoding="utf-8") as file:
        cells = list(csv.DictReader(file))
    assert abs(len(cells) - len(true.particles)) <= 3
    places = np.array([[float(cell[f"centroid_{axis}"]) for axis in "yx"] for cell in cells]).round().astype(int)
    inside = true.labels[tuple(places.T)]
    counted = np.array([float(cell["spots"]) for cell in cells])[inside > 0]
    assert np.corrcoef(counted, true.particles[inside[inside > 0] - 1])[0, 1] > 0.8
    assert {p.name for p in folder.iterdir()} >= {"labels.tif", "spots.csv", "qc.png"}
    assert (tmp_path / "out" / "histogram_spots.png").is_file()
