"""Plates whose files hold several positions each: every position is a field, and none is taken for another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import MetadataOverrides
from napari_cellvino.io import open_source
from napari_cellvino.io.plates import open_plate

ONE_A_WELL = MetadataOverrides(pattern="{well}.ome.tif")


def write(path: Path, *values: int) -> None:
    """Write a file with a position of 8 x 8 px for each value."""
    with tifffile.TiffWriter(path, ome=True) as file:
        for value in values:
            file.write(np.full((8, 8), value, np.uint16), metadata={"axes": "YX", "Name": f"point {value}"})


def pixels(folder: Path, overrides: MetadataOverrides) -> dict[str, int]:
    """Return the value of each field."""
    plate = open_plate(folder, overrides)
    return {p.name: int(plate.read(p).plane(t=0, c=0, z=0).max()) for p in plate.positions}


def test_each_position_of_a_file_is_a_field_of_its_well(tmp_path: Path) -> None:
    write(tmp_path / "A01.ome.tif", 1, 2, 3)
    write(tmp_path / "A02.ome.tif", 4, 5)
    assert pixels(tmp_path, ONE_A_WELL) == {"A01_f1": 1, "A01_f2": 2, "A01_f3": 3, "A02_f1": 4, "A02_f2": 5}
    plate = open_plate(tmp_path, ONE_A_WELL)
    assert plate.plate.missing == ("A02 field 3",)
    stack = plate.read(plate.positions[1])
    assert stack.origin.files == ("A01.ome.tif",)
    assert "position 2 of each of its files" in stack.remarks


def test_files_of_channels_hold_the_same_positions(tmp_path: Path) -> None:
    for channel, first in (("DAPI", 1), ("GFP", 11)):
        for site in (1, 2):
            write(tmp_path / f"B03_{site}_{channel}.ome.tif", first + 2 * site, first + 2 * site + 1)
    plate = open_plate(tmp_path, MetadataOverrides(pattern="{well}_{field}_{channel}.ome.tif"))
    found = {p.name: [int(plate.read(p).plane(t=0, c=c, z=0).max()) for c in (0, 1)] for p in plate.positions}
    assert found == {"B03_f1-1": [3, 13], "B03_f1-2": [4, 14], "B03_f2-1": [5, 15], "B03_f2-2": [6, 16]}
    assert plate.plate.missing == ()
    (tmp_path / "B03_2_GFP.ome.tif").unlink()
    plate = open_plate(tmp_path, MetadataOverrides(pattern="{well}_{field}_{channel}.ome.tif"))
    assert plate.plate.missing == ("B03 field 2 channel GFP",)


def test_a_file_with_other_positions_than_it_was_listed_with_is_never_taken_in_part(tmp_path: Path) -> None:
    write(tmp_path / "A01.ome.tif", 1)
    write(tmp_path / "A02.ome.tif", 4, 5)
    plate = open_plate(tmp_path, ONE_A_WELL)
    with pytest.raises(ImageReadError, match=r"A02.ome.tif holds 2 positions"):
        plate.read(plate.positions[1])
    (tmp_path / "c").mkdir()
    write(tmp_path / "c" / "A01_DAPI.ome.tif", 1, 2)
    write(tmp_path / "c" / "A01_GFP.ome.tif", 3)
    plate = open_plate(tmp_path / "c", MetadataOverrides(pattern="{well}_{channel}.ome.tif"))
    for others in ((3,), (3, 4, 5)):
        write(tmp_path / "c" / "A01_GFP.ome.tif", *others)
        with pytest.raises(ImageReadError, match=rf"A01_GFP.ome.tif holds {len(others)} positions"):
            plate.read(plate.positions[1]).plane(t=0, c=1, z=0)


IMAGE = """<Image ID="Image:{n}" Name="{well}"><Pixels ID="Pixels:{n}" DimensionOrder="XYCZT" Type="uint16" SizeX="8"
SizeY="8" SizeC="1" SizeZ="1" SizeT="1"><Channel ID="Channel:{n}:0" SamplesPerPixel="1"/><TiffData IFD="0"
PlaneCount="1"><UUID FileName="{well}.ome.tif">urn:uuid:{n}</UUID></TiffData></Pixels></Image>"""


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_an_image_of_a_set_is_read_from_its_own_file_and_never_taken_for_that_of_another_well(
    tmp_path: Path, compression: str | None
) -> None:
    wells = ("A01", "A02")
    images = "".join(IMAGE.format(n=n, well=well) for n, well in enumerate(wells))
    for n, well in enumerate(wells):
        said = f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{n}">{images}</OME>'
        path = tmp_path / f"{well}.ome.tif"
        plane = np.full((8, 8), n + 1, np.uint16)
        tifffile.imwrite(path, plane, description=said, metadata=None, compression=compression)
    for well in wells:
        source = open_source(tmp_path / f"{well}.ome.tif")
        assert [(p.name, source.read(p).plane(t=0, c=0, z=0).max()) for p in source.positions] == [
            ("A01", 1),
            ("A02", 2),
        ]
    assert pixels(tmp_path, ONE_A_WELL) == {"A01_f1": 1, "A02_f1": 2}
    (tmp_path / "A02.ome.tif").rename(tmp_path / "B02.ome.tif")
    (tmp_path / "A01.ome.tif").rename(tmp_path / "A02.ome.tif")  # a file knows itself by its id
    assert pixels(tmp_path, ONE_A_WELL) == {"A02_f1": 1, "B02_f1": 2}


SET_OF_CHANNELS = """<Image ID="Image:{n}" Name="{well}"><Pixels ID="Pixels:{n}" DimensionOrder="XYZCT" Type="uint16"
SizeX="8" SizeY="8" SizeC="2" SizeZ="2" SizeT="1" PhysicalSizeX="0.5" PhysicalSizeY="0.5">
<Channel ID="Channel:{n}:0" Name="DAPI" SamplesPerPixel="1"/><Channel ID="Channel:{n}:1" Name="GFP"
SamplesPerPixel="1"/><TiffData FirstC="0" IFD="0" PlaneCount="2">
<UUID FileName="{well}_d.ome.tif">{n}d</UUID></TiffData>
<TiffData FirstC="1" IFD="0" PlaneCount="2">
<UUID FileName="{well}_g.ome.tif">{n}g</UUID></TiffData></Pixels></Image>"""


def test_channels_of_an_image_in_files_of_a_set_are_each_there_once(tmp_path: Path) -> None:
    wells = ("A01", "A02")
    images = "".join(SET_OF_CHANNELS.format(n=n, well=well) for n, well in enumerate(wells))
    for n, well in enumerate(wells):
        for c, letter in enumerate("dg"):
            uuid = f'UUID="{n}{letter}"'
            said = f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" {uuid}>{images}</OME>'
            planes = np.full((2, 8, 8), 10 * n + 4 * c, np.uint16) + np.arange(2, dtype=np.uint16)[:, None, None]
            tifffile.imwrite(tmp_path / f"{well}_{letter}.ome.tif", planes, description=said, metadata=None)
    plate = open_plate(tmp_path, MetadataOverrides(pattern="{well}_{channel}.ome.tif"))
    assert (plate.plate.channels, plate.plate.z, plate.plate.spacing.x) == (("d", "g"), 2, 0.5)
    found = [[[int(plate.read(p).plane(c=c, z=z).max()) for z in (0, 1)] for c in (0, 1)] for p in plate.positions]
    assert found == [[[0, 1], [4, 5]], [[10, 11], [14, 15]]]
