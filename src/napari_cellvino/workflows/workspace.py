"""The workspace: what is open, what was chosen and what came out, with news as signals. No Qt.

Choices are a `Recipe`; the window changes it through `choose`, runs it through `run`, and hears of everything by
signals that carry frozen values. `run` is a generator and `redecode` is pure: the thread belongs to the caller, and
`accept` and `show` are called with their results where the signals shall be heard.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_cellvino.annotation import Annotation
from napari_cellvino.core.errors import ImageValueError, OptionError
from napari_cellvino.core.image import PlaneReader, Stack
from napari_cellvino.core.progress import Progress, finish
from napari_cellvino.core.recipe import Recipe, fitted, make_recipe, renamed
from napari_cellvino.engines.engine import Device, Engine
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.io import Position, Source, open_source
from napari_cellvino.model_package import ModelPackage, find_package
from napari_cellvino.quality.changes import Changes, compare_cells
from napari_cellvino.results.field_result import FieldResult, annotate, finish_field
from napari_cellvino.results.plate_place import PlatePlace
from napari_cellvino.segmentation.channel_choice import choose_channel, with_channel
from napari_cellvino.segmentation.heads import Decoded, Parameter
from napari_cellvino.segmentation.pipeline import (
    Pipeline,
    check_values,
    fit_to_model,
    make_pipeline,
    parameters_of,
    without_parameters_of,
    without_unused_parameters,
)
from napari_cellvino.segmentation.predict import Estimate, estimate, estimate_stack
from napari_cellvino.segmentation.predict_field import decode_again, predict_field, refiner_for
from napari_cellvino.segmentation.refine import check_refiner
from napari_cellvino.segmentation.volume import StackMaps, cell_map
from napari_cellvino.workflows.outcome import (
    Expected,
    FieldKey,
    FieldOutcomeKept,
    FieldOutcomes,
    Outcome,
    with_metadata,
)
from napari_cellvino.workflows.save_field import SaveRequest


class Workspace:
    """Observable state of one window, and its use-cases.

    ``recipe`` is what the next run will do, with ``package`` and, where one is chosen, ``outline``; ``done`` is what
    the outcome shown was made with, which may differ once a choice was changed after the run. An outcome belongs to
    its field, the pixels and the time point: it is shown again whenever the workspace comes back there.
    """

    stack_changed = Signal(object)  # Stack | None
    recipe_changed = Signal(object)  # Recipe
    package_changed = Signal(object)  # ModelPackage
    outcome_changed = Signal(object)  # Outcome | None
    outcome_dropped = Signal(object)  # Outcome of a field that was left, which is not held any more

    def __init__(self, recipe: Recipe | None = None) -> None:
        self.recipe = recipe or Recipe()
        self.source: Source | None = None
        self.stack: Stack | None = None
        self.package: ModelPackage | None = None
        self.outline: ModelPackage | None = None
        self.outcome: Outcome | None = None
        self.done: Pipeline | None = None
        self._kept: Decoded | None = None
        self._field: FieldKey | None = None  # what the outcome is of
        self._left = FieldOutcomes()
        self._engines = EngineProvider()

    # -- what to work on

    def open(self, path: Path, *, axes: str | None = None) -> Stack:
        """Open an image file, work on its first position, and return it.

        Raises
        ------
        ImageReadError, ImageValueError
            If it cannot be read or understood; what was open stays open.
        """
        source = open_source(path, axes=axes)
        stack = source.read(source.positions[0])
        self.source = source
        self.use_stack(stack)
        return stack

    def go_to(self, position: Position) -> Stack:
        """Work on another position (series, field) of the open file."""
        if self.source is None:
            raise ImageValueError("no file is open; open one first")
        stack = self.source.read(position)
        self.use_stack(stack)
        return stack

    def use_stack(self, stack: Stack | None) -> None:
        """Work on these pixels (a layer's, a file's); choices that do not fit them go back to their defaults.

        The same pixels with other names or another spacing keep their outcome, which is corrected too.
        """
        before, self.stack = self.stack, stack
        corrected = stack is not None and before is not None and stack.planes is before.planes
        if corrected and stack is not None and before is not None:
            self.recipe = renamed(self.recipe, before, stack)
            self._correct_outcome(before, stack)
        if stack is not None:
            self._take(without_unused_parameters(self._with_channel(fitted(self.recipe, stack), stack)))
        self.stack_changed.emit(stack)
        if not corrected:
            self._enter_field()
        elif self.outcome is not None:
            self.outcome_changed.emit(self.outcome)

    def _with_channel(self, recipe: Recipe, stack: Stack) -> Recipe:
        """Return a recipe that names the channel which the model is made for, where nobody named one."""
        if recipe.channel or self.package is None or stack.rgb:
            return recipe
        return with_channel(recipe, choose_channel(stack, self.package.spec))

    def _correct_outcome(self, before: Stack, stack: Stack) -> None:
        """Give the outcome shown the pixel size and channel names that the user has corrected."""
        if self.outcome is not None and self.done is not None:
            self.outcome, self.done = with_metadata(self.outcome, self.done, before, stack)

    # -- choices

    def choose(
        self, *, package: ModelPackage | None = None, outlining: ModelPackage | None = None, **choices: object
    ) -> None:
        """Change choices of the recipe by name.

        ``package`` is the model chosen, and ``outlining`` the one that outlines, where they were verified already; else
        they are found and verified here, which reads all their files.

        Raises
        ------
        OptionError
            If a choice is impossible; the recipe stays as it was.
        ModelPackageError
            If a model is chosen that is not there or broken.
        """
        changed = make_recipe(self.recipe.model_dump() | choices)
        if changed == self.recipe and package is None and outlining is None:
            return
        new_model = package is not None or changed.model != self.recipe.model or self.package is None
        if new_model or self.package is None:
            package = package or find_package(changed.model)
            changed = fit_to_model(changed, package, choices)
        else:
            package = self.package
        outline = outlining or self._outline_of(changed)
        if outline is not None:
            check_refiner(package.spec, outline.spec)
        elif self.outline is not None and "parameters" not in choices:
            changed = without_parameters_of(changed, self.outline)
        changed = without_unused_parameters(changed)
        check_values(changed, package, outline)
        self.package, self.outline = package, outline
        if not new_model:
            self._take(changed)
            return
        self.recipe = changed
        self.package_changed.emit(package)
        self.recipe_changed.emit(changed)
        self._enter_field()

    def _outline_of(self, recipe: Recipe) -> ModelPackage | None:
        if not recipe.outline:
            return None
        same = self.outline is not None and recipe.outline == self.recipe.outline
        return self.outline if same else find_package(recipe.outline)

    def _take(self, recipe: Recipe) -> None:
        if recipe != self.recipe:
            self.recipe = recipe
            self.recipe_changed.emit(recipe)
        self._enter_field()

    def load_package(self) -> ModelPackage:
        """Return the chosen model's package, verified; loaded once."""
        if self.package is None:
            pipeline = make_pipeline(self.recipe)
            self.package, self.outline = pipeline.package, pipeline.outline
            self.package_changed.emit(self.package)
        return self.package

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters of the head, of the one that outlines, and of joining along z, with their defaults."""
        return parameters_of(self.recipe, self.load_package(), self.outline)

    @property
    def values(self) -> dict[str, float]:
        """The value of every parameter now."""
        return check_values(self.recipe, self.load_package(), self.outline)

    def devices(self) -> tuple[Device, ...]:
        """Return AUTO and the devices of this computer."""
        from napari_cellvino.engines.openvino import list_devices

        return list_devices()

    def estimate(self) -> Estimate:
        """Return the tiles and the memory a run on the open image will take."""
        stack = self._needed_stack()
        spec, (_, _, z, y, x) = self.load_package().spec, stack.shape
        one = estimate((y, x), spec, diameter_px=self.recipe.diameter_px)
        return estimate_stack(one, spec, (z, y, x)) if self.recipe.z_choice.joined else one

    def expected(self) -> Expected:
        """Return how long the network will take on the open image; compiles it the first time (call from a thread)."""
        work = self.estimate()
        engine, pipeline = self.engine(), self.pipeline()
        engine.load(work.tile)
        seconds = work.tiles * self.load_package().spec.views * engine.seconds(work.tile)
        if pipeline.refine is None:
            return Expected(seconds)
        refiner = refiner_for(pipeline, self._engines)
        tile = refiner.package.spec.tile
        refiner.engine.load(tile)
        return Expected(seconds, refiner.engine.seconds(tile))

    # -- running

    def engine(self) -> Engine:
        """Return an engine for the chosen model, device and precision; the last one is kept."""
        return self._engines.engine(self.load_package(), self.recipe.device, self.recipe.precision)

    def run(self) -> Generator[Progress, None, Outcome]:
        """Yield progress and return the outcome of the recipe on the open image; nothing is shown before `accept`.

        Image, recipe and model are those of the call, whatever is chosen before the first step.

        Raises
        ------
        ImageValueError
            At once, if no image is open.
        """
        return self._run(self._needed_stack(), self.pipeline())

    def pipeline(self) -> Pipeline:
        """Return what a run would be made with now."""
        package = self.load_package()
        return make_pipeline(self.recipe, (package, self.outline) if self.outline else (package,))

    def _run(self, stack: Stack, pipeline: Pipeline) -> Generator[Progress, None, Outcome]:
        return Outcome((yield from predict_field(stack, pipeline, self._engines)))

    def cancel(self) -> None:
        """Stop a run even inside the network, from any thread; its generator raises `InferenceCancelledError`."""
        self._engines.cancel()

    def close(self) -> None:
        """Stop a run, and let go of the image, the outcome and the compiled network."""
        self.cancel()
        self.source = None
        self._engines.close()
        self.use_stack(None)
        self._left.clear()

    def accept(self, outcome: Outcome, pipeline: Pipeline, planes: PlaneReader | None = None) -> None:
        """Show the outcome of a run of ``pipeline``; later changes count against it.

        ``planes`` are the pixels that were run, where that may be another image by now: then, or where another time
        point is worked on, the outcome is shown when that is worked on again.
        """
        key = FieldKey(planes, pipeline.recipe.frame) if planes is not None else self._field
        if key is not None and key != self._field:
            self._hold(key, FieldOutcomeKept(outcome, pipeline, outcome.prediction.decoded))
            return
        self.done = pipeline
        self._kept = outcome.prediction.decoded
        self.show(outcome)

    def redecode(self, values: Mapping[str, float]) -> Outcome:
        """Return the shown prediction decoded with other values; no network runs but on cells not outlined before.

        Raises
        ------
        OptionError
            If nothing was run yet, or a value is out of range.
        """
        outcome, done, kept = self.outcome, self.done, self._kept  # this thread's own: another may open an image
        if outcome is None or done is None or kept is None:
            raise OptionError("nothing was run yet; run the model first")
        prediction = finish(decode_again(outcome.prediction, done.with_values(values), self._engines))
        return Outcome(prediction, compare_cells(kept, prediction.decoded))

    def show(self, outcome: Outcome | None) -> None:
        """Make an outcome the one shown; its parameters become the recipe's, unless other models were chosen since."""
        self.outcome = outcome
        if outcome is not None and self.same_models:
            self.recipe = without_unused_parameters(_with(self.recipe, outcome.prediction.values))
        self.outcome_changed.emit(outcome)

    @property
    def same_models(self) -> bool:
        """Whether the models chosen, with their parameters, are those that the outcome shown was made with."""
        if self.done is None or self.package is None:
            return False
        same_steps = self.done.recipe.z_choice.joined == self.recipe.z_choice.joined
        return same_steps and self.done.models == self.pipeline().models

    def keep(self) -> None:
        """Take the outcome shown as the one that later changes are counted against."""
        if self.outcome is not None:
            self._kept = self.outcome.prediction.decoded
            self.show(replace(self.outcome, changes=Changes()))

    def _enter_field(self) -> None:
        """Leave the field of the outcome shown, if another one is worked on now, and show what was found there."""
        key = FieldKey(self.stack.planes, self.recipe.frame) if self.stack is not None else None
        if key == self._field:
            return
        if self._field is not None and self.outcome and self.done and self._kept is not None:
            self._hold(self._field, FieldOutcomeKept(self.outcome, self.done, self._kept))
        self._field, self.done, self._kept = key, None, None
        if self.outcome is not None:
            self.show(None)
        found = self._left.take(key) if key is not None else None
        if found is not None:
            self.done, self._kept = found.pipeline, found.kept
            same = {"channel": found.pipeline.recipe.channel, "z": found.pipeline.recipe.z}
            self.recipe = without_unused_parameters(self.recipe.model_copy(update=same))
            self.show(found.outcome)
            self.recipe_changed.emit(self.recipe)

    def _hold(self, key: FieldKey, found: FieldOutcomeKept) -> None:
        for dropped in self._left.put(key, found):
            self.outcome_dropped.emit(dropped.outcome)

    def forget_image(self, planes: PlaneReader) -> None:
        """Let go of what was found in an image that is not worked on any more."""
        for dropped in self._left.forget(planes):
            self.outcome_dropped.emit(dropped.outcome)

    def _needed_stack(self) -> Stack:
        if self.stack is None:
            raise ImageValueError("no image is open; open one first")
        return self.stack

    # -- results

    def result(self) -> FieldResult:
        """Return the annotation, table and counts of the outcome shown."""
        if self.outcome is None or self.done is None:
            raise OptionError("there is nothing to save yet; run the model first")
        pipeline = self.done.with_overrides(self._needed_stack().overrides)
        return finish_field(self.outcome.prediction, pipeline)

    def annotation(self, *, sha256: str = "") -> Annotation:
        """Return the outcome shown as a document to correct, its labels copied; `OptionError` if there is none.

        ``sha256`` is the hash of the pixels where that is known already.
        """
        if self.outcome is None or self.done is None:
            raise OptionError("there is nothing to review yet; run the model first")
        prediction, pipeline = self.outcome.prediction, self.done.with_overrides(self._needed_stack().overrides)
        if (labels := prediction.decoded.labels) is not None:
            prediction = replace(prediction, decoded=replace(prediction.decoded, labels=labels.copy()))
        return annotate(prediction, pipeline, sha256=sha256)

    def cell_map(self, z: int | None = None) -> NDArray[np.float16] | None:
        """Return how likely each pixel (Y, X) of the outcome shown is of a cell, of a stack in plane ``z`` (from 0).

        None where nothing was run, or the network does not say.
        """
        if self.outcome is None or self.done is None:
            return None
        return cell_map(self.outcome.prediction.raw, self.done.package.spec.maps, z)

    def intensity(self, z: int | None = None) -> NDArray[np.floating] | None:
        """Return the pixels (Y, X) that the outcome shown was found in, of a stack in plane ``z``; None without one."""
        if self.outcome is None:
            return None
        raw, inputs = self.outcome.prediction.raw, self.outcome.prediction.plane.inputs
        if isinstance(raw, StackMaps):
            return None if z is None or not raw.normalised.size else raw.normalised[z]
        return np.asarray(inputs.astype(np.float32).mean(axis=0))

    def save_request(self, root: Path, place: PlatePlace | None = None) -> SaveRequest:
        """Return what it takes to save the outcome shown under ``root``, whatever is opened meanwhile.

        ``place`` is that of the image in a plate.

        Raises
        ------
        OptionError
            If there is nothing to save.
        """
        if self.outcome is None or self.done is None:
            raise OptionError("there is nothing to save yet; run the model first")
        prediction = self.outcome.prediction
        pipeline = self.done.with_values(prediction.values).with_overrides(self._needed_stack().overrides)
        return SaveRequest(root, prediction, pipeline, place)

    def save(self, root: Path, *, overwrite: bool = False) -> Path:
        """Write the outcome shown, as the model found it, into its own folder under ``root``, and return that.

        Raises
        ------
        OptionError, OutputError
            As `save_request` and `SaveRequest.save`.
        """
        return self.save_request(root).save(overwrite=overwrite)


def _with(recipe: Recipe, values: Mapping[str, float]) -> Recipe:
    """Return the recipe with these parameters."""
    return recipe.model_copy(update={"parameters": dict(values)})
