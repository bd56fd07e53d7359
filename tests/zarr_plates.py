"""OME-Zarr plates of both versions, written with yaozarrs' own models (and its writer, for 0.5) and zarr."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import zarr
from yaozarrs import v04, v05
from yaozarrs.write.v05 import write_plate


def write_zarr_plate(path: Path, images: dict[tuple[str, str, str], np.ndarray], version: str) -> Path:
    """Write images (C, Z, Y, X) by row, column and field: 0.5 µm per pixel, 2 µm between planes, DNA and GFP."""
    if version == "0.5":
        parts = {place: (v05.Image.model_validate(image(data, "0.5")), [data]) for place, data in images.items()}
        return Path(write_plate(path, parts, plate={"name": "made"}))
    root = zarr.open_group(path, mode="w", zarr_format=2)
    rows, columns = (sorted({place[n] for place in images}) for n in (0, 1))
    wells = [
        {"path": f"{r}/{c}", "rowIndex": rows.index(r), "columnIndex": columns.index(c)}
        for r, c in dict.fromkeys((r, c) for r, c, _ in images)
    ]
    plate = {"name": "made", "rows": [{"name": r} for r in rows], "columns": [{"name": c} for c in columns]}
    root.attrs.update(
        v04.Plate.model_validate({"plate": plate | {"wells": wells}}).model_dump(mode="json", exclude_none=True)
    )
    for r, c, _ in images:
        listed = [{"path": f} for a, b, f in images if (a, b) == (r, c)]
        well = v04.Well.model_validate({"well": {"images": listed}})
        root.require_group(f"{r}/{c}").attrs.update(well.model_dump(mode="json", exclude_none=True))
    for (r, c, f), data in images.items():
        group = root.require_group(f"{r}/{c}/{f}")
        group.create_array("0", data=data, chunks=(1, 1, *data.shape[2:]))
        group.attrs.update(v04.Image.model_validate(image(data, "0.4")).model_dump(mode="json", exclude_none=True))
    return path


def image(data: np.ndarray, version: str) -> dict[str, object]:
    axes = [{"name": "c", "type": "channel"}]
    axes += [{"name": a, "type": "space", "unit": "micrometer"} for a in "zyx"]
    scale = {"type": "scale", "scale": [1.0, 2.0, 0.5, 0.5]}
    window = {"min": 0, "max": 65535, "start": 0, "end": 4000}
    channels = [{"label": name, "color": "0000FF", "window": window} for name in ("DNA", "GFP")[: len(data)]]
    made = {"multiscales": [{"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": [scale]}]}]}
    return made | {"omero": {"channels": channels}} | ({"version": "0.5"} if version == "0.5" else {})
