"""The few lines of OME-XML that matter here: physical sizes, channels and times of each image, and the files of a set.

References
----------
https://docs.openmicroscopy.org/ome-model/6.3.1/ome-xml/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from xml.etree import ElementTree

_HINTS = ("Fluor", "ExcitationWavelength", "EmissionWavelength")
_SECONDS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True)
class OmeImage:
    """One Image element: its name, (size, unit) as written for z, y and x, and the names of its channels.

    ``hints`` are the fluorophore and the wavelengths of each channel; ``interval_s`` is the time between frames, or
    between planes in z that may be frames: without a step in z. ``times_s`` are when frames were taken, where it says.
    ``size`` is (width, height) in px, empty where it does not say; ``files`` are the names of those that hold a part;
    ``z_step`` is (distance, unit) as far as planes lie apart by where the stage was.
    """

    name: str
    sizes: tuple[tuple[str, str], tuple[str, str], tuple[str, str]]
    channels: tuple[str, ...]
    hints: tuple[str, ...] = ()
    interval_s: float | None = None
    times_s: tuple[float, ...] = ()
    size: tuple[int, ...] = ()
    files: frozenset[str] = frozenset()
    z_step: tuple[str, str] = ("", "")


def ome_images(text: str) -> tuple[OmeImage, ...]:
    """Return the images of an OME-XML text that declares no entities; none where it is no XML."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return ()
    images = (e for e in root if _is(e, "Image"))
    return tuple(_image(image, pixels) for image in images for pixels in image if _is(pixels, "Pixels"))


def own_uuid(text: str) -> str | None:
    """Return the id that a file calls itself by in its OME-XML; None without one, or where it is no XML."""
    try:
        return ElementTree.fromstring(text).get("UUID")
    except ElementTree.ParseError:
        return None


def ome_siblings(text: str) -> frozenset[str]:
    """Return the names of the other files that an OME-XML text says hold a part of its images."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return frozenset()
    own = root.get("UUID")
    named = (e for e in root.iter() if _is(e, "UUID") and e.text != own)
    return frozenset(name for e in named if (name := e.get("FileName")))


def images_only_in(text: str, names: frozenset[str]) -> list[str]:
    """Return what the images of an OME-XML text are called that lie in some files and no others."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return []
    found: list[str] = []
    for number, image in enumerate((e for e in root if _is(e, "Image")), 1):
        held = [e for e in image.iter() if _is(e, "UUID")]
        if held and all(e.get("FileName") in names for e in held):
            found.append(image.get("Name") or f"image {number}")
    return found


def companion_name(text: str) -> str:
    """Return the name of the file that describes a set, where an OME-XML text points to it and says nothing itself."""
    if "BinaryOnly" not in text:
        return ""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return ""
    return next((e.get("MetadataFile", "") for e in root if _is(e, "BinaryOnly")), "")


def with_pages(text: str) -> str:
    """Return an OME-XML text that says where the planes are: in the order of the pages, if it leaves that out."""
    if "<OME" not in text or re.search(r"<(\w+:)?(TiffData|BinData|BinaryOnly|MetadataOnly)\b", text):
        return text
    ended = re.sub(r"(<(\w+:)?Pixels\b[^>]*?)/>", r"\1></\2Pixels>", text)
    return re.sub(r"</(\w+:)?Pixels>", r"<\1TiffData/></\1Pixels>", ended, count=1)


def _image(image: ElementTree.Element, pixels: ElementTree.Element) -> OmeImage:
    z, y, x = ((pixels.get(f"PhysicalSize{a}", ""), pixels.get(f"PhysicalSize{a}Unit", "µm")) for a in "ZYX")
    channels = [e for e in pixels if _is(e, "Channel")]
    names = [e.get("Name") or e.get("Fluor") or "" for e in channels]
    hints = tuple(" ".join(filter(None, (e.get(key) for key in _HINTS))) for e in channels)
    named = tuple(names) if any(names) else ()
    said = [pixels.get(f"Size{axis}", "") for axis in "XY"]
    size = tuple(map(int, said)) if all(text.isdecimal() for text in said) else ()
    files = frozenset(name for e in pixels.iter() if _is(e, "UUID") and (name := e.get("FileName")))
    step = _z_step(pixels)
    return OmeImage(
        image.get("Name", ""), (z, y, x), named, hints, _interval(pixels), _times(pixels), size, files, step
    )


def _z_step(pixels: ElementTree.Element) -> tuple[str, str]:
    """Return the usual distance of the planes of the first channel and time, and its unit; empty where none is told."""
    first = [e for e in pixels if _is(e, "Plane") and e.get("TheC", "0") == e.get("TheT", "0") == "0"]
    try:
        heights = {int(e.get("TheZ", 0)): float(e.attrib["PositionZ"]) for e in first if "PositionZ" in e.attrib}
    except ValueError:
        return "", ""
    places = [heights[z] for z in sorted(heights)]
    steps = [abs(two - one) for one, two in pairwise(places)]
    return (f"{median(steps):.6g}", first[0].get("PositionZUnit", "")) if steps else ("", "")


def _interval(pixels: ElementTree.Element) -> float | None:
    """Return the time increment of a film, or of an image whose planes are slices without a step in z."""
    try:
        increment = float(pixels.get("TimeIncrement", 0)) * _SECONDS.get(pixels.get("TimeIncrementUnit", "s"), 0.0)
        film = int(pixels.get("SizeT", 1)) > 1
        increment = increment or (_mean_step(pixels) if film else 0.0)
        stack = int(pixels.get("SizeZ", 1)) > 1 and not film
    except ValueError:
        return None
    heights = {e.get("PositionZ") for e in pixels if _is(e, "Plane")} - {None}
    flat = "PhysicalSizeZ" not in pixels.attrib or len(heights) == 1
    return increment if (film or (stack and flat)) and increment > 0 else None


def _times(pixels: ElementTree.Element) -> tuple[float, ...]:
    """Return when frames were taken in s, in their order; nothing where a number cannot be read."""
    try:
        return tuple(time for _, time in sorted(_stamps(pixels).items()))
    except ValueError:
        return ()


def _stamps(pixels: ElementTree.Element) -> dict[int, float]:
    """Return when the planes of the first channel and height were taken in s, by frame."""
    first = (e for e in pixels if _is(e, "Plane") and e.get("TheC", "0") == e.get("TheZ", "0") == "0")
    return {
        int(e.get("TheT", 0)): float(e.get("DeltaT", 0)) * _SECONDS.get(e.get("DeltaTUnit", "s"), 0.0)
        for e in first
        if "DeltaT" in e.attrib
    }


def _mean_step(pixels: ElementTree.Element) -> float:
    """Return the mean time in s between the planes of the first channel and height; 0 where they do not say."""
    times = _stamps(pixels)
    if len(times) < 2:
        return 0.0
    step = (times[max(times)] - times[min(times)]) / (max(times) - min(times))
    return float(f"{step:.6g}")


def _is(element: ElementTree.Element, name: str) -> bool:
    return element.tag.rpartition("}")[2] == name
