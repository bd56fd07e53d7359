"""Plates as the instruments write them. The numbers are from the vendors' own files and names, read by eye: the HTD,
the index, the records, the folders; least and greatest pixels are those of the set's manifest."""

from __future__ import annotations

import zipfile

import pytest

from napari_cellvino.io.plates import open_plate

EXPORTED = "imagexpress_exported"
# folder: wells, fields of each, channels, z, t, rows x columns, µm (z, y, x)
PLATES = {
    f"{EXPORTED}/9987_Plate_3420": (["B02"], ["1"], ("DAPI",), 1, 1, (8, 12), (None, 1.3672)),
    f"{EXPORTED}/9987_Plate_3434": (
        ["B02", "B03"], ["1", "2"], ("DAPI", "FITC", "Texas Red"), 2, 1, (8, 12), (3.0, 1.3672),
    ),
    f"{EXPORTED}/9987_Plate_3435": (["B02", "B03"], ["1", "2"], ("DAPI", "FITC"), 1, 2, (8, 12), (None, 1.3672)),
    "imagexpress_projection_mix": (["E07", "E08"], ["1"], ("FITC_05",), 10, 1, (8, 12), (None, 1.3668)),
    "imagexpress_1well_zmix_t": (["C07"], ["1", "2"], ("FITC", "Cy3", "Texas Red"), 1, 2, (8, 12), (None, 13.5504)),
    "yokogawa_cv8000": (
        ["D08", "E03", "F08"], ["1", "2", "3", "4"], ("BP445/45", "BP525/50"), 4, 1, (8, 12), (3.0, 0.325),
    ),
    "operetta_harmony": (["C03"], ["1", "2"], ("Fluorescein (FITC)",), 1, 1, (16, 24), (None, 1.1959521619135234)),
}  # fmt: skip
# folder: field, (t, c, z), least and greatest pixel
PIXELS = [
    (f"{EXPORTED}/9987_Plate_3420", "B02_f1", (0, 0, 0), 574, 5585),
    (f"{EXPORTED}/9987_Plate_3434", "B02_f1", (0, 0, 0), 353, 5061),
    (f"{EXPORTED}/9987_Plate_3434", "B02_f1", (0, 0, 1), 328, 4929),
    (f"{EXPORTED}/9987_Plate_3434", "B02_f1", (0, 2, 1), 1370, 2798),
    (f"{EXPORTED}/9987_Plate_3435", "B02_f1", (0, 0, 0), 299, 5012),
    (f"{EXPORTED}/9987_Plate_3435", "B02_f1", (1, 0, 0), 335, 4980),
    (f"{EXPORTED}/9987_Plate_3435", "B02_f1", (1, 1, 0), 475, 1521),
    ("imagexpress_projection_mix", "E07_f1", (0, 0, 0), 75, 2897),
    ("imagexpress_projection_mix", "E07_f1", (0, 0, 1), 70, 3004),
    ("imagexpress_projection_mix", "E07_f1", (0, 0, 9), 71, 2423),
    ("imagexpress_1well_zmix_t", "C07_f1", (0, 0, 0), 895, 2031),
    ("imagexpress_1well_zmix_t", "C07_f1", (1, 0, 0), 914, 1966),
    ("operetta_harmony", "C03_f1", (0, 0, 0), 120, 47088),
    ("operetta_harmony", "C03_f2", (0, 0, 0), 159, 52368),
    ("yokogawa_cv8000", "F08_f4", (0, 1, 3), 0, 0),
]


@pytest.mark.parametrize("folder", PLATES)
def test_plate_is_what_the_instrument_wrote(hcs_folders, folder):
    wells, fields, channels, z, t, size, (z_um, y_um) = PLATES[folder]
    plate = open_plate(hcs_folders / folder).plate
    assert [well.name for well in plate.wells] == wells
    assert [[f.name for f in plate.fields_of(well)] for well in plate.wells] == [fields] * len(wells)
    assert (plate.channels, plate.z, plate.t) == (channels, z, t)
    assert (plate.rows, plate.columns) == size
    assert (plate.spacing.y, plate.spacing.x) == pytest.approx((y_um, y_um))
    if z_um is not None:
        assert plate.spacing.z == pytest.approx(z_um)


@pytest.mark.parametrize(("folder", "field", "place", "least", "greatest"), PIXELS)
def test_each_plane_is_the_file_of_its_name(hcs_folders, folder, field, place, least, greatest):
    source = open_plate(hcs_folders / folder)
    position = next(p for p in source.positions if p.name == field)
    t, c, z = place
    plane = source.read(position).plane(t=t, c=c, z=z)
    assert (plane.min(), plane.max()) == (least, greatest)


def test_a_field_knows_its_place(hcs_folders):
    source = open_plate(hcs_folders / "operetta_harmony")
    origin = source.read(source.positions[1]).origin
    assert (origin.plate, origin.well, origin.field, origin.position) == ("Test_Sample_BALL", "C03", "2", "C03_f2")


@pytest.mark.parametrize(
    "index",
    [
        f"{EXPORTED}/9987_Plate_3435/9987.HTD",
        "operetta_harmony/Images/Index.idx.xml",
        "yokogawa_cv8000/CV8000-Minimal-DataSet-2C-3W-4S-FP2-stack_20230918_135839/"
        "CV8000-Minimal-DataSet-2C-3W-4S-FP2-stack/MeasurementData.mlf",
    ],
)
def test_the_index_of_a_plate_opens_it(hcs_folders, index):
    folder = next(name for name in PLATES if index.startswith(name))
    assert open_plate(hcs_folders / index).plate == open_plate(hcs_folders / folder).plate


def test_what_the_htd_announces_and_is_not_there_is_said(hcs_folders):
    problems = " ".join(open_plate(hcs_folders / EXPORTED / "9987_Plate_3434").plate.problems)
    assert "announces 3 z-steps, and 2 are there" in problems
    assert "announces Cy5, of which there is no image" in problems
    assert "12 projections left out" in problems


def test_a_folder_of_several_plates_names_them(hcs_folders):
    with pytest.raises(OSError, match="3 plates.*9987_Plate_3420, 9987_Plate_3434, 9987_Plate_3435"):
        open_plate(hcs_folders / EXPORTED)


def test_the_plate_of_bbbc013(shared_data, tmp_path):
    with zipfile.ZipFile(shared_data / "sbs_plate" / "sbs_plate.zip") as archive:
        archive.extractall(tmp_path / "sbs")
    source = open_plate(tmp_path / "sbs")
    assert len(source.plate.wells) == 96
    assert (source.plate.rows, source.plate.columns) == (8, 12)
    assert source.plate.channels == ("Channel1", "Channel2")
    assert (source.plate.missing, source.plate.problems) == ((), ())
    stack = source.read(source.positions[13])
    assert stack.origin.well == "B02"
    assert (stack.shape, str(stack.dtype)) == ((1, 2, 1, 640, 640), "uint8")
    assert {path.name for path in source.files(source.plate.fields[13])} == {
        "Channel1-14-B-02.tif",
        "Channel2-14-B-02.tif",
    }
