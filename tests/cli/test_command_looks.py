"""The commands that only look: info, devices, models."""

import shutil

import numpy as np
import tifffile

from napari_cellvino.core.resources import shipped_folder


def test_info_says_what_is_understood(cellvino, samples):
    called = cellvino("info", samples / "nuclei_stack.ome.tif", samples / "plate" / "A01_s1.ome.tif")
    assert called.code == 0
    assert called.err == ""
    assert "13 planes · 512 × 448 px · uint16" in called.out
    assert "0.325 × 0.325 × 1 µm per pixel" in called.out
    assert "channels: 1 DNA, 2 GFP" in called.out


def test_info_json_is_complete(cellvino, samples):
    called = cellvino("info", samples / "plate", samples / "phase_field.tif", "--json")
    assert called.code == 0
    first, *_, last = called.json
    assert len(called.json) == 7
    assert first["shape"] == {"t": 1, "c": 2, "z": 1, "y": 256, "x": 256}
    assert first["spacing_um"] == {"z": None, "y": 0.65, "x": 0.65}
    assert first["channels"] == ["DNA", "GFP"]
    assert (last["dtype"], last["rgb"]) == ("uint8", False)


def test_info_names_what_cannot_be_read_and_goes_on(cellvino, samples, tmp_path):
    (tmp_path / "broken.tif").write_bytes(b"II*\0")
    wanted = (tmp_path / "broken.tif", tmp_path / "absent.tif", tmp_path / "~$lock.tif", samples / "phase_field.tif")
    called = cellvino("info", *wanted)
    assert called.code == 1
    assert "broken.tif" in called.err
    assert "absent.tif" in called.err
    assert "phase_field.tif" in called.out
    records = cellvino("info", *wanted, "--json")
    assert records.code == 1
    assert ["error" in record for record in records.json] == [True, True, True, False]


def test_info_of_a_folder_without_images(cellvino, tmp_path):
    called = cellvino("info", tmp_path)
    assert called.code == 1
    assert tmp_path.name in called.err


def test_info_of_a_folder_says_what_a_run_would_say_of_its_files(cellvino, tmp_path):
    for name in ("Process_0001_CH1.tif", "Process_0001_CH2.tif", "Process_0002_CH1.tif", "Process_0002_CH2.tif"):
        tifffile.imwrite(tmp_path / name, np.zeros((8, 8), np.uint8))
    (tmp_path / "notes.txt").touch()
    called = cellvino("info", tmp_path)
    assert "--pattern 'Process_{field}_CH{channel}.tif' groups them" in called.err
    assert "notes.txt" in called.err
    assert "notes.txt" in cellvino("info", tmp_path, "--json").err


def test_info_of_names_that_begin_with_a_tilde(cellvino, tmp_path, monkeypatch, samples):
    monkeypatch.chdir(tmp_path)
    shutil.copy(samples / "phase_field.tif", tmp_path / "~$phase.tif")
    assert cellvino("info", "~$phase.tif").code == 0


def test_info_lists_what_was_assumed(cellvino, tmp_path, samples):
    tifffile.imwrite(tmp_path / "bare.tif", tifffile.imread(samples / "phase_field.tif"))
    called = cellvino("info", tmp_path)
    assert "pixel size unknown" in called.out


def test_devices(cellvino):
    names = [device["name"] for device in cellvino("devices", "--json").json]
    assert names[0] == "AUTO"
    assert "CPU" in names
    called = cellvino("devices")
    assert called.code == 0
    assert [line.split()[0] for line in called.out.splitlines()] == names


def test_models_are_listed(cellvino):
    called = cellvino("models")
    assert called.code == 0
    listed = cellvino("models", "--json").json
    names = [entry["spec"]["name"] for entry in listed]
    shipped = ["cell-contour", "cell-grid", "cells", "cells-phase", "live-dead", "nuclei", "nuclei-stained"]
    assert names == ["blood-smear", *shipped]
    assert [line.split()[0] for line in called.out.splitlines() if line[:1].strip()] == names
    assert all(entry["problem"] == "" for entry in listed)


def test_broken_model_is_listed_with_its_problem(cellvino, tmp_path, monkeypatch):
    monkeypatch.setenv("CELLVINO_MODELS", str(tmp_path))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "rdf.yaml").write_text("type: poem")
    called = cellvino("models")
    assert called.code == 0
    broken = cellvino("models", "--json").json[-1]
    assert broken["spec"] is None
    assert str(tmp_path / "mine" / "rdf.yaml") in broken["problem"]
    assert broken["problem"] in called.out
    checked = cellvino("models", "check", "--json")
    assert checked.code == 1
    assert str(tmp_path / "mine" / "rdf.yaml") in checked.err
    names = {check["model"].split()[0] for check in checked.json}
    assert "nuclei" in names
    assert "mine" not in names


def test_model_check(cellvino):
    called = cellvino("models", "check", "nuclei")
    assert called.code == 0, called.out
    assert "ok" in called.out
    checks = cellvino("models", "check", "nuclei", "--json").json
    assert {check["precision"] for check in checks} >= {"fast", "exact"}
    assert all(check["ok"] and check["difference"] <= check["tolerance"] for check in checks)


def test_model_in_a_folder_can_be_checked_and_used(cellvino, tmp_path, samples):
    folder = shutil.copytree(shipped_folder("models") / "nuclei", tmp_path / "moved")
    called = cellvino("run", samples / "plate" / "A03_s1.ome.tif", "--model", folder, "--out", tmp_path / "out")
    assert called.code == 0, called.err
