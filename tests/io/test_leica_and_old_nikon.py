"""Files that no library writes, made by hand as their descriptions say: old ND2 (JPEG 2000), LOF and XLEF."""

import struct

import imagecodecs
import numpy as np
from instrument_files import assert_holds

from napari_cellvino.io import open_source
from napari_cellvino.io.registry import sets_first


def box(kind, content):
    return struct.pack(">I4s", len(content) + 8, kind) + content


def setting(name, value, kind="lx_uint32"):
    return f'<{name} runtype="{kind}" value="{value}"/>'


def old_nd2(path, pixels):
    """Write (Z, C, Y, X) of uint16 as Nikon did until 2009: JPEG 2000, XML, and a map of where they lie."""
    z, c, y, x = pixels.shape
    loop = setting("Count", z) + "".join(
        setting(name, value, "double") for name, value in (("ZLow", 0), ("ZHigh", 4), ("ZHome", 0), ("ZStep", 2))
    )
    stack = (
        f"<variant><SLxExperiment_V1.0>{setting('Type', 4)}<LoopPars>{loop}</LoopPars></SLxExperiment_V1.0></variant>"
    )
    planes = "".join(
        f"<i{n:05}>{setting('CompCount', 1) + setting('Color', 255)}"
        f"{setting('OpticalConfigName', name, 'CLxStringW')}</i{n:05}>"
        for n, name in enumerate(("DAPI", "FITC"))
    )
    frame = (
        f"<variant>{setting('Calibration', 0.25, 'double')}{setting('Calibrated', 'true', 'bool')}<PicturePlanes>"
        f"{setting('Count', c)}{setting('CompCount', c)}<Plane>{planes}</Plane></PicturePlanes></variant>"
    )
    header = box(b"ihdr", struct.pack(">iihBB", y, x, 1, 15, 7))
    chunks = [(b"jP  ", b"jP  ", b"\r\n\x87\n"), (b"ftyp", b"ftyp", b"jp2 \0\0\0\0jp2 "), (b"jp2h", b"jp2h", header)]
    chunks.append((b"uuid", b"AIMD", b"<?xml version='1.0'?>" + stack.encode()))
    for plane in pixels:
        chunks += [
            (b"jp2c", b"LUNK", imagecodecs.jpeg2k_encode(one, level=0, codecformat="j2k", reversible=True))
            for one in plane
        ]
        chunks += [(b"uuid", name, b"<?xml version='1.0'?>" + frame.encode()) for name in (b"VIMD", b"VCAL")]
    data, places = b"", []
    for kind, name, content in chunks:
        places.append(struct.pack("<4s4sI", kind, name, len(data)).ljust(16, b"\0"))
        data += box(kind, content)
    listed = struct.pack(">I", len(places)) + b"".join(places)
    end = b"LABORATORY IMAGING ND BOX MAP 00"
    path.write_bytes(data + listed + end + struct.pack("<Q", len(listed) + len(end) + 8))


def test_old_nd2(tmp_path):
    pixels = np.arange(3 * 2 * 32 * 48, dtype=np.uint16).reshape(3, 2, 32, 48)
    old_nd2(tmp_path / "a.nd2", pixels)
    stack = open_source(tmp_path / "a.nd2").read()
    assert_holds(stack, pixels.swapaxes(0, 1)[None], (2.0, 0.25, 0.25))
    assert stack.channels == ("DAPI", "FITC")


PIXELS = np.arange(2 * 3 * 5 * 6, dtype="<u2").reshape(2, 3, 5, 6)  # channels, planes, rows, columns


def described(memory):
    """Return the XML element of an image of `PIXELS`, 0.5 µm per pixel and 2 µm between planes."""
    (_, z, y, x), plane = PIXELS.shape, 2 * PIXELS.shape[2] * PIXELS.shape[3]
    channels = "".join(
        f'<ChannelDescription DataType="0" ChannelTag="0" Resolution="16" NameOfMeasuredQuantity="" Min="0" Max="9" '
        f'Unit="" LUTName="{colour}" IsLUTInverted="0" BytesInc="{n * plane * z}" BitInc="0"/>'
        for n, colour in enumerate(("Green", "Blue"))
    )
    dimensions = "".join(
        f'<DimensionDescription DimID="{axis}" NumberOfElements="{size}" Origin="0" Length="{(size - 1) * step}" '
        f'Unit="m" BitInc="0" BytesInc="{stride}"/>'
        for axis, size, step, stride in ((1, x, 5e-7, 2), (2, y, 5e-7, 2 * x), (3, z, 2e-6, plane))
    )
    image = f"<Channels>{channels}</Channels><Dimensions>{dimensions}</Dimensions>"
    return (
        f'<LMSDataContainerHeader Version="2"><Element Name="Series1" UniqueID="s"><Data><Image TextDescription="">'
        f"<ImageDescription>{image}</ImageDescription></Image></Data>{memory}<Children/></Element>"
        "</LMSDataContainerHeader>"
    )


def lof(path):
    """Write `PIXELS` as a Leica object file, one image with its description behind it."""
    name = "LMS_Object_File"
    xml = described(f'<Memory Size="{PIXELS.nbytes}" MemoryBlockID="MemBlock_1"/>')
    path.write_bytes(
        struct.pack("<iibi", 0x70, 2 * len(name) + 5, 0x2A, len(name)) + name.encode("utf-16-le")
        + struct.pack("<BIBI", 0x2A, 2, 0x2A, 0) + struct.pack("<BQ", 0x2A, PIXELS.nbytes) + PIXELS.tobytes()
        + struct.pack("<iibi", 0x70, 2 * len(xml) + 5, 0x2A, len(xml)) + xml.encode("utf-16-le")
    )  # fmt: skip


def assert_is_pixels(stack):
    assert_holds(stack, PIXELS[None])
    assert stack.hints == ("Green", "Blue")


def test_lof(tmp_path):
    lof(tmp_path / "a.lof")
    assert_is_pixels(open_source(tmp_path / "a.lof").read())


def test_xlef(tmp_path):
    (tmp_path / "data").mkdir()
    lof(tmp_path / "data" / "a b.lof")
    memory = (
        f'<Memory Size="{PIXELS.nbytes}" MemoryBlockID="MemBlock_1">'
        f'<Block File="a%20b.lof" Offset="0" Size="{PIXELS.nbytes}" UUID="u"/></Memory>'
    )
    (tmp_path / "data" / "a.xlif").write_text('<?xml version="1.0"?>' + described(memory), encoding="utf-8")
    (tmp_path / "a.xlef").write_text(
        '<?xml version="1.0"?><LMSDataContainerHeader Version="2"><Element Name="a" UniqueID="r">'
        '<Data><Experiment Path="a.xlef"/></Data>'
        '<Memory Size="0" MemoryBlockID="MemBlock_0"/><Children><Reference File="data/a.xlif" UUID="s"/></Children>'
        "</Element></LMSDataContainerHeader>",
        encoding="utf-8",
    )
    source = open_source(tmp_path / "a.xlef")
    assert_is_pixels(source.read())
    assert [path.name for path in source.parts] == ["a.xlef", "a b.lof", "a.xlif"]
    assert [file.name for file in sets_first([tmp_path / "a b.lof", tmp_path / "a.xlef"])] == ["a.xlef", "a b.lof"]
