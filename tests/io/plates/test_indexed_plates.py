"""IN Cell and ScanR plates with their index, written by hand: what only the index tells."""

import numpy as np
import pytest
import tifffile

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import Spacing
from napari_cellvino.io.plates import open_plate


def incell(folder, *, lost=()):
    """Write a plate of two wells, two channels and three planes."""
    images = []
    for row, column, wave, z in np.ndindex(1, 2, 2, 3):
        name = f"A - {column + 3}(fld 1 wv {('UV - DAPI', 'Blue - FITC')[wave]} z {z + 1}).tif"
        images.append(
            f'<Image acquisition_time_ms="1" filename="{name}" thumbnail="x.jpg"><Well label="A - {column + 3}">'
            f'<Row number="{row + 1}"/><Column number="{column + 3}"/></Well><FocusPosition z="{2000 + 1.5 * z}"/>'
            f'<Identifier field_index="0" time_index="0" wave_index="{wave}" z_index="{z}"/></Image>'
        )
        if name not in lost:
            tifffile.imwrite(folder / name, np.full((16, 20), 100 * wave + 10 * z + column, np.uint16))
    text = (
        '<?xml version="1.0"?><ImageStack version="1.3"><AutoLeadAcquisitionProtocol>'
        '<ObjectiveCalibration magnification="20" pixel_width="0.37" pixel_height="0.37" unit="um"/>'
        '<Plate rows="16" columns="24"/><Wavelengths>'
        '<Wavelength index="0" fusion_wave="false"><ExcitationFilter name="UV" wavelength="350"/>'
        '<EmissionFilter name="DAPI" wavelength="455"/></Wavelength>'
        '<Wavelength index="1" fusion_wave="false"><EmissionFilter name="FITC" wavelength="525"/></Wavelength>'
        f'</Wavelengths></AutoLeadAcquisitionProtocol><Images number="{len(images)}">{"".join(images)}</Images>'
        "</ImageStack>"
    )
    (folder / "Plate 7.xdce").write_text(text, encoding="utf-8")


def test_in_cell(tmp_path):
    incell(tmp_path)
    source = open_plate(tmp_path)
    plate = source.plate
    assert (plate.kind, plate.name, plate.rows, plate.columns) == ("IN Cell", "Plate 7", 16, 24)
    assert [well.name for well in plate.wells] == ["A03", "A04"]
    assert (plate.channels, plate.spacing) == (("DAPI", "FITC"), Spacing(1.5, 0.37, 0.37))
    assert source.read(source.positions[1]).plane(c=1, z=2)[0, 0] == 121
    assert open_plate(tmp_path / "Plate 7.xdce").plate == plate


def test_images_of_the_index_that_are_not_there_are_named(tmp_path):
    lost = "A - 4(fld 1 wv UV - DAPI z 2).tif"
    incell(tmp_path, lost=(lost,))
    assert any(lost in said for said in open_plate(tmp_path).plate.missing)


def test_a_damaged_index_of_in_cell_is_named(tmp_path):
    (tmp_path / "a.xdce").write_text('<ImageStack><Images><Image filename="a.tif"/></Images></ImageStack>')
    with pytest.raises(ImageReadError, match="a.xdce"):
        open_plate(tmp_path)


def scanr(folder, wells, rows, columns):
    """Write images of wells by number, and a descriptor in Latin-1 with a decimal comma."""
    (folder / "data").mkdir()
    for well in wells:
        name = f"x--W{well:05}--P00001--Z00000--T00000--DAPI.tif"
        tifffile.imwrite(folder / "data" / name, np.full((16, 20), well, np.uint16))
    text = (
        "<LVData><Cluster><Name>experiment</Name>"
        "<String><Name>plate name</Name><Val>Pl\xe4tte 3</Val></String>"
        "<DBL><Name>conversion factor um/pixel</Name><Val>0,3225</Val></DBL>"
        f"<Cluster><Name>format typedef</Name><I32><Name>Rows</Name><Val>{rows}</Val></I32>"
        f"<I32><Name>Columns</Name><Val>{columns}</Val></I32></Cluster></Cluster></LVData>"
    )
    (folder / "experiment_descriptor.xml").write_bytes(text.encode("latin-1"))


@pytest.mark.parametrize("inside", [False, True])
def test_scanr(tmp_path, inside):
    scanr(tmp_path, (1, 25), 16, 24)
    plate = open_plate(tmp_path / "data" if inside else tmp_path).plate
    assert (plate.kind, plate.name, plate.rows, plate.columns) == ("ScanR", "Pl\xe4tte 3", 16, 24)
    assert [well.name for well in plate.wells] == ["A01", "B01"]  # C01 of a plate of 96 wells
    assert plate.spacing == Spacing(None, 0.3225, 0.3225)
    assert not plate.problems


def test_a_well_beyond_the_plate_of_scanr_is_an_error(tmp_path):
    scanr(tmp_path, (1, 97), 8, 12)
    with pytest.raises(ImageReadError, match="97"):
        open_plate(tmp_path)
