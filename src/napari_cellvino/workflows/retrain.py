"""Retraining on corrected results: the training set, the training process, and the comparison of both models.

The training runs in its own process (``cellvino train``), so that it can be stopped and the window stays responsive; it
writes its progress to a file (`progress_lines`). A retraining has one folder: ``training/`` is the exported set, whose
splits are kept when fields are added. For each state of the set there is a folder named by its fingerprint, with
``<name>/`` (the package), ``<name>.run/`` (checkpoints), ``progress.jsonl`` (progress) and ``result.json``.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from napari_cellvino.core.errors import ImageReadError, OptionError, TrainingDataError
from napari_cellvino.formats.export import ExportChoices, ExportSummary, export_fields
from napari_cellvino.model_package import check_model_name
from napari_cellvino.model_package.spec import Score
from napari_cellvino.results.exported_fields import UnreadableField, read_fields
from napari_cellvino.results.schema import FieldSummary
from napari_cellvino.results.store import ResultStore
from napari_cellvino.training.progress_lines import TrainingProgress, read_more, read_progress

NEEDED = ("torch", "onnx")
SET_NAME, PROGRESS_NAME = "training", "progress.jsonl"
POLL_S = 0.25
TERMINATE_TIMEOUT_S = 10.0  # before a terminated process is killed
COMMAND = (sys.executable, "-c", "import sys; from napari_cellvino.cli import main; sys.exit(main())")


@dataclass(frozen=True, slots=True)
class CorrectedField:
    """A saved result: number of cells, of reviewed cells, and of edited cells."""

    folder: Path
    cells: int
    reviewed: int
    edited: int
    group: str = ""

    @property
    def complete(self) -> bool:
        """Whether every cell was reviewed; then all pixels outside the cells are background."""
        return self.cells > 0 and self.reviewed == self.cells


@dataclass(frozen=True, slots=True)
class RetrainChoices:
    """Settings; ``fields`` are folders of results, ``work`` is the folder, ``base`` and ``name`` old and new model.

    Only completely reviewed fields are used for training, unless ``all_fields``.
    """

    fields: tuple[Path, ...]
    work: Path
    base: str
    name: str
    epochs: int = 20
    seed: int = 0
    all_fields: bool = False


@dataclass(frozen=True, slots=True)
class RetrainResult:
    """The new package, the training set, and the scores of both models on the held-out fields.

    ``doubts`` are sentences on labels that lie on no edges of their images; where most are ``mostly_doubted``, the
    model is not to be used.
    """

    package: Path
    dataset: Path
    better: bool
    before: tuple[Score, ...]
    after: tuple[Score, ...]
    doubts: tuple[str, ...] = ()
    mostly_doubted: bool = False

    def value(self, metric: str) -> tuple[float | None, float | None]:
        """Return a metric before and after, None where it has no score."""
        found = ({s.metric: s.value for s in scores}.get(metric) for scores in (self.before, self.after))
        before, after = found
        return before, after


def missing_packages() -> list[str]:
    """Return the packages that training needs and that are not installed; nothing is imported."""
    return [name for name in NEEDED if find_spec(name) is None]


def find_corrections(results: Path) -> list[CorrectedField]:
    """Return the saved results in a folder (or the folder itself, if it is one), by name.

    Raises
    ------
    ImageReadError
        If there is none, or one cannot be read.
    """
    store = ResultStore.open(results)
    folders = store.find_folders()
    if not folders:
        raise ImageReadError(f"{results} holds no saved results; save corrected cells there first, or choose another")
    return [_corrected(folder, store.summary(folder)) for folder in folders]


def _corrected(folder: Path, found: FieldSummary) -> CorrectedField:
    if found.origin is None:
        raise ImageReadError(f"{folder} does not say which image it belongs to; run that image again")
    group = f"{found.origin.plate} {found.origin.well}".strip()
    return CorrectedField(folder, found.cells, found.reviewed, found.edited, group)


def write_training_set(choices: RetrainChoices) -> ExportSummary:
    """Write the training set of the chosen fields, with the previous splits kept, and return it.

    Raises
    ------
    ImageReadError, ImageValueError
        If a field cannot be read.
    OptionError
        If none of the fields is completely reviewed.
    TrainingDataError
        If fewer than two fields are left.
    """
    unreadable: list[UnreadableField] = []
    strict = frozenset() if choices.all_fields else frozenset({SET_NAME})
    export = ExportChoices((SET_NAME,), choices.work, overwrite=True, reviewed_only=strict)
    done = export_fields(read_fields(choices.fields, {}, unreadable), export)[SET_NAME]
    if unreadable:
        raise unreadable[0].error
    if done.fields < 2:
        raise TrainingDataError(
            f"{done.fields} field is reviewed to its last cell; at least 2 are needed, one to learn from and one to "
            "check on: review more, or take all fields"
        )
    return done


def retrain(choices: RetrainChoices) -> Generator[TrainingProgress, None, RetrainResult]:
    """Yield progress and return the scores of both models; closing it stops the training, calling it again resumes.

    Raises
    ------
    OptionError
        If torch is missing, or no model can have the name.
    TrainingDataError
        If the training failed; the message is its own.
    """
    missing = missing_packages()
    if missing:
        raise OptionError(f"training needs {', '.join(missing)}: pip install 'napari-cellvino[train]'")
    check_model_name(choices.name)
    yield TrainingProgress(message="reading the corrections")
    dataset = write_training_set(choices).folder
    place = choices.work / fingerprint(dataset, choices)
    place.mkdir(parents=True, exist_ok=True)
    out = place / choices.name
    result = place / "result.json"
    if result.is_file() and out.is_dir():
        yield from read_progress(place / PROGRESS_NAME)
    else:
        yield from _train(choices, dataset, place)
    return _read_result(result, out, dataset)


def fingerprint(dataset: Path, choices: RetrainChoices) -> str:
    """Return a short hash of a set's images, labels and splits, and of the settings."""
    total = hashlib.sha256(f"{choices.base} {choices.name} {choices.epochs} {choices.seed}".encode())
    for path in sorted(p for part in ("images", "labels", "boxes") for p in (dataset / part).glob("*")):
        total.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    total.update((dataset / "splits.csv").read_bytes())
    return total.hexdigest()[:8]


def _train(choices: RetrainChoices, dataset: Path, place: Path) -> Generator[TrainingProgress, None, None]:
    """Run the training command to its end, or terminate it when the generator is closed."""
    progress, result, errors = place / PROGRESS_NAME, place / "result.json.part", place / "errors.txt"
    options = ["--base", choices.base, "--out", str(place / choices.name), "--epochs", str(choices.epochs)]
    command = [*COMMAND, "train", str(dataset), *options, "--seed", str(choices.seed), "--progress", str(progress)]
    yield from read_progress(progress)  # of an interrupted training
    offset = progress.stat().st_size if progress.is_file() else 0
    with result.open("wb") as output, errors.open("wb") as error_file:
        process = subprocess.Popen([*command, "--json"], stdout=output, stderr=error_file)
        try:
            yield from _follow(process, progress, offset)
        finally:
            end_process(process)
    if not result.read_bytes().strip():
        raise TrainingDataError(_error_message(errors, process.returncode))
    result.replace(place / "result.json")


def _follow(process: subprocess.Popen[bytes], path: Path, start: int) -> Generator[TrainingProgress, None, None]:
    """Yield progress from byte ``start`` on until the process ends; empty progress in between allows stopping."""
    while True:
        ended = process.poll() is not None
        found, start = read_more(path, start)
        yield from found
        if ended:
            return
        yield TrainingProgress()
        time.sleep(POLL_S)


def end_process(process: subprocess.Popen[bytes]) -> None:
    """Terminate a process if it still runs; its checkpoints are kept."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(TERMINATE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def _error_message(errors: Path, code: int) -> str:
    lines = errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    if lines:
        return lines[-1].removeprefix("cellvino: ")
    if code < 0:
        return f"the training was ended from outside (signal {-code}), as happens where memory runs out; train again"
    return f"the training ended without saying why (exit code {code})"


def _read_result(path: Path, out: Path, dataset: Path) -> RetrainResult:
    content = json.loads(path.read_text(encoding="utf-8"))
    before, after = (tuple(Score.model_validate(row) for row in content[side]) for side in ("before", "after"))
    doubts, mostly = tuple(content.get("doubts", ())), bool(content.get("mostly_doubted"))
    return RetrainResult(out, dataset, bool(content["better"]), before, after, doubts, mostly)
