"""Track with laptrack or btrack as they come, and score: ``python tracking_worker.py FOLDER laptrack|btrack|score``.

For each ``NAME.npz`` in the folder (``masks`` of all frames) there are ``NAME/truth`` and a folder of the Cell Tracking
Challenge for each tracker. A tracker runs in an environment of its own, since theirs do not go together; ``btrack`` may
be followed by its configuration. Scores are a line of JSON for each film and tracker. Nothing of this project is
imported.
"""

import contextlib
import io
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
from scipy import ndimage

METRICS = ["LNK", "TRA", "DET", "CT", "TF"]


Found = tuple[dict[tuple[int, int], int], dict[int, int]]


def centroids(masks: np.ndarray) -> pd.DataFrame:
    rows = []
    for frame, mask in enumerate(masks):
        labels = np.unique(mask[mask > 0])
        for label, (y, x) in zip(labels, ndimage.center_of_mass(mask > 0, mask, labels), strict=True):
            rows.append((frame, int(label), y, x))
    return pd.DataFrame(rows, columns=["frame", "label", "y", "x"])


def with_laptrack(masks: np.ndarray, cells: pd.DataFrame) -> Found:
    from laptrack import LapTrack

    tracked, splits, _ = LapTrack().predict_dataframe(
        cells, coordinate_cols=["y", "x"], frame_col="frame", only_coordinate_cols=False
    )
    tracked = tracked.reset_index(drop="frame" in tracked)
    parents = {int(r.child_track_id): int(r.parent_track_id) for r in splits.itertuples()} if len(splits) else {}
    chosen = zip(tracked["frame"], tracked["label"], tracked["track_id"], strict=True)
    return {(int(f), int(label)): int(t) + 1 for f, label, t in chosen}, {c + 1: p + 1 for c, p in parents.items()}


def with_btrack(masks: np.ndarray, cells: pd.DataFrame, config: str) -> Found:
    import btrack  # its library does not load on every system
    from btrack.utils import segmentation_to_objects

    objects = segmentation_to_objects(masks, properties=("area",))
    with btrack.BayesianTracker() as tracker:
        tracker.configure(config)
        tracker.append(objects)
        tracker.volume = ((0, masks.shape[2]), (0, masks.shape[1]))
        tracker.track(step_size=100)
        tracker.optimize()
        found = tracker.tracks
    ids, parents = {}, {}
    for track in found:
        for frame, y, x, dummy in zip(track.t, track.y, track.x, track.dummy, strict=True):
            there = cells[cells["frame"] == frame]
            if dummy or there.empty:
                continue
            near = ((there["y"] - y) ** 2 + (there["x"] - x) ** 2).idxmin()
            ids.setdefault((int(frame), int(there.loc[near, "label"])), int(track.ID))
        if track.parent not in (track.ID, 0, None):
            parents[int(track.ID)] = int(track.parent)
    return ids, parents


def write(folder: Path, masks: np.ndarray, ids: dict[tuple[int, int], int], parents: dict[int, int]) -> None:
    """Write what a tracker found; a cell that it left out is a track of its own, one with a gap two."""
    folder.mkdir(parents=True)
    free = max(ids.values(), default=0) + 1
    seen = {}
    for frame, mask in enumerate(masks):
        table = np.zeros(int(mask.max()) + 1, np.uint16)
        for label in np.unique(mask[mask > 0]).tolist():
            track = ids.get((frame, label))
            track, free = (free, free + 1) if track is None else (track, free)
            seen.setdefault(track, {})[frame] = label
            table[label] = track
        tifffile.imwrite(folder / f"mask{frame:03d}.tif", table[mask])
    rows = []
    for track, frames in sorted(seen.items()):
        parent = parents.get(track, 0)
        parent = parent if parent in seen and max(seen[parent]) < min(frames) else 0
        parts = np.split(sorted(frames), np.flatnonzero(np.diff(sorted(frames)) > 1) + 1)
        ident = track
        for number, part in enumerate(parts):
            if number:
                parent, ident, free = ident, free, free + 1
                for frame in part.tolist():
                    path = folder / f"mask{frame:03d}.tif"
                    image = tifffile.imread(path)
                    image[image == track] = ident
                    tifffile.imwrite(path, image)
            rows.append(f"{ident} {part[0]} {part[-1]} {parent}\n")
    (folder / "res_track.txt").write_text("".join(rows), encoding="utf-8")


def config() -> str:
    """Return btrack's own configuration, as named or from its server."""
    if len(sys.argv) > 3:
        return sys.argv[3]
    from btrack import datasets  # asks the server when it is imported

    return str(datasets.cell_config())


def track(folder: Path, tracker: str) -> None:
    """Write what a tracker makes of each film; one that it fails on is named."""
    for path in sorted(folder.glob("*.npz")):
        masks = np.load(path)["masks"].astype(np.int32)
        cells = centroids(masks)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                found = with_laptrack(masks, cells) if tracker == "laptrack" else with_btrack(masks, cells, config())
                write(folder / path.stem / tracker, masks, *found)
        except Exception as error:  # the others are scored
            print(f"{tracker} on {path.stem} failed: {error!r}", file=sys.stderr, flush=True)


def score(folder: Path) -> None:
    """Print the scores of all trackers."""
    from ctc_metrics import evaluate_sequence

    for path in sorted(folder.glob("*.npz")):
        own = folder / path.stem
        for tracker in ("ours", "laptrack", "btrack"):
            if not (own / tracker / "res_track.txt").is_file():
                continue
            with contextlib.redirect_stdout(io.StringIO()):
                got = evaluate_sequence(str(own / tracker), str(own / "truth"), metrics=[*METRICS, "Valid"], threads=1)
            scores = {metric: None if got[metric] is None else float(got[metric]) for metric in (*METRICS, "Valid")}
            print(json.dumps({"film": path.stem, "tracker": tracker, **scores}), flush=True)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    if sys.argv[2] == "score":
        score(Path(sys.argv[1]))
    else:
        track(Path(sys.argv[1]), sys.argv[2])
