"""The front door: from an array or a file to labels in three lines, from Python.

It calls the same use-cases as the command line and the window, so that all give the same labels. The names here are
also those of `napari_cellvino` itself, which loads this module when one of them is asked for.
"""

from napari_cellvino.api.answers import answer_plates
from napari_cellvino.api.classes import classify_cells
from napari_cellvino.api.evaluation import evaluate, evaluate_model
from napari_cellvino.api.images import ImageLike, read_image
from napari_cellvino.api.models import list_models, load_model, load_pipeline
from napari_cellvino.api.options import ImageOptions, PlateOptions, RunOptions
from napari_cellvino.api.results import FieldResults, Results, open_results
from napari_cellvino.api.runs import run_folder, run_plate
from napari_cellvino.api.segmentation import Segmentation, segment
from napari_cellvino.api.suggestions import suggest_models
from napari_cellvino.api.teaching import teach
from napari_cellvino.api.tracking import kymograph, track
from napari_cellvino.core.image import Stack
from napari_cellvino.core.link_options import LinkOptions
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.workflows.first_sight import FirstSight, Suggestion
from napari_cellvino.workflows.track_film import TrackedFilm

__all__ = [
    "EngineProvider",
    "FieldResults",
    "FirstSight",
    "ImageLike",
    "ImageOptions",
    "LinkOptions",
    "PlateOptions",
    "Results",
    "RunOptions",
    "Segmentation",
    "Stack",
    "Suggestion",
    "TrackedFilm",
    "answer_plates",
    "classify_cells",
    "evaluate",
    "evaluate_model",
    "kymograph",
    "list_models",
    "load_model",
    "load_pipeline",
    "open_results",
    "read_image",
    "run_folder",
    "run_plate",
    "segment",
    "suggest_models",
    "teach",
    "track",
]
