"""Phenotypes of whole fields: learnt on simulated plates, shared by two processes, the same in OpenVINO."""

from __future__ import annotations

import csv
import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import tifffile
import torch

from napari_cellvino.cli import main
from napari_cellvino.core.errors import ModelPackageError
from napari_cellvino.core.progress import finish
from napari_cellvino.training.phenotype.fields import PERCENTILES, LabelledField, _percentiles, seen
from napari_cellvino.training.phenotype.fit import PhenotypeOptions, fit_phenotypes
from napari_cellvino.training.phenotype.network import MultiScaleNetwork, logits
from napari_cellvino.training.phenotype.package import open_phenotypes
from napari_cellvino.training.phenotype.simulate import PHENOTYPES, simulate_phenotype

pytestmark = [
    pytest.mark.filterwarnings("ignore:You are using the legacy TorchScript-based ONNX export:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The feature will be removed:DeprecationWarning"),
]
SHARED = """
import json, sys
from napari_cellvino.core.progress import finish
from tests.training.test_phenotypes import TINY, noise
from napari_cellvino.training.phenotype.fit import fit_phenotypes
print(json.dumps(finish(fit_phenotypes(noise(), TINY)).losses))
"""
TINY = PhenotypeOptions(steps=4, batch=4, side=64)


def noise():
    rng = np.random.default_rng(2)
    return [LabelledField(rng.normal(n % 2, 1, (1, 64, 96)).astype(np.float32), "ab"[n % 2], "") for n in range(6)]


@pytest.mark.slow
def test_two_processes_have_the_losses_of_one_with_the_whole_batch(monkeypatch):
    alone = finish(fit_phenotypes(noise(), TINY)).losses
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        known = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
    other = subprocess.Popen([sys.executable, "-c", SHARED], env={**os.environ, **known, "RANK": "1"}, stdout=-1)
    for name, value in {**known, "RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    here = finish(fit_phenotypes(noise(), TINY)).losses
    out, _ = other.communicate(timeout=300)
    torch.distributed.destroy_process_group()
    assert here == pytest.approx(alone, rel=1e-4)
    assert json.loads(out) == pytest.approx(alone, rel=1e-4)


def test_evidence_adds_up_to_the_logits_at_any_size():
    network = MultiScaleNetwork(2, 3).eval()
    with torch.no_grad():
        evidence = network(torch.zeros(1, 2, 96, 160))
    assert evidence.shape == (1, 3, 3, 5)
    assert logits(evidence)[0].tolist() == pytest.approx(evidence[0].mean((1, 2)).tolist())


def test_a_plate_that_was_not_seen_is_told_and_openvino_says_what_torch_says(tmp_path, capsys):
    data = tmp_path / "set"
    (data / "images").mkdir(parents=True)
    with (data / "classes.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image", "class", "plate"])
        for plate in range(3):
            for kind in (PHENOTYPES[0], PHENOTYPES[2]):
                for n in range(4):
                    name = f"{plate}_{kind.name}_{n}.tif"
                    tifffile.imwrite(data / "images" / name, simulate_phenotype(kind, plate, n, side=96, cells=8)[0])
                    table.writerow([name, kind.name, f"plate {plate}"])
    model = tmp_path / "model"
    asked = ["train", str(data), "--task", "phenotype", "--out", str(model), "--steps", "60", "--batch", "8", "--json"]
    assert main([*asked, "--crop", "96"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["held_out"] == "plate 2"
    assert told["accuracy"] >= 0.75
    fields = [str(data / "images" / f"2_{kind}_0.tif") for kind in ("control", "shrunk")]
    assert main(["classify-fields", *fields, "--model", str(model), "--out", str(tmp_path / "out")]) == 0
    with (tmp_path / "out" / "fields.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["p_control"]) + float(row["p_shrunk"]) for row in rows] == pytest.approx([1, 1])
    assert (tmp_path / "out" / "2_control_0_saliency.png").is_file()
    exact = tmp_path / "exact"
    assert main(["classify-fields", *fields, "--model", str(model), "--out", str(exact), "--precision", "exact"]) == 0
    with (exact / "fields.csv").open(newline="") as file:
        again = [float(row["p_control"]) for row in csv.DictReader(file)]
    assert [float(row["p_control"]) for row in rows] == pytest.approx(again, abs=0.05)
    expected = np.load(model / "test_output.npy")
    assert np.abs(open_phenotypes(model).look(np.load(model / "test_input.npy")[0]).evidence - expected).max() < 1e-4
    np.save(model / "test_output.npy", expected + 1)
    with pytest.raises(ModelPackageError, match="something else here"):
        open_phenotypes(model)


@pytest.mark.parametrize(("dtype", "most"), [(np.uint8, 255), (np.uint16, 4000), (np.uint16, 3)])
def test_percentiles_of_whole_numbers_are_those_of_numpy(dtype, most):
    grey = np.random.default_rng(0).integers(0, most, (37, 53)).astype(dtype)
    assert _percentiles(grey) == pytest.approx(np.percentile(grey.astype(float), PERCENTILES).tolist())


def test_a_folder_without_a_model_says_what_to_name(tmp_path):
    with pytest.raises(ModelPackageError, match=r"No such file or directory; name the folder"):
        open_phenotypes(tmp_path)


def test_a_dose_lies_between_nothing_and_full_effect():
    size = [
        np.mean([(seen(simulate_phenotype(PHENOTYPES[2], 0, n, dose=dose, side=96))[0] > 0.3).mean() for n in range(4)])
        for dose in (0.0, 1.0, 1000.0)
    ]
    assert size[0] > size[1] > size[2]
