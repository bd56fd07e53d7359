"""Which image of an OME-XML description a series of a TIFF is: sizes of a pixel and channels are those of one."""

from __future__ import annotations

from pathlib import Path

from tifffile import TiffFile, TiffPageSeries

from napari_cellvino.io.ome import OmeImage, ome_images


def images_of_series(tif: TiffFile, series: TiffPageSeries) -> tuple[OmeImage, ...]:
    """Return the image that a series of an open file is; several where names do not tell them apart, none without one.

    Images whose files are all missing are no series, so that those that are left come in the order of the series.
    """
    if series.kind != "ome" or tif.ome_metadata is None:
        return ()
    folder = Path(tif.filehandle.path).parent
    described = ome_images(tif.ome_metadata)
    there = [one for one in described if not one.files or any((folder / name).is_file() for name in one.files)]
    for images in (there, described):
        if len(images) == len(tif.series):
            return tuple(image for image, s in zip(images, tif.series, strict=True) if s is series)
    return tuple(image for image in there if image.name == (series.name or ""))
