"""The mask of the one cell at the centre of a crop, for a single crop or for every cell found by another model."""

from __future__ import annotations

from collections.abc import Mapping

from napari_cellvino.model_package import ModelSpec
from napari_cellvino.segmentation.heads.head import Decoded, Parameter, Steps, check_fit
from napari_cellvino.segmentation.heads.paste_masks import CellMask, paste_masks
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.segmentation.rescale import resize_maps


class MaskHead:
    """Decodes the probability that a pixel belongs to the centre cell, to labels with one object or none."""

    name = "mask"
    parameters = (
        Parameter(
            "outline", "Outline", 0.5, 0.05, 0.95, 0.01, help="Lower makes cells larger, higher makes them smaller"
        ),
    )

    @classmethod
    def for_spec(cls, spec: ModelSpec) -> MaskHead:
        """Return the head for a model; `ModelPackageError` if the model has other maps."""
        check_fit(spec, task="mask", maps=("mask",), stride=1)
        return cls()

    def keep(self, raw: RawMaps) -> RawMaps:
        """Return the map at the size of the plane."""
        return raw.with_plane_maps(resize_maps(raw.maps[:1], raw.shape))

    @property
    def decode_band(self) -> None:
        """Nothing: maps are those of one crop."""

    def only_leaves_out(self, _: RawMaps) -> bool:
        """Return False: there is one object."""
        return False

    def decode(self, raw: RawMaps, values: Mapping[str, float], _: Steps | None = None) -> Decoded:
        """Return the label image and at most one object for a map (1, Y, X)."""
        pasted = paste_masks([CellMask(0, 0, raw.maps[0])], raw.shape, values["outline"])
        return Decoded(pasted.labels, pasted.objects)
