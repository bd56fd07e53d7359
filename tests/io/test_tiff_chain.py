import re
import struct
import time

import numpy as np
import pytest
import tifffile

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.io import open_source
from napari_cellvino.io.label_tiff import read_labels


def pointing(folder, *, to, pages=3, empty=False, bigtiff=False):
    """Write pages whose last one points to page number ``to``, or to an empty page that points to itself."""
    path = folder / "a.tif"
    tifffile.imwrite(path, np.zeros((pages, 8, 8), np.uint8), photometric="minisblack", metadata=None, bigtiff=bigtiff)
    with tifffile.TiffFile(path) as tif:
        places, at = [page.offset for page in tif.pages], tif.pages.next_page_offset
    raw = bytearray(path.read_bytes())
    form = "<Q" if bigtiff else "<I"
    struct.pack_into(form, raw, at, len(raw) if empty else places[to])
    if empty:
        raw += struct.pack("<Q" if bigtiff else "<H", 0) + struct.pack(form, len(raw))
    path.write_bytes(raw)
    return path


@pytest.mark.timeout(20)
@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize(("to", "empty"), [(2, False), (1, False), (0, True)])
def test_a_list_of_pages_in_a_circle_is_refused_at_once(tmp_path, to, empty, bigtiff):
    path = pointing(tmp_path, to=to, empty=empty, bigtiff=bigtiff)
    started = time.monotonic()
    with pytest.raises(ImageReadError, match=r"a.tif is damaged"):
        open_source(path)
    assert time.monotonic() - started < 5


@pytest.mark.timeout(20)
@pytest.mark.parametrize("bigtiff", [False, True])
def test_a_label_image_whose_pages_run_in_a_circle_is_refused(tmp_path, bigtiff):
    path = pointing(tmp_path, to=0, empty=True, bigtiff=bigtiff)
    with pytest.raises(ImageReadError, match=r"a.tif is damaged"):
        read_labels(path)


@pytest.mark.timeout(20)
def test_a_file_of_a_set_whose_pages_run_in_a_circle_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "b.ome.tif", np.zeros((3, 8, 8), np.uint8), photometric="minisblack", ome=True)
    with tifffile.TiffFile(tmp_path / "b.ome.tif") as tif:
        said = '<TiffData IFD="0" PlaneCount="3"><UUID FileName="a.tif">urn:uuid:1</UUID></TiffData>'
        text = re.sub("<TiffData[^>]*(/>|></TiffData>)", said, tif.ome_metadata)
    (tmp_path / "b.companion.ome").write_text(text)
    pointing(tmp_path, to=0, empty=True)
    with pytest.raises(ImageReadError, match=r"a.tif is damaged"):
        open_source(tmp_path / "b.companion.ome")
