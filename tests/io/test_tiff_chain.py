import struct
import time

import numpy as np
import pytest
import tifffile

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.io import open_source


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
