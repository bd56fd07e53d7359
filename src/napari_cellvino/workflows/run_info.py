"""``run.json``: versions, models, devices, time and outcomes of a run."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from importlib.metadata import version

from napari_cellvino import __version__
from napari_cellvino.engines.engine import NO_ENGINE
from napari_cellvino.model_package import ModelPackage
from napari_cellvino.results.store import ResultStore
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.workflows.field_task import FieldOutcome

LIBRARIES = ("numpy", "scipy", "scikit-image", "openvino", "tifffile")  # their versions may change a result


def write_run_info(
    store: ResultStore,
    pipeline: Pipeline,
    outcomes: Sequence[FieldOutcome],
    started: float,
    *,
    complete: bool,
    notices: Sequence[str] = (),
) -> dict[str, object]:
    """Write ``run.json`` and return its content; ``started`` is in seconds since 1970.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    info = run_info(pipeline, outcomes, started) | {"complete": complete}
    info |= {"notices": list(notices)} if notices else {}
    store.write_run_info(info)
    return info


def run_info(pipeline: Pipeline, outcomes: Sequence[FieldOutcome], started: float) -> dict[str, object]:
    """Return versions, models, devices, times and the outcome of each field."""
    outline = pipeline.outline
    return {
        "napari-cellvino": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "versions": {name: version(name) for name in LIBRARIES},
        **({"model": _model_info(pipeline.package)} if pipeline.find else {}),
        **({"outline": _model_info(outline)} if outline else {}),
        "recipe": pipeline.recipe.fingerprint(),
        "complete": False,
        "devices": sorted(
            {f"{o.engine.device} {o.engine.number_type}" for o in outcomes if o.engine and o.engine != NO_ENGINE}
        ),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(started)),
        "seconds": round(time.time() - started, 3),
        "fields": [_field_info(outcome) for outcome in outcomes],
    }


def _field_info(outcome: FieldOutcome) -> dict[str, object]:
    row = outcome.row
    info: dict[str, object] = {
        "folder": row["folder"], "file": row["file"], "seconds": round(outcome.seconds, 3), "kept": outcome.kept
    }  # fmt: skip
    if outcome.notices:
        info["notices"] = list(outcome.notices)
    if outcome.traceback:
        info["traceback"] = outcome.traceback
    return info


def _model_info(package: ModelPackage) -> dict[str, str]:
    return {"name": package.label, "sha256": package.sha256}
