"""Results written back into an OME-Zarr plate: label images beside the images, a table of wells beside the wells.

Both are groups of their own; nothing that was there is changed, but for the lists that name labels and tables. A label
image is two-dimensional, since that is what was segmented: a plane or a projection.

References
----------
https://ngff.openmicroscopy.org/0.5/index.html#labels-md, the same in 0.4
Tables are no part of OME-Zarr; this is the generic table, version 1, with the CSV backend, that ngio and Fractal read:
https://biovisioncenter.github.io/ngio/stable/table_specs/table_types/generic_table/
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from yaozarrs import v04, v05

from napari_cellvino.core.errors import OutputError
from napari_cellvino.core.image import Spacing
from napari_cellvino.storage.atomic import REMEDIES
from napari_cellvino.storage.csv_table import write_table

if TYPE_CHECKING:
    import pandas as pd

NAME = "cellvino"
TABLE_NAME = "cellvino_wells"


def write_zarr_labels(group: Path, labels: NDArray[np.integer], spacing: Spacing) -> None:
    """Write a label image (Y, X) as the label ``cellvino`` of an OME-Zarr image, in the image's version.

    Raises
    ------
    OutputError
        If the plate cannot be written to.
    """
    import zarr

    form = _zarr_format(group)
    with _explained(group):
        _list_name(group / "labels", "labels", NAME, form)
        own = zarr.open_group(group / "labels" / NAME, mode="w", zarr_format=form)
        own.create_array("0", data=np.ascontiguousarray(labels, np.uint32), chunks=_chunks(labels.shape))
        own.attrs.update(_label_attributes(spacing, form))


def _label_attributes(spacing: Spacing, form: int) -> dict[str, Any]:
    unit = "micrometer" if spacing.known else None
    axes = [{"name": name, "type": "space"} | ({"unit": unit} if unit else {}) for name in "yx"]
    scale = {"type": "scale", "scale": [spacing.y or 1.0, spacing.x or 1.0]}
    multiscale = {"name": NAME, "axes": axes, "datasets": [{"path": "0", "coordinateTransformations": [scale]}]}
    content = {"multiscales": [multiscale], "image-label": {"source": {"image": "../../"}}}
    if form == 2:
        return dict(v04.LabelImage.model_validate(content).model_dump(mode="json", exclude_none=True, by_alias=True))
    checked = v05.LabelImage.model_validate({"version": "0.5"} | content)
    return {"ome": checked.model_dump(mode="json", exclude_none=True, by_alias=True)}


def write_zarr_table(plate: Path, table: pd.DataFrame) -> None:
    """Write a table of wells as the table ``cellvino_wells`` of an OME-Zarr plate.

    Raises
    ------
    OutputError
        If the plate cannot be written to.
    """
    import zarr

    form = _zarr_format(plate)
    with _explained(plate):
        _list_name(plate / "tables", "tables", TABLE_NAME, form)
        own = zarr.open_group(plate / "tables" / TABLE_NAME, mode="w", zarr_format=form)
        own.attrs.update(
            {"type": "generic_table", "table_version": "1", "backend": "csv", "index_key": "well", "index_type": "str"}
        )
        write_table(plate / "tables" / TABLE_NAME / "table.csv", table)


def _list_name(group: Path, key: str, name: str, form: int) -> None:
    """Add a name to the list that a group keeps of its labels or tables; labels of 0.5 lie under ``ome``."""
    import zarr

    opened = zarr.open_group(group, mode="a", zarr_format=form)
    under_ome = key == "labels" and form == 3
    held: Any = opened.attrs.get("ome", {"version": "0.5"}) if under_ome else dict(opened.attrs)
    names = [*held.get(key, [])]
    if name not in names:
        held = {**held, key: [*names, name]}
        opened.attrs.update({"ome": held} if under_ome else {key: held[key]})


def _zarr_format(group: Path) -> Literal[2, 3]:
    return 3 if (group / "zarr.json").is_file() else 2


def _chunks(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(min(n, 1024) for n in shape)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        what = REMEDIES.get(error.errno or 0, error.strerror or str(error))
        raise OutputError(f"{path} cannot be written into: {what}") from error
