from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

from napari_cellvino.io import open_source

OME = """<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{own}">
<Image ID="Image:0" Name="a"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="8" SizeY="6" SizeZ="2"
SizeC="1" SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>
<TiffData IFD="0" FirstZ="0" PlaneCount="1"><UUID FileName="one.ome.tif">urn:uuid:1</UUID></TiffData>
<TiffData IFD="0" FirstZ="1" PlaneCount="1"><UUID FileName="two.ome.tif">urn:uuid:2</UUID></TiffData>
</Pixels></Image></OME>"""


def test_a_set_of_ome_files_names_its_parts(tmp_path: Path) -> None:
    for number, name in enumerate(("one", "two"), 1):
        pixels = np.full((6, 8), 10 * number, np.uint8)
        tifffile.imwrite(tmp_path / f"{name}.ome.tif", pixels, description=OME.format(own=number), metadata=None)
    for opened in ("one", "two"):
        source = open_source(tmp_path / f"{opened}.ome.tif")
        assert {p.name for p in source.parts} == {"one.ome.tif", "two.ome.tif"}
        stack = source.read()
        assert stack.shape.z == 2
        assert [int(stack.plane(z=z)[0, 0]) for z in (0, 1)] == [10, 20]


def test_a_lone_file_is_its_only_part(tmp_path: Path) -> None:
    for name in ("a.ome.tif", "b.tif"):
        tifffile.imwrite(tmp_path / name, np.zeros((4, 4), np.uint8))
        assert open_source(tmp_path / name).parts == (tmp_path / name,)
