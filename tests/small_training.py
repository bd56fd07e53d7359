"""A network that trains in seconds, and corrected results of the shipped plate to train it on."""

from __future__ import annotations

import json
from pathlib import Path

import tifffile

from napari_cellvino.core.recipe import make_recipe
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.workflows.import_masks import import_masks

PLAN = """
head: centre_offset
classes: [nucleus]
diameter_px: {reference: 14, smallest: 7, largest: 70}
style: fluorescence
network: {widths: [8, 16]}
tile: 256
halo: 16
crop_px: 64
steps: 6
batch: 2
"""


def write_tiny_model(folder: Path) -> Path:
    """Train a model for six steps on two wells and return its package."""
    from napari_cellvino.core.progress import finish
    from napari_cellvino.training.fit.finetune import TrainingTask, train

    dataset, plate = folder / "wells", shipped_folder("sample_data") / "plate"
    for kind in ("images", "labels"):
        (dataset / kind).mkdir(parents=True)
    for well in ("A01", "B02"):
        tifffile.imwrite(dataset / "images" / f"{well}.tif", tifffile.imread(plate / f"{well}_s1.ome.tif")[0])
        tifffile.imwrite(dataset / "labels" / f"{well}.tif", tifffile.imread(plate / "labels" / f"{well}_s1.tif"))
    (folder / "plan.yaml").write_text(PLAN)
    finish(train(TrainingTask(dataset, folder / "tiny", plan=folder / "plan.yaml")))
    return folder / "tiny"


def write_corrections(
    folder: Path, wells: tuple[str, ...] = ("A01", "A02", "B02"), *, review: str = "accepted", turned: bool = False
) -> Path:
    """Write results of wells whose cells are the true ones, or those turned by 180°, each looked at by a person."""
    plate = shipped_folder("sample_data") / "plate"
    for well in wells:
        images = [plate / f"{well}_s1.ome.tif"]
        masks = plate / "labels" / f"{well}_s1.tif"
        if turned:
            masks = folder.with_name(f"{well}_s1.tif")
            tifffile.imwrite(masks, tifffile.imread(plate / "labels" / masks.name)[::-1, ::-1])
        made = list(import_masks(masks, images, folder, make_recipe({}, source="a test")))
        assert not any(one.failed for one in made), made
        path = folder / f"{well}_s1" / "annotation.json"
        content = json.loads(path.read_text())
        for record in content["objects"]:
            record["review"] = review
        path.write_text(json.dumps(content))
    return folder
