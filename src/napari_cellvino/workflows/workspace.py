"""The workspace: open image, settings and outcome, with signals for changes. No Qt.

Settings are a `Recipe`; the window changes it with `choose` and runs it with `run`. Signals carry frozen values. `run`
is a generator and `redecode` is pure, so the caller chooses the thread; `accept` and `show` take their results and emit
the signals in the thread that calls them.
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
from napari_cellvino.core.image import Plane, PlaneReader, Stack
from napari_cellvino.core.link_options import LinkOptions
from napari_cellvino.core.progress import Progress
from napari_cellvino.core.recipe import Recipe, fitted, make_recipe, renamed
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.io import Source
from napari_cellvino.model_package import ModelPackage, find_package
from napari_cellvino.quality.changes import Changes
from napari_cellvino.results.plate_place import PlatePlace
from napari_cellvino.segmentation.heads import Parameter
from napari_cellvino.segmentation.pipeline import (
    Pipeline,
    check_values,
    fit_to_model,
    make_pipeline,
    parameters_of,
    without_parameters_of,
    without_unused_parameters,
)
from napari_cellvino.segmentation.predict import Estimate, Prediction, estimate_run
from napari_cellvino.segmentation.predict_field import predict_field
from napari_cellvino.segmentation.refine import check_refiner
from napari_cellvino.segmentation.volume import cell_map
from napari_cellvino.workflows.channel_guess import ChannelGuess
from napari_cellvino.workflows.outcome import (
    FieldKey,
    Outcome,
    OutcomeCache,
    ShownField,
    StoredOutcome,
    shown_field,
    with_metadata,
)
from napari_cellvino.workflows.redecoder import Redecoder
from napari_cellvino.workflows.run_cost import RunEstimate, RunsOfImage, corrected, measure_cost
from napari_cellvino.workflows.save_field import SaveRequest
from napari_cellvino.workflows.saved_field import WHOLE, PlanePart, SavedField, SavedFieldRequest


class Workspace:
    """Observable state of one window, and its use cases.

    ``recipe``, ``package`` and ``outline`` are the settings and models of the next run. ``done`` is the pipeline of the
    current outcome, which differs if settings were changed after the run. An outcome belongs to its field (pixels and
    time point) and is shown again when the field is opened again.
    """

    stack_changed = Signal(object)  # Stack | None
    recipe_changed = Signal(object)  # Recipe
    package_changed = Signal(object)  # ModelPackage
    outcome_changed = Signal(object)  # Outcome | None
    outcome_dropped = Signal(object)  # Outcome of another field that was dropped from the cache
    saved_changed = Signal(object)  # SavedField | None

    def __init__(self, recipe: Recipe | None = None) -> None:
        self.recipe = recipe or Recipe()
        self.source: Source | None = None
        self.stack: Stack | None = None
        self.package: ModelPackage | None = None
        self.outline: ModelPackage | None = None
        self.outcome: Outcome | None = None
        self.done: Pipeline | None = None
        self.saved: SavedField | None = None  # that is corrected, as long as nothing was run
        self._reference: Prediction | None = None  # that changes are counted against
        self._field: FieldKey | None = None  # of the outcome
        self._field_stack: Stack | None = None
        self._outcome_cache = OutcomeCache()
        self.channel_guess = ChannelGuess()
        self.engines = EngineProvider()
        self.runs = RunsOfImage()
        self.redecoder = Redecoder(self.engines)

    # -- what to work on

    def use_stack(self, stack: Stack | None, *, frame: int | None = None) -> None:
        """Use an image of a layer or file at a time point; settings that do not fit it get their defaults.

        If only channel names or spacing differ, the outcome is kept and updated.
        """
        before, self.stack = self.stack, stack
        corrected = stack is not None and before is not None and stack.planes is before.planes
        if corrected and stack is not None and before is not None:
            self.recipe = renamed(self.recipe, before, stack)
            self._correct_outcome(before, stack)
        if stack is not None:
            recipe = self.recipe if frame is None else self.recipe.model_copy(update={"frame": frame})
            fitting = without_unused_parameters(fitted(recipe, stack))
            self._set_recipe(fitting if corrected else self.channel_guess.applied(fitting, stack, self.package))
        self.stack_changed.emit(stack)
        if not corrected:
            self._enter_field()
        elif self.outcome is not None:
            self.outcome_changed.emit(self.outcome)

    def _correct_outcome(self, before: Stack, stack: Stack) -> None:
        """Update pixel size and channel names of the current outcome."""
        if self.outcome is not None and self.done is not None:
            self.outcome, self.done = with_metadata(self.outcome, self.done, before, stack)

    # -- choices

    def choose(
        self, *, package: ModelPackage | None = None, outlining: ModelPackage | None = None, **choices: object
    ) -> None:
        """Change settings of the recipe by name.

        ``package`` and ``outlining`` are the chosen and the outlining model, if already verified; else they are found
        and verified here, which reads all their files.

        Raises
        ------
        OptionError
            If a setting is invalid; the recipe is not changed then.
        ModelPackageError
            If a chosen model is missing or broken.
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
            self._set_recipe(changed)
            return
        self.recipe = changed if "channel" in choices else self.channel_guess.applied(changed, self.stack, package)
        self.package_changed.emit(package)
        self.recipe_changed.emit(self.recipe)
        self._enter_field()

    def choose_linking(self, linking: LinkOptions) -> None:
        """Choose how the cells of films are linked; nothing else of the recipe depends on it."""
        self._set_recipe(self.recipe.model_copy(update={"linking": linking}))

    def _outline_of(self, recipe: Recipe) -> ModelPackage | None:
        if not recipe.outline:
            return None
        known = self.outline is not None and recipe.outline == self.recipe.outline
        return self.outline if known else find_package(recipe.outline)

    def _set_recipe(self, recipe: Recipe) -> None:
        if recipe != self.recipe:
            self.recipe = recipe
            self.recipe_changed.emit(recipe)
        self._enter_field()

    def load_package(self) -> ModelPackage:
        """Return the verified package of the chosen model; it is loaded once."""
        if self.package is None:
            pipeline = make_pipeline(self.recipe)
            self.package, self.outline = pipeline.package, pipeline.outline
            self.package_changed.emit(self.package)
            self._set_recipe(self.channel_guess.applied(self.recipe, self.stack, self.package))
        return self.package

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The adjustable parameters of the models' heads and of z-stitching, with their defaults."""
        return parameters_of(self.recipe, self.load_package(), self.outline)

    @property
    def values(self) -> dict[str, float]:
        """The current value of every parameter."""
        return check_values(self.recipe, self.load_package(), self.outline)

    def estimate(self) -> Estimate:
        """Return the number of tiles and the memory of a run on the open image."""
        return estimate_run(self._require_stack().shape, self.load_package().spec, self.recipe)

    def expected(self) -> Generator[Progress, None, RunEstimate]:
        """Yield progress and return what a run on the open image takes (call from a thread)."""
        stack, pipeline = self._require_stack(), self.pipeline()
        known = self.runs.expected(stack, pipeline)
        if known is not None:
            return known
        foretold = yield from measure_cost(stack, pipeline, self.engines)
        return RunEstimate(corrected(foretold, pipeline), foretold)

    # -- running

    def run(self, part: Stack | None = None) -> Generator[Progress, None, Outcome]:
        """Yield progress and return the outcome of a run on the open image; `accept` makes it the current one.

        Image, recipe and model are fixed at the call; ImageValueError comes at once if no image is open. ``part`` of
        the image is run in its place, to be looked at.
        """
        stack, pipeline = part or self._require_stack(), self.pipeline()
        return _run(stack, pipeline, self.engines, self.channel_guess.doubts(self.recipe))

    def pipeline(self) -> Pipeline:
        """Return the pipeline of the current settings."""
        package = self.load_package()
        return make_pipeline(self.recipe, (package, self.outline) if self.outline else (package,))

    def cancel(self) -> None:
        """Cancel a run, even during inference, from any thread; its generator raises `InferenceCancelledError`."""
        self.engines.cancel()

    def close(self) -> None:
        """Cancel a run, and release image, outcomes and compiled networks."""
        self.cancel()
        self.source = None
        self.engines.close()
        self.use_stack(None)
        self._outcome_cache.clear()
        self.redecoder.forget()
        self.runs = RunsOfImage()

    def accept(self, outcome: Outcome, pipeline: Pipeline, stack: Stack | None = None) -> None:
        """Make the outcome of a run of ``pipeline`` the current one, and the reference for changes.

        ``stack`` is the image of the run. If another image or time point is open now, the outcome is cached until
        its field is opened again.
        """
        key = FieldKey(stack.planes, pipeline.recipe.frame) if stack is not None else self._field
        if stack is not None and key is not None and key != self._field:
            self._store(key, StoredOutcome(outcome, pipeline, outcome.prediction, stack))
            return
        self.done = pipeline
        self._reference = outcome.prediction
        self.show(outcome)

    def redecode(self, values: Mapping[str, float]) -> Outcome:
        """Return the current prediction decoded with other values; only cells not outlined before need the network.

        Raises
        ------
        OptionError
            If nothing was run yet, or a value is out of range.
        """
        outcome, done, kept = self.outcome, self.done, self._reference  # local copies: another thread may open an image
        stack = self._field_stack
        if outcome is None or done is None or kept is None or stack is None:
            raise OptionError("nothing was run yet; run the model first")
        again = self.redecoder.redecode(outcome.prediction, kept, done.with_values(values), stack)
        return replace(again, seconds=outcome.seconds)

    def prepare_sliders(self) -> None:
        """Find what limits on score and area leave out of the current outcome: the next `redecode` is quick."""
        if self.outcome is not None and self.done is not None:
            self.redecoder.prepare(self.outcome.prediction, self.done)

    def show(self, outcome: Outcome | None) -> None:
        """Make an outcome the current one; its parameters go into the recipe, unless other models were chosen since."""
        self.outcome = outcome
        self.saved = None if outcome is not None else self.saved
        if outcome is not None and self.same_models:
            self.recipe = without_unused_parameters(
                self.recipe.model_copy(update={"parameters": dict(outcome.prediction.values)})
            )
        self.outcome_changed.emit(outcome)

    @property
    def same_models(self) -> bool:
        """Whether the chosen models are those of the current outcome."""
        if self.done is None or self.package is None:
            return False
        same_steps = self.done.recipe.z_choice.joined == self.recipe.z_choice.joined
        return same_steps and self.done.models == self.pipeline().models

    def keep_preview(self) -> None:
        """Make the current outcome the reference for changes."""
        if self.outcome is not None:
            self._reference = self.outcome.prediction
            self.show(replace(self.outcome, changes=Changes()))

    def _enter_field(self) -> None:
        """If another field is open now, cache the current outcome and restore that of the new field."""
        key = FieldKey(self.stack.planes, self.recipe.frame) if self.stack is not None else None
        left, self._field_stack = self._field_stack, self.stack
        if key == self._field:
            return
        if self._field is not None and left and self.outcome and self.done and self._reference is not None:
            self._store(self._field, StoredOutcome(self.outcome, self.done, self._reference, left))
        self._field, self.done, self._reference = key, None, None
        self.redecoder.forget()
        self.show_saved(None)
        if self.outcome is not None:
            self.show(None)
        if key is not None and (found := self._outcome_cache.take(key)) is not None:
            self.done, self._reference = found.pipeline, found.kept
            self._choose_as(found.pipeline.recipe)
            self.show(found.outcome)
            self.recipe_changed.emit(self.recipe)

    @property
    def shown(self) -> ShownField | None:
        """The result of the current field: of a run, or on disk; None without one."""
        return shown_field(self.outcome, self.done, self.saved)

    def show_saved(self, saved: SavedField | None) -> None:
        """Correct the result on disk of the current field, or none, as long as nothing is run in it."""
        if saved is not self.saved and (saved is None or self.outcome is None):
            self.saved = saved
            if saved is not None:
                self._choose_as(saved.recipe)
            self.saved_changed.emit(saved)
            self.recipe_changed.emit(self.recipe)

    def _choose_as(self, recipe: Recipe) -> None:
        same = {"channel": recipe.channel, "z": recipe.z}
        self.recipe = without_unused_parameters(self.recipe.model_copy(update=same))

    def _store(self, key: FieldKey, found: StoredOutcome) -> None:
        for dropped in self._outcome_cache.put(key, found):
            self.outcome_dropped.emit(dropped.outcome)

    def forget_image(self, planes: PlaneReader) -> None:
        """Drop the cached outcomes of an image that is closed."""
        self.runs.forget(planes)
        for dropped in self._outcome_cache.forget(planes):
            self.outcome_dropped.emit(dropped.outcome)

    def _require_stack(self) -> Stack:
        if self.stack is not None:
            return self.stack
        raise ImageValueError("no image is open; open one first")

    # -- results

    def annotation(self, *, sha256: str = "") -> Annotation:
        """Return the current outcome as an annotation with copied labels; `OptionError` if there is none.

        ``sha256`` is the hash of the pixels, if known.
        """
        if self.outcome is None or self.done is None:
            raise OptionError("there is nothing to review yet; run the model first")
        return self.outcome.annotation(self.done, self._require_stack(), sha256=sha256)

    def cell_map(self, z: int | None = None) -> NDArray[np.float16] | None:
        """Return the foreground probability (Y, X) float16 of the current outcome; of a stack in plane ``z`` (from 0).

        None without an outcome, or if the network has no such map.
        """
        if self.outcome is None or self.done is None:
            return None
        return cell_map(self.outcome.prediction.raw, self.done.package.spec.maps, z)

    def intensity(self, z: int | None = None, part: PlanePart = WHOLE) -> NDArray[np.floating] | None:
        """Return a part of the network's input (Y, X), of a stack in plane ``z``; None without an outcome."""
        shown = self.outcome or self.saved
        return shown.intensity(z, part) if shown is not None else None

    def save_request(self, root: Path, place: PlatePlace | None = None) -> SaveRequest | SavedFieldRequest:
        """Return a request to save the current outcome under ``root``, independent of later changes here.

        ``place`` is the image's place on a plate. What is corrected of a saved field goes into its own folder.

        Raises
        ------
        OptionError
            If there is nothing to save.
        """
        if self.saved is not None:
            return SavedFieldRequest(self.saved, place)
        if self.outcome is None or self.done is None:
            raise OptionError("there is nothing to save yet; run the model first")
        shown = StoredOutcome(self.outcome, self.done, self.outcome.prediction, self._require_stack())
        return shown.save_request(root, place)

    def left_outcome(self, plane: Plane) -> StoredOutcome | None:
        """Return the outcome of a field that was left, by the plane that it was made of; None where it is dropped."""
        return self._outcome_cache.find(plane)


def _run(
    stack: Stack, pipeline: Pipeline, engines: EngineProvider, doubts: tuple[str, ...]
) -> Generator[Progress, None, Outcome]:
    found = yield from predict_field(stack, pipeline, engines)
    return Outcome(replace(found, warnings=(*found.warnings, *doubts)))
