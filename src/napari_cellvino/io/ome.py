"""The few lines of OME-XML that matter here: physical sizes and channel names of each image.

References
----------
https://docs.openmicroscopy.org/ome-model/6.3.1/ome-xml/
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree


@dataclass(frozen=True, slots=True)
class OmeImage:
    """One Image element: its name, (size, unit) as written for z, y and x, and the names of its channels."""

    name: str
    sizes: tuple[tuple[str, str], tuple[str, str], tuple[str, str]]
    channels: tuple[str, ...]


def ome_images(text: str) -> tuple[OmeImage, ...]:
    """Return the images of an OME-XML text that declares no entities; none where it is no XML."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return ()
    images = (e for e in root if _is(e, "Image"))
    return tuple(_image(image, pixels) for image in images for pixels in image if _is(pixels, "Pixels"))


def ome_siblings(text: str) -> frozenset[str]:
    """Return the names of the other files that an OME-XML text says hold a part of its images."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return frozenset()
    own = root.get("UUID")
    named = (e for e in root.iter() if _is(e, "UUID") and e.text != own)
    return frozenset(name for e in named if (name := e.get("FileName")))


def _image(image: ElementTree.Element, pixels: ElementTree.Element) -> OmeImage:
    z, y, x = ((pixels.get(f"PhysicalSize{a}", ""), pixels.get(f"PhysicalSize{a}Unit", "µm")) for a in "ZYX")
    names = [e.get("Name") or e.get("Fluor") or "" for e in pixels if _is(e, "Channel")]
    return OmeImage(image.get("Name", ""), (z, y, x), tuple(names) if any(names) else ())


def _is(element: ElementTree.Element, name: str) -> bool:
    return element.tag.rpartition("}")[2] == name
