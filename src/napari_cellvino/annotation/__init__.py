"""The annotation of a field, which a person corrects: labels, objects and provenance; and the session that edits it."""

from napari_cellvino.annotation.document import Annotation, make_edit
from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.event import Change, EditAction
from napari_cellvino.annotation.provenance import Provenance, pixels_sha256
from napari_cellvino.annotation.record import ObjectRecord
from napari_cellvino.annotation.region import Region
from napari_cellvino.annotation.session import EditSession

__all__ = [
    "Annotation",
    "Change",
    "Edit",
    "EditAction",
    "EditSession",
    "ObjectRecord",
    "Provenance",
    "Region",
    "make_edit",
    "pixels_sha256",
]
