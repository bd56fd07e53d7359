"""The XML of vendors, read safely: a text that declares entities, or a document type at all, is refused unread.

The text is decoded before it is looked at and handed over decoded, so that no encoding hides a declaration. A parser of
its own for this (defusedxml) was ruled out: it parses in Python, and the index of a large plate has a million lines.
"""

from __future__ import annotations

import codecs
from pathlib import Path
from xml.etree import ElementTree

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.io.checks import parse_errors
from napari_cellvino.io.tiff_metadata import reject_entities

Element = ElementTree.Element


def read_xml(path: Path) -> Element:
    """Return the root of an XML file; tags have no namespace and attributes none either.

    Raises
    ------
    ImageReadError
        If the file cannot be read, is no XML, or declares entities.
    """
    with parse_errors(path):
        raw = path.read_bytes()
        wide = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = raw.decode("utf-16") if wide else _decoded(raw)
    reject_entities(path, text)
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ImageReadError(f"{path.name} is no whole XML ({error}); copy it again from the instrument") from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        if any("}" in key for key in element.attrib):
            element.attrib = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
    return root


def _decoded(raw: bytes) -> str:
    """Return the text of XML, which some instruments write in Latin-1 without saying so."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def text_of(element: Element, tag: str) -> str:
    """Return the text of the first child of that tag, or an empty text."""
    return (element.findtext(tag) or "").strip()
