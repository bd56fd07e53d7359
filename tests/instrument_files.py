"""Files of instruments that no library writes, made by hand as their descriptions say."""

import json
import struct

import numpy as np

from napari_cellvino.core.image import Spacing


def assert_holds(stack, pixels, spacing=(2.0, 0.5, 0.5)):
    """Check that a stack has these pixels (T, C, Z, Y, X) and sizes of a pixel (z, y, x; µm)."""
    assert (tuple(stack.shape), stack.spacing) == (pixels.shape, Spacing(*spacing))
    planes = [stack.plane(t=t, c=c, z=z) for t, c, z in np.ndindex(pixels.shape[:3])]
    np.testing.assert_array_equal(planes, pixels.reshape(-1, *pixels.shape[3:]))


def imaris(path, pixels, *, chunks=None, times=()):
    """Write (T, C, Z, Y, X) as an Imaris file, its chunks padded; ``times`` are the dates of its frames."""
    import h5py

    t, c, z, y, x = pixels.shape
    with h5py.File(path, "w") as file:
        info = file.create_group("DataSetInfo/Image").attrs
        said = {"X": x, "Y": y, "Z": z, "Unit": "um", "ExtMin0": 0, "ExtMin1": 0, "ExtMin2": 0,
                "ExtMax0": x * 0.5, "ExtMax1": y * 0.5, "ExtMax2": z * 2.0}  # fmt: skip
        for key, value in said.items():
            info[key] = np.frombuffer(str(value).encode(), "S1")
        for n, time in enumerate(times, 1):
            file.require_group("DataSetInfo/TimeInfo").attrs[f"TimePoint{n}"] = np.frombuffer(time.encode(), "S1")
        for n in range(c):
            file.create_group(f"DataSetInfo/Channel {n}").attrs["Name"] = np.frombuffer(f"Ch {n}".encode(), "S1")
        for n, m in np.ndindex(t, c):
            padded = np.zeros((z + 1, y + 3, x + 2), pixels.dtype)
            padded[:z, :y, :x] = pixels[n, m]
            name = f"DataSet/ResolutionLevel 0/TimePoint {n}/Channel {m}/Data"
            file.create_dataset(name, data=padded, chunks=chunks)


def lif(path, pixels, colours, others=(), times_s=()):
    """Write (C, Z, Y, X) of uint16 as a Leica file, 0.5 µm per pixel and 2 µm between planes.

    ``others`` are more series of the first channel: a name, what Leica calls the axes (fastest first), bits a channel.
    ``times_s`` are the times of their planes in s; without any, the axis of time has its length, 60 s a frame.
    """
    (_, z, y, x), plane = pixels.shape, 2 * pixels.shape[2] * pixels.shape[3]
    axes, steps = ((x, 2), (y, 2 * x), (z, plane)), {1: 5e-7, 2: 5e-7, 3: 2e-6}
    ticks = [f"{116444736000000000 + int(time * 10**7):x}" for time in times_s]  # of 100 ns since 1601
    stamped = f'<TimeStampList NumberOfTimeStamps="{len(ticks)}">{" ".join(ticks)}</TimeStampList>' if ticks else ""

    def element(name, ids, bits, number):
        channels = "".join(
            f'<ChannelDescription DataType="0" ChannelTag="0" Resolution="{many}" NameOfMeasuredQuantity="" Min="0" '
            f'Max="9" Unit="" LUTName="{colour}" IsLUTInverted="0" BytesInc="{n * plane * z}" BitInc="0"/>'
            for n, (colour, many) in enumerate(zip(colours, bits, strict=False))
        )
        dimensions = "".join(
            f'<DimensionDescription DimID="{axis}" NumberOfElements="{size}" Origin="0" '
            f'Length="{(size - 1) * steps.get(axis, 0 if ticks else 60)}" Unit="m" BitInc="0" BytesInc="{stride}"/>'
            for axis, (size, stride) in zip(ids, axes, strict=True)
        )
        described = f"<Channels>{channels}</Channels><Dimensions>{dimensions}</Dimensions>"
        return (
            f'<Element Name="{name}" UniqueID="s{number}"><Data><Image TextDescription=""><ImageDescription>{described}'
            f"</ImageDescription>{stamped}</Image></Data>"
            f'<Memory Size="{pixels.nbytes}" MemoryBlockID="MemBlock_{number}"/>'
            "<Children/></Element>"
        )

    series = (("Series1", (1, 2, 3), (16,) * len(colours)), *others)
    text = (
        '<LMSDataContainerHeader Version="2"><Element Name="a.lif" UniqueID="r"><Data><Experiment Path="a.lif"/></Data>'
        '<Memory Size="0" MemoryBlockID="MemBlock_0"/><Children>'
        + "".join(element(*one, number) for number, one in enumerate(series, 1))
        + "</Children></Element></LMSDataContainerHeader>"
    )
    written = struct.pack("<iibi", 0x70, 2 * len(text) + 5, 0x2A, len(text)) + text.encode("utf-16-le")
    blocks = [("MemBlock_0", b""), *((f"MemBlock_{n}", pixels.tobytes()) for n, _ in enumerate(series, 1))]
    for name, data in blocks:
        block = struct.pack("<bQbi", 0x2A, len(data), 0x2A, len(name)) + name.encode("utf-16-le")
        written += struct.pack("<ii", 0x70, len(block)) + block + data
    path.write_bytes(written)


def stk(path, pixels):
    """Write (Z, Y, X) of uint16 as MetaMorph does: a directory, planes one behind the other; 0.5 µm, 2 µm apart."""
    z, y, x = pixels.shape
    data = bytearray(b"II*\0" + bytes(4))

    def put(raw):
        data.extend(raw)
        return len(data) - len(raw)

    first = put(pixels.astype("<u2").tobytes())
    heights = put(struct.pack("<6I", 2000, 1000, 2451545, 0, 2451545, 0) * z)
    scale, unit = put(struct.pack("<2I", 500, 1000)), put(struct.pack("<I", 3) + b"um\0")
    said = put(struct.pack("<8I", 1, z, 4, scale, 5, scale, 6, unit))
    tags = (
        (256, 4, 1, x), (257, 4, 1, y), (258, 3, 1, 16), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, first),
        (277, 3, 1, 1), (278, 4, 1, y), (279, 4, 1, 2 * y * x), (33628, 4, 4, said), (33629, 5, z, heights),
    )  # fmt: skip
    struct.pack_into("<I", data, 4, len(data))
    path.write_bytes(data + _directory(tags) + bytes(4))


def lsm(path, pixels, positions=(0, 0)):
    """Write (Z, C, Y, X) of uint16 as Zeiss did: a page a plane, a strip a channel, a thumbnail behind each page.

    ``positions`` are how many places and tiles the planes are of.
    """
    z, c, y, x = pixels.shape
    data, link = bytearray(b"II*\0" + bytes(4)), 4

    def put(raw):
        data.extend(raw)
        return len(data) - len(raw)

    colours = bytes(4 * c) + b"".join(struct.pack("<I", len(name)) + name for name in (b"DAPI\0", b"GFP\0"))
    names = put(struct.pack("<6I", 24 + len(colours), c, c, 24, 24 + 4 * c, 0) + colours)
    each = z // (max(positions[0], 1) * max(positions[1], 1))
    info = struct.pack("<2I8i", 67127628, 512, x, y, each, c, 1, 2, 2, 2)
    info += struct.pack("<6d2HI4I", 5e-7, 5e-7, 2e-6, 0, 0, 0, 0, 0, 0, 0, 0, 0, names)
    info = bytearray(info.ljust(512, b"\0"))
    struct.pack_into("<2i", info, 264, *positions)
    told = put(info)
    for plane in pixels.astype("<u2"):
        strips = [put(channel.tobytes()) for channel in plane]
        places, counts = put(struct.pack(f"<{c}I", *strips)), put(struct.pack(f"<{c}I", *[2 * y * x] * c))
        thumb, sixteen = put(bytes(12)), put(struct.pack("<2H", 16, 16))  # elsewhere, though they fit in the tag
        own = (
            (254, 4, 1, 0), (256, 4, 1, x), (257, 4, 1, y), (258, 3, c, sixteen),
            (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, c, places), (277, 3, 1, c), (279, 4, c, counts), (284, 3, 1, 2),
            (34412, 1, 512, told),
        )  # fmt: skip
        eight = put(struct.pack("<3H", 8, 8, 8))
        small = (
            (254, 4, 1, 1), (256, 4, 1, 2), (257, 4, 1, 2), (258, 3, 3, eight), (259, 3, 1, 1), (262, 3, 1, 2),
            (273, 4, 1, thumb), (277, 3, 1, 3), (279, 4, 1, 12), (284, 3, 1, 1),
        )  # fmt: skip
        for tags in (own, small):
            struct.pack_into("<I", data, link, len(data))
            data += _directory(tags)
            link = len(data)
            data += bytes(4)
    path.write_bytes(data)


def micromanager(folder, pixels, labels):
    """Write (P, T, Z, C, Y, X) of uint16 as Micro-Manager 2 does: a file a position; DAPI and GFP, 0.5 and 2 µm.

    Every file has the summary of the set and an index of its planes, and pixels per cm beside the unit µm.
    """
    _, times, slices, channels, y, x = pixels.shape
    said = {
        "MicroManagerVersion": "2.0.0", "Prefix": "a_1", "PixelSize_um": 0.5, "z-step_um": 2.0, "Interval_ms": 30000,
        "Channels": channels, "Slices": slices, "Frames": times, "Positions": len(labels), "TimeFirst": True,
        "SlicesFirst": False, "ChNames": ["DAPI", "GFP"], "StagePositions": [{"Label": label} for label in labels],
    }  # fmt: skip
    summary = json.dumps(said).encode()
    count = times * slices * channels
    ij = f"ImageJ=1.5\nimages={count}\nchannels={channels}\nslices={slices}\nframes={times}\nhyperstack=true\nunit=um\0"
    for p, label in enumerate(labels):
        data, link, index = bytearray(b"II*\0" + bytes(36) + summary), 4, []
        for t, z, c in np.ndindex(times, slices, channels):
            data += bytes(-len(data) % 4)
            struct.pack_into("<I", data, link, len(data))
            index.append((c, z, t, p, len(data)))
            first = len(data) + 162 + 12 * (link == 4)
            after = first + 2 * y * x
            own = ((270, 2, len(ij), after + 13),) if link == 4 else ()
            tags = (
                (256, 4, 1, x), (257, 4, 1, y), (258, 3, 1, 16), (259, 3, 1, 1), (262, 3, 1, 1), *own,
                (273, 4, 1, first), (277, 3, 1, 1), (278, 3, 1, y), (279, 4, 1, 2 * y * x), (282, 5, 1, after),
                (283, 5, 1, after), (296, 3, 1, 3), (51123, 2, 5, after + 8),
            )  # fmt: skip
            data += _directory(tags)
            link = len(data)
            data += bytes(4) + pixels[p, t, z, c].tobytes() + struct.pack("<2I", 20000, 1) + b"{  }\0"
            data += ij.encode() if own else b""
        data += bytes(-len(data) % 4)
        struct.pack_into("<8I", data, 8, 54773648, len(data), 483765892, 0, 99384722, 0, 2355492, len(summary))
        data += struct.pack("<2I", 3453623, len(index)) + b"".join(struct.pack("<5I", *one) for one in index)
        (folder / f"a_1_MMStack_{label}.ome.tif").write_bytes(data)


def _directory(tags):
    return struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
