"""Files of instruments that no library writes, made by hand as their descriptions say."""

import struct

import numpy as np


def imaris(path, pixels, *, chunks=None):
    """Write (T, C, Z, Y, X) as an Imaris file, its chunks padded."""
    import h5py

    t, c, z, y, x = pixels.shape
    with h5py.File(path, "w") as file:
        info = file.create_group("DataSetInfo/Image").attrs
        said = {"X": x, "Y": y, "Z": z, "Unit": "um", "ExtMin0": 0, "ExtMin1": 0, "ExtMin2": 0,
                "ExtMax0": x * 0.5, "ExtMax1": y * 0.5, "ExtMax2": z * 2.0}  # fmt: skip
        for key, value in said.items():
            info[key] = np.frombuffer(str(value).encode(), "S1")
        for n in range(c):
            file.create_group(f"DataSetInfo/Channel {n}").attrs["Name"] = np.frombuffer(f"Ch {n}".encode(), "S1")
        for n, m in np.ndindex(t, c):
            padded = np.zeros((z + 1, y + 3, x + 2), pixels.dtype)
            padded[:z, :y, :x] = pixels[n, m]
            name = f"DataSet/ResolutionLevel 0/TimePoint {n}/Channel {m}/Data"
            file.create_dataset(name, data=padded, chunks=chunks)


def lif(path, pixels, colours):
    """Write (C, Z, Y, X) of uint16 as a Leica file of one series, 0.5 µm per pixel and 2 µm between planes."""
    (_, z, y, x), plane = pixels.shape, 2 * pixels.shape[2] * pixels.shape[3]
    channels = "".join(
        f'<ChannelDescription DataType="0" ChannelTag="0" Resolution="16" NameOfMeasuredQuantity="" Min="0" Max="9" '
        f'Unit="" LUTName="{colour}" IsLUTInverted="0" BytesInc="{n * plane * z}" BitInc="0"/>'
        for n, colour in enumerate(colours)
    )
    dimensions = "".join(
        f'<DimensionDescription DimID="{axis}" NumberOfElements="{size}" Origin="0" Length="{(size - 1) * step}" '
        f'Unit="m" BitInc="0" BytesInc="{stride}"/>'
        for axis, size, step, stride in ((1, x, 5e-7, 2), (2, y, 5e-7, 2 * x), (3, z, 2e-6, plane))
    )
    described = f"<Channels>{channels}</Channels><Dimensions>{dimensions}</Dimensions>"
    text = (
        '<LMSDataContainerHeader Version="2"><Element Name="a.lif" UniqueID="r"><Data><Experiment Path="a.lif"/></Data>'
        '<Memory Size="0" MemoryBlockID="MemBlock_0"/><Children><Element Name="Series1" UniqueID="s"><Data>'
        f'<Image TextDescription=""><ImageDescription>{described}</ImageDescription></Image></Data>'
        f'<Memory Size="{pixels.nbytes}" MemoryBlockID="MemBlock_1"/><Children/></Element></Children></Element>'
        "</LMSDataContainerHeader>"
    )
    written = struct.pack("<iibi", 0x70, 2 * len(text) + 5, 0x2A, len(text)) + text.encode("utf-16-le")
    for name, data in (("MemBlock_0", b""), ("MemBlock_1", pixels.tobytes())):
        block = struct.pack("<bQbi", 0x2A, len(data), 0x2A, len(name)) + name.encode("utf-16-le")
        written += struct.pack("<ii", 0x70, len(block)) + block + data
    path.write_bytes(written)
