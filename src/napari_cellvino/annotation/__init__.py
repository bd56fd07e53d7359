"""The document a person corrects: labels, objects, and where they came from; and the one way it changes."""

from napari_cellvino.annotation.document import Annotation, describe
from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.event import Change, Step
from napari_cellvino.annotation.provenance import Provenance, pixels_sha256
from napari_cellvino.annotation.record import ObjectRecord
from napari_cellvino.annotation.region import Region
from napari_cellvino.annotation.session import EditSession

__all__ = [
    "Annotation",
    "Change",
    "Edit",
    "EditSession",
    "ObjectRecord",
    "Provenance",
    "Region",
    "Step",
    "describe",
    "pixels_sha256",
]
