"""The document a person corrects: labels, objects, and where they came from. Corrections are built on this."""

from napari_cellvino.annotation.document import Annotation, Provenance

__all__ = ["Annotation", "Provenance"]
