"""Plates that were copied in part, renamed or damaged: what is wrong is said, and the rest opens."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import Origin
from napari_cellvino.io.plates import is_of_plate, open_plate

EXPORTED = "imagexpress_exported/9987_Plate_3435"
YOKOGAWA = "yokogawa_cv8000/CV8000-Minimal-DataSet-2C-3W-4S-FP2-stack_20230918_135839"
BOMB = '<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY c "&a;&a;&a;&a;">]><Index>&c;</Index>'


def test_a_well_of_imagexpress_that_was_not_copied_is_named(copy_of):
    folder = copy_of(EXPORTED)
    for path in folder.rglob("*_B03_*"):
        path.unlink()
    plate = open_plate(folder).plate
    assert [w.name for w in plate.wells] == ["B02"]
    assert plate.missing == ("well B03",)


def test_a_field_and_an_image_that_are_missing_are_named_and_the_rest_is_read(copy_of):
    folder = copy_of(EXPORTED)
    for path in folder.rglob("*_B03_s2_*"):
        path.unlink()
    (folder / "TimePoint_2" / "9987_B02_s1_w2.TIF").unlink()
    source = open_plate(folder)
    assert source.plate.missing == ("B03 field 2", "B02 field 1 channel FITC time point 2")
    stack = source.read(source.positions[0])
    assert stack.plane(t=1, c=0).shape == (256, 256)
    with pytest.raises(ImageReadError, match="B02_f1.*FITC.*plane 1.*time point 2"):
        stack.plane(t=1, c=1)


@pytest.mark.parametrize(
    ("name", "index"), [("operetta_harmony", "Images/Index.idx.xml"), (YOKOGAWA, "MeasurementData.mlf")]
)
def test_images_that_the_index_lists_and_are_no_files_are_named(copy_of, name, index):
    folder = copy_of(name)
    gone = sorted(p for p in folder.rglob("*.tif*") if p.name.startswith(("r03", "CV8000")))[0]
    gone.unlink()
    source = open_plate(folder)
    assert gone.name in source.plate.missing
    assert source.read(source.positions[-1]).plane().ndim == 2


@pytest.mark.parametrize("name", [EXPORTED, "imagexpress_1well_zmix_t", "operetta_harmony", YOKOGAWA])
def test_a_damaged_image_is_named_and_fails_alone(copy_of, name):
    folder = copy_of(name)
    images = sorted(p for p in folder.rglob("*.[tT][iI][fF]*") if not p.name.startswith(("DC_", "SC_")))
    images[0].write_bytes(b"II*\0" + bytes(40))
    source = open_plate(folder)
    assert images[0].name in " ".join(source.plate.problems)
    assert source.read(source.positions[-1]).plane(t=source.plate.t - 1).max() >= 0


@pytest.mark.parametrize("name", [EXPORTED, "operetta_harmony"])
def test_an_image_of_another_size_is_named_and_not_taken_for_the_others(copy_of, name):
    folder = copy_of(name)
    path = sorted(p for p in folder.rglob("*.[tT][iI][fF]*") if "DC_" not in p.name)[-1]
    tifffile.imwrite(path, np.zeros((300, 200), np.uint16))
    source = open_plate(folder)
    assert f"{path.name} is 200 x 300 px" in " ".join(source.plate.problems)


def test_planes_of_two_sizes_in_one_field_are_an_error_in_words(written):
    folder = written("p_A01_s1_w1.tif", "p_A01_s1_w2.tif")
    tifffile.imwrite(folder / "p_A01_s1_w2.tif", np.zeros((20, 30), np.uint16))
    source = open_plate(folder)
    with pytest.raises(ImageReadError, match=r"p_A01_s1_w2\.tif.*30 × 20 px"):
        source.read().plane(c=1)


def test_doubled_names_are_said_and_the_first_is_read(written):
    folder = written("a/p_A01_s1_w1.tif", "b/p_A01_s1_w1.tif", "a/p_A02_s1_w1.tif")
    source = open_plate(folder)
    assert "1 images are doubled" in source.plate.faults[0]
    assert "b/p_A01" not in str([p.as_posix() for p in source.parts])
    assert source.read().plane().max() == 1


@pytest.mark.parametrize("name", ["operetta_harmony", YOKOGAWA])
@pytest.mark.parametrize("harm", ["cut", "empty", "bomb", "utf16 bomb", "other"])
def test_a_broken_index_is_an_error_in_words(copy_of, name, harm):
    folder = copy_of(name)
    index = next(p for p in folder.rglob("*") if p.name in ("Index.idx.xml", "MeasurementData.mlf"))
    whole = index.read_bytes()
    index.write_bytes(
        {
            "cut": whole[: len(whole) // 2],
            "empty": b"",
            "bomb": BOMB.encode(),
            "utf16 bomb": BOMB.replace("1.0", '1.0" encoding="utf-16').encode("utf-16"),
            "other": b"<html><body/></html>",
        }[harm]
    )
    with pytest.raises(ImageReadError) as caught:
        open_plate(folder)
    assert ("entities" in str(caught.value)) == ("bomb" in harm)


def test_an_index_does_not_reach_out_of_its_folder(copy_of, tmp_path):
    folder = copy_of("operetta_harmony")
    secret = tmp_path / "secret.tiff"
    tifffile.imwrite(secret, np.zeros((9, 9), np.uint8))
    index = folder / "Images" / "Index.idx.xml"
    text = index.read_text(encoding="utf-8-sig").replace("<URL>r03c03f01", "<URL>../../secret.tiff</URL><U>r03c03f01")
    index.write_text(text.replace("ch1sk1fk1fl1.tiff</URL>", "x</U>", 1), encoding="utf-8")
    assert secret not in open_plate(folder).parts


def test_without_its_details_a_yokogawa_plate_opens_in_pixels(copy_of):
    folder = copy_of(YOKOGAWA)
    next(folder.rglob("*.mrf")).unlink()
    plate = open_plate(folder).plate
    assert len(plate.wells) == 3
    assert plate.channels == ("Channel 1", "Channel 2")
    assert "MeasurementDetail.mrf is missing" in " ".join(plate.problems)


def test_a_damaged_htd_is_an_error_in_words(copy_of):
    folder = copy_of(EXPORTED)
    for htd in folder.rglob("*.HTD"):
        htd.write_bytes(b"\xff\x00 no HTD")
    with pytest.raises(ImageReadError, match=r"9987\.HTD"):
        open_plate(folder)


def test_an_index_without_any_image_is_an_error_in_words(copy_of):
    folder = copy_of("operetta_harmony")
    for path in folder.rglob("*.tiff"):
        path.unlink()
    with pytest.raises(ImageReadError, match="has none of its images"):
        open_plate(folder)


def test_no_plate_is_said(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageReadError, match="is no plate that is known"):
        open_plate(tmp_path / "empty")
    with pytest.raises(ImageReadError, match="there is no folder"):
        open_plate(tmp_path / "nowhere")
    shutil.rmtree(tmp_path / "empty")


HTD = """"HTSInfoFile", Version 1.0
"ZSteps", 1
"XWells", 12
"YWells", 8
"WellsSelection1", TRUE
"Sites", FALSE
"NWavelengths", 1
"WaveName1", "DAPI"
"TimePoints", 1
"""


@pytest.mark.parametrize("key", ["NWavelengths", "ZSteps", "TimePoints", "XWells"])
def test_a_word_where_the_htd_has_a_number_is_named(written, key):
    folder = written("p_A01.tif")
    (folder / "p.HTD").write_text(re.sub(rf'("{key}"), \d+', r"\1, x", HTD), encoding="utf-8")
    with pytest.raises(ImageReadError, match=f"'x' for {key}"):
        open_plate(folder)


@pytest.mark.parametrize(("heights", "step"), [(("n/a", "n/a"), None), (("0", "0.0000015"), 1.5), (("0", "NaN"), None)])
def test_heights_of_harmony_may_be_words(written, heights, step):
    folder = written("a.tiff", "b.tiff")
    images = "".join(
        f"<Image><URL>{name}.tiff</URL><Row>1</Row><Col>1</Col><FieldID>1</FieldID><PlaneID>{n}</PlaneID>"
        f"<ChannelID>1</ChannelID><PositionZ>{height}</PositionZ></Image>"
        for n, (name, height) in enumerate(zip("ab", heights, strict=True), 1)
    )
    plate = "<Plate><PlateRows>8</PlateRows><PlateColumns>12</PlateColumns></Plate>"
    index = f"<E><Plates>{plate}</Plates><Images>{images}</Images></E>"
    (folder / "Index.idx.xml").write_text(index, encoding="utf-8")
    assert open_plate(folder).plate.spacing.z == step


def test_folders_that_may_not_be_entered_are_an_error_or_named(written, monkeypatch):
    folder = written("TimePoint_1/p_A01_s1_w1.tif", "TimePoint_2/x.tif")
    scandir = os.scandir

    def guarded(path):
        if Path(path).name == "TimePoint_2":
            raise PermissionError(13, "denied", str(path))
        return scandir(path)

    monkeypatch.setattr("os.scandir", guarded)
    assert "may not be entered, so that their images are left out: TimePoint_2" in open_plate(folder).plate.problems
    with monkeypatch.context() as closed:
        closed.setattr(Path, "is_file", lambda path: (_ for _ in ()).throw(PermissionError(13, "denied", str(path))))
        with pytest.raises(ImageReadError, match="permission denied"):
            open_plate(folder)


def test_a_file_that_knows_its_well_is_no_plate(tmp_path: Path) -> None:
    assert is_of_plate(Origin(str(tmp_path), well="A01"))
    assert is_of_plate(Origin(str(tmp_path / "p.HTD"), well="A01"))
    assert not is_of_plate(Origin(str(tmp_path / "p.czi"), well="A01"))
    assert not is_of_plate(Origin(str(tmp_path)))
