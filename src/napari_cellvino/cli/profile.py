"""``cellvino profile``: feature vectors of cells and wells."""

from __future__ import annotations

import argparse
import sys

from napari_cellvino.core.progress import finish
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.workflows.profile_cells import write_profiles


def run(options: argparse.Namespace) -> int:
    """Write the profiles, and print what they hold and which contents look alike."""
    done = finish(write_profiles(options.results, options.out, network=options.network or ""))
    wells, nearest = done.wells, done.wells.nearest.to_dict("records")
    if options.json:
        explained = wells.explained.tolist()
        content = {"files": done.files, "features": wells.features, "explained": explained, "nearest": nearest}
        print(json_text(content), end="")
    else:
        print(f"{len(done.cells):,} cells, {len(wells.table):,} wells or fields, {len(wells.features)} features")
        for row in nearest:
            like = f"like {row['nearest_compound']} {row['nearest_dose']:g} (cosine {row['cosine']:.2f})"
            print(f"{row['compound']} {row['dose']:g}: {like}")
        print("\n".join(map(str, done.files)))
    for notice in wells.notices:
        print(notice, file=sys.stderr)
    for field in done.unreadable:
        print(f"{field.folder.name}: {field.error}", file=sys.stderr)
    return 1 if done.unreadable else 0
