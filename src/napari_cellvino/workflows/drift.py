"""Compare the runs in folders of results with each other, and with what their model knows.

A run is a plate, or the images of one day in one folder: what an instrument does in one go. Only runs of one model,
channel and pixel size are compared, and of one instrument, where the rules of a watch read that from names of files.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median

from napari_cellvino.core.errors import CellvinoError, ImageReadError, OutputError
from napari_cellvino.measure.image_values import HIGH_NAME, LOW_NAME, NOISE_NAME, SHARPNESS_NAME
from napari_cellvino.model_package import find_package
from napari_cellvino.quality.doubts import LOW_SCORE
from napari_cellvino.quality.drift import RunDrift, RunValues, find_drift, run_values
from napari_cellvino.results.schema import FieldSummary
from napari_cellvino.results.store import ResultStore
from napari_cellvino.storage.csv_table import write_table
from napari_cellvino.storage.ledger import Ledger
from napari_cellvino.storage.time_text import local_time

DRIFT_NAME, CHART_NAME = "drift.csv", "drift.png"
INSTRUMENT = "instrument"  # what rules call that part of a name


@dataclass(frozen=True, slots=True)
class JudgedRun:
    """A run compared with earlier ones; ``unknown`` says what lies outside what its model knows, or is empty.

    ``learnt`` are the least and the largest diameter, in px, of cells that its model learnt; None where images were
    resized for the model, or it is not here.
    """

    folder: Path
    drift: RunDrift
    unknown: str = ""
    learnt: tuple[float, float] | None = None

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is unlike earlier runs or unknown to the model, as sentences; none where all is as usual."""
        moved = "; ".join(map(str, self.drift.drifted))
        said = f"{moved}. Likely {self.drift.cause}." if moved else ""
        return tuple(part for part in (said, self.unknown) if part)


def result_folders(folders: Iterable[Path]) -> list[Path]:
    """Return the folders of results in folders, at any depth, each once.

    Raises
    ------
    ImageReadError
        If one of them holds none.
    """
    found: dict[Path, None] = {}
    for top in folders:
        inside = list(_below(top.absolute()))
        if not inside:
            raise ImageReadError(f"{top} holds no results; name a folder that 'cellvino run' or 'watch' wrote")
        found |= dict.fromkeys(inside)
    return list(found)


def _below(folder: Path) -> Iterator[Path]:
    results = set(ResultStore(folder).find_folders())
    if results:
        yield folder
    with suppress(OSError):
        for inside in sorted(set(folder.iterdir()) - results):
            if inside.is_dir() and not inside.is_symlink() and not inside.name.startswith("."):
                yield from _below(inside)


def judge_runs(folders: Iterable[Path], root: Path | None = None, known: ResultStore | None = None) -> list[JudgedRun]:
    """Return every run in folders of results, by time, judged by those before it; names are below ``root``.

    ``known`` is the store of one of the folders, where there is one that has read its results.
    """
    runs: dict[tuple[str, float, str], tuple[Path, RunValues]] = {}
    instruments = {} if root is None else _instruments(root)
    for folder in folders:
        store = known if known is not None and known.root == folder else ResultStore(folder)
        for run in _runs(store, root, instruments):
            runs[run.name, run.at, run.kind] = folder, run
    judged = find_drift(run for _, run in runs.values())
    places = [(runs[d.run.name, d.run.at, d.run.kind][0], d) for d in judged]
    learnt = {folder: _learnt_sizes(folder) for folder in dict.fromkeys(folder for folder, _ in places)}
    return [
        JudgedRun(folder, drift, _unknown_to_model(drift.run, learnt[folder]), learnt[folder])
        for folder, drift in places
    ]


def _instruments(root: Path) -> dict[str, str]:
    """Return the instrument of each input of a watch, where its rules name one."""
    try:
        jobs = Ledger(root).jobs()
    except OutputError:  # told by those who need it
        return {}
    return {job.source: str(job.attributes[INSTRUMENT]) for job in jobs if INSTRUMENT in job.attributes}


def _runs(store: ResultStore, root: Path | None, instruments: Mapping[str, str]) -> Iterator[RunValues]:
    folder = store.root
    name = folder.relative_to(root).as_posix() if root and folder.is_relative_to(root) else folder.name
    groups: dict[tuple[str, str], list[FieldSummary]] = {}
    for _, summary in store.summaries():
        if summary.finished and summary.origin is not None and summary.key is not None:
            day = "" if summary.origin.plate else _day(summary.key.modified_ns)
            kind = _kind(summary, instruments.get(summary.origin.path, ""))
            groups.setdefault((day, kind), []).append(summary)
    for (day, kind), held in groups.items():
        at = median(summary.key.modified_ns for summary in held if summary.key is not None) / 1e9
        shown = " ".join(
            part for part in dict.fromkeys(("" if name == "." else name, day)) if part
        )  # a folder may be a day
        yield run_values(shown, kind, at, [field_values(summary) for summary in held])


def _day(modified_ns: int) -> str:
    return datetime.fromtimestamp(modified_ns / 1e9).date().isoformat() if modified_ns else ""


def _kind(summary: FieldSummary, instrument: str) -> str:
    counts = summary.counts or {}
    areas = counts.get("median_area_um2"), counts.get("median_area_px")
    size = f"{math.sqrt(areas[0] / areas[1]):.3g} µm/px" if areas[0] and areas[1] else ""
    return ", ".join(part for part in (summary.models, summary.channel, size, instrument) if part)


def field_values(summary: FieldSummary) -> dict[str, float]:
    """Return what is compared of a field; what it does not have is NaN."""
    held = {name: math.nan if value is None else float(value) for name, value in (summary.counts or {}).items()}

    def of(name: str) -> float:
        return held.get(name, math.nan)

    reach = of(HIGH_NAME) - of(LOW_NAME)
    return {
        "intensity": reach,
        "background": max(of(LOW_NAME), reach / 100),  # 0 in pictures whose offset was taken off
        "noise": max(of(NOISE_NAME), reach / 1000),
        "sharpness": of(SHARPNESS_NAME),
        "size": math.sqrt(4 / math.pi * of("median_area_px")),
        "confidence": of("mean_score"),
        "count": of("count"),
        "doubtful": summary.doubtful / summary.cells if summary.cells else math.nan,
    }


def _unknown_to_model(run: RunValues, sizes: tuple[float, float] | None) -> str:
    """Return what of a run lies outside its model's card: sizes that it did not learn, or scores below its own."""
    said = []
    size, confidence = run.values.get("size"), run.values.get("confidence")
    if confidence is not None and confidence < LOW_SCORE:
        said.append(f"The model is unsure of these cells (mean score {confidence:.2f}).")
    if size is not None and sizes is not None and not sizes[0] <= size <= sizes[1]:
        span = f"{sizes[0]:g} to {sizes[1]:g}"
        said.append(f"Cells of {size:.0f} px are outside the sizes that the model learnt, {span}: give their diameter.")
    return " ".join(said)


def _learnt_sizes(folder: Path) -> tuple[float, float] | None:
    """Return the sizes that the model of a folder of results learnt, as `JudgedRun` has them."""
    try:
        recipe = ResultStore(folder).recipe()
        known = find_package(recipe.model).spec.diameter_px
    except CellvinoError:
        return None
    if recipe.diameter_px is not None or known.always_sought or known.assumed is not None:
        return None
    zooms = known.search or (1.0,)
    return round(known.smallest / max(zooms), 1), round(known.largest / min(zooms), 1)


def known_to_model(run: JudgedRun) -> tuple[str, dict[str, str]]:
    """Return the name of the model of a run, and what its card says of the measures."""
    sizes = run.learnt
    known = {"confidence": f"from {LOW_SCORE:g}"} | ({"size": f"{sizes[0]:g} to {sizes[1]:g}"} if sizes else {})
    return run.drift.run.kind.partition(",")[0], known


def write_drift(out: Path, runs: Sequence[JudgedRun]) -> list[str]:
    """Write ``drift.csv``, a row per run and measure, and charts of it; return the names of the charts.

    Runs of each kind have a chart of their own, ``drift.png``, ``drift-2.png`` and so on, in the order of their first.

    Raises
    ------
    OutputError
        If they cannot be written.
    """
    import pandas as pd

    from napari_cellvino.figures.control_chart import draw_charts
    from napari_cellvino.figures.plot_style import save_png

    rows = [
        {
            "run": run.drift.run.name, "results": str(run.folder), "kind": run.drift.run.kind,
            "time": local_time(run.drift.run.at), "fields": run.drift.run.fields, "measure": point.measure.name,
            "unit": point.measure.unit, "value": point.value, "usual": point.usual, "low": point.low,
            "high": point.high, "least_change": point.least_change,
            "drifted": point.drifted, "cause": run.drift.cause if point.drifted else "",
            "model": run.unknown,
        }
        for run in runs
        for point in run.drift.points
    ]  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    write_table(out / DRIFT_NAME, pd.DataFrame(rows))
    kinds, names = list(dict.fromkeys(run.drift.run.kind for run in runs)), list[str]()
    for number, kind in enumerate(kinds, 1):
        figure = draw_charts([r.drift for r in runs if r.drift.run.kind == kind], kind if len(kinds) > 1 else "")
        names.append(CHART_NAME if number == 1 else f"{Path(CHART_NAME).stem}-{number}.png")
        save_png(figure, out / names[-1], software="napari-cellvino")
    return names
