"""Fine-tune a model on a user's labelled images, or train a new one from a plan."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_cellvino.core.errors import OptionError, TrainingDataError
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Precision
from napari_cellvino.model_package import ModelPackage, check_model_name, find_package, open_package
from napari_cellvino.model_package.spec import Score
from napari_cellvino.segmentation.heads import check_parameters
from napari_cellvino.training.convert.build import CardTexts, build_package
from napari_cellvino.training.data.datasets import LabelledImage, split_set
from napari_cellvino.training.data.label_doubts import NO_DOUBTS, LabelDoubts, doubt_labels
from napari_cellvino.training.fit.config import spec_for
from napari_cellvino.training.fit.distillation import Distillation, choose_weight_interpolation
from napari_cellvino.training.fit.fit import FitProgress, Validation, fit
from napari_cellvino.training.fit.networks import UNet
from napari_cellvino.training.fit.plan import PLAN_NAME, TrainingPlan, load_plan
from napari_cellvino.training.fit.torch_engine import TorchEngine
from napari_cellvino.training.fit.weights import fitted_network, package_network, package_plan
from napari_cellvino.training.metrics.choose_parameters import primary_metric
from napari_cellvino.training.metrics.evaluate import LabelledSet, infer_field, score_maps, score_package, scored_fields
from napari_cellvino.training.objectives import objective_for, prepare

DATA_NAME = "data.sha256"  # of the images and truth of a run
LIVE_FIELDS = 6  # validation fields scored after each checkpoint
LEAST_STEPS = 10  # in an epoch
FINE_TUNING_RATE = 0.5  # learning rate of fine-tuning, relative to that of the plan


@dataclass(frozen=True, slots=True)
class TrainingTask:
    """What to train: on which set, from which model or plan, to which folder.

    Exactly one of ``base`` (name or folder of a package) and ``plan`` (a YAML file) is given. ``steps`` goes before
    ``epochs``; one epoch is as many crops as cover the training images once.
    """

    dataset: Path
    out: Path
    base: str = ""
    plan: Path | None = None
    epochs: int = 20
    steps: int | None = None
    batch: int | None = None
    seed: int = 0
    device: str = "cpu"

    @property
    def run(self) -> Path:
        """Folder of checkpoints and history, beside the package."""
        return self.out.with_name(f"{self.out.name}.run")


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """The trained package, and the scores on the validation fields before (of the base, if any) and after.

    ``doubts`` are those about the labels of the set, said before the training.
    """

    package: ModelPackage
    before: tuple[Score, ...]
    after: tuple[Score, ...]
    doubts: LabelDoubts = NO_DOUBTS

    @property
    def primary_metrics(self) -> tuple[float | None, float]:
        """The primary metric before (None without a base) and after training, 0 to 1."""
        values = [{s.metric: s.value for s in scores} for scores in (self.before, self.after)]
        spec = self.package.spec
        return (primary_metric(spec, values[0]) if self.before else None), primary_metric(spec, values[1])

    @property
    def better(self) -> bool:
        """Whether it is to be used in place of the base: not where most labels are doubted, whatever it scores."""
        before, after = self.primary_metrics
        return not self.doubts.mostly and (before is None or after > before)


def train(task: TrainingTask) -> Generator[FitProgress | LabelDoubts | str, None, TrainingResult]:
    """Yield progress, or a description of the stage, and return the result; an interrupted training is resumed.

    Where labels are doubted, that comes first.

    Raises
    ------
    TrainingDataError
        If the set cannot be used (a single field, no objects, different sizes), or the run in the folder has other
        settings.
    OptionError
        If neither or both of a base and a plan are given, or the folder is taken or no name for a model.
    """
    if bool(task.base) == (task.plan is not None):
        raise OptionError("name either a model to go on from (--base) or a plan for a fresh one (--plan)")
    check_model_name(task.out.name.lower())
    if task.out.exists() and not (task.out / PLAN_NAME).is_file():
        raise OptionError(
            f"{task.out} exists and holds no model trained here",
            remedy="choose another folder",
            command="name another folder (--out)",
        )
    learned, checked = split_set(task.dataset)
    base = find_package(task.base) if task.base else None
    doubts = doubt_labels([*learned, *checked])
    if doubts.sentences:
        yield doubts
    plan = _plan(task, base, learned)
    _check_run(task.run, plan, data_sha256([*learned, *checked]))
    start = package_network(base, plan) if base else None
    distillation = (
        Distillation(start, package_plan(base), seed=task.seed, device=task.device) if base and start else None
    )
    defaults = base.spec.head.parameters if base else None
    scoring = live_validation(plan, checked, defaults)
    yield from fit(
        learned, task.run, plan, start_from=start, distillation=distillation, validate=scoring, device=task.device
    )
    part = LabelledSet(task.dataset.name, tuple(checked))
    net, share = fitted_network(task.run, plan), 1.0
    if start is not None:
        yield "averaging with the model before"
        net, share = choose_weight_interpolation(start, net, scoring)
    fresh = task.run / "package"
    texts = _format(task, base, share, learned, checked, doubts)
    yield from build_package(net, plan, texts, fresh, val=[part], shown=[part], parameters=defaults)
    before = tuple(finish(score_package(base, part, [Precision.FAST]))) if base else ()
    shutil.rmtree(task.out, ignore_errors=True)
    shutil.move(fresh, task.out)
    package = open_package(task.out)
    after = tuple(s for s in package.spec.scores if s.precision is Precision.FAST)
    return TrainingResult(package, before, after, doubts)


def live_validation(
    plan: TrainingPlan, fields: Sequence[LabelledImage], parameters: Mapping[str, float] | None = None
) -> Validation:
    """Return a function that scores a network on the first few fields, with some parameters of the head changed."""
    spec = spec_for(plan, parameters)
    part = LabelledSet("validation", tuple(fields[:LIVE_FIELDS]))
    part = LabelledSet(part.name, tuple(scored_fields(part, spec))[: 8 * LIVE_FIELDS]) if plan.head == "mask" else part
    objective, values = objective_for(plan), check_parameters(spec, {})

    def validate(net: UNet) -> float:
        engine = TorchEngine(net, objective)
        maps = [infer_field(field, spec, engine) for field in scored_fields(part, spec)]
        return primary_metric(spec, score_maps(part, maps, spec, values))

    return validate


def _plan(task: TrainingTask, base: ModelPackage | None, learned: Sequence[LabelledImage]) -> TrainingPlan:
    plan = package_plan(base) if base else load_plan(task.plan or Path())
    change: dict[str, object] = {"seed": task.seed}
    if task.batch:
        change["batch"] = task.batch
    if base:
        change["learning_rate"] = plan.learning_rate * FINE_TUNING_RATE
    plan = plan.model_copy(update=change | _diameter_for(plan, learned))
    steps = task.steps or (task.epochs * _steps_per_epoch(plan, learned) if base else plan.steps)
    every = max(1, min(plan.checkpoint_every, steps // 10))
    return plan.model_copy(
        update={"steps": steps, "warm_up": min(plan.warm_up, steps // 10), "checkpoint_every": every}
    )


def _diameter_for(plan: TrainingPlan, learned: Sequence[LabelledImage]) -> dict[str, object]:
    """Return the assumed diameter, where objects lie outside the range of sizes of the model."""
    found = float(np.median([prepare(item, plan).diameter for item in learned]))
    known = plan.diameter_px
    if known.smallest <= found * plan.usual_scale <= known.largest:
        return {}
    return {"diameter_px": known.model_copy(update={"assumed": round(found, 1)})}


def _steps_per_epoch(plan: TrainingPlan, learned: Sequence[LabelledImage]) -> int:
    pixels = sum(item.image.shape[0] * item.image.shape[1] for item in learned) * plan.usual_scale**2
    return max(LEAST_STEPS, int(pixels / (plan.batch * plan.crop_px**2)))


def _check_run(run: Path, plan: TrainingPlan, data: str) -> None:
    """Write plan and data hash into the run's folder; `TrainingDataError` if it has others."""
    path, noted = run / PLAN_NAME, run / DATA_NAME
    if path.is_file() and (load_plan(path) != plan or (noted.is_file() and noted.read_text(encoding="utf-8") != data)):
        raise TrainingDataError(f"{run} holds a training begun with other choices or data; delete it to start anew")
    run.mkdir(parents=True, exist_ok=True)
    path.write_text(plan.dumps(), encoding="utf-8")
    noted.write_text(data, encoding="utf-8")


def data_sha256(fields: Sequence[LabelledImage]) -> str:
    """Return one SHA-256 of images and truth."""
    total = hashlib.sha256()
    for field in fields:
        total.update(field.id.encode())
        for array in (field.image, field.labels, None if field.boxes is None else field.boxes.yxyx):
            if array is not None:
                total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def _format(
    task: TrainingTask,
    base: ModelPackage | None,
    share: float,
    learned: Sequence[LabelledImage],
    checked: Sequence[LabelledImage],
    doubts: LabelDoubts,
) -> CardTexts:
    name = task.out.name.lower()
    origin = f"{base.label} (sha256 {base.sha256[:12]})" if base else "random weights"
    version = _next_version(base.spec.version) if base else "0.1.0"
    fields = "1 field" if len(learned) == 1 else f"{len(learned)} fields"
    description = f"Trained on {fields} of {task.dataset.name}, starting from {origin}"
    how = f"weights: {share:.0%} new, {1 - share:.0%} of the model before" if base else "weights: all new"
    chosen = "the head's defaults are those of the model before" if base else "on these the head's defaults were chosen"
    data = data_sha256([*learned, *checked])[:12]
    doubted = "".join(f"\n- Doubted: {said}" for said in doubts.sentences).replace("{", "{{").replace("}", "}}")
    card = _CARD.format(
        title=name, description=description, data=data, how=how, chosen=chosen, checked=len(checked), doubted=doubted
    )
    return CardTexts(name, name, version, description, card)


def _next_version(version: str) -> str:
    """Return the version after one like 1.4.2: 1.5.0."""
    major, minor, *_ = [*version.split("."), "0"]
    return f"{major}.{int(minor) + 1 if minor.isdigit() else 1}.0"


_CARD = """# {title}

{description}.

## Lineage
{description}; data sha256 {data}; {how}. Fields that were learned from are in no score.
{doubted}

## Scores
{{legend}} Fields kept aside: {checked}; {chosen}: {{defaults}}.

{{scores}}
"""
