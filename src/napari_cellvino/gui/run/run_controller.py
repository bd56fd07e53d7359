"""Run the model, decode again as sliders move, keep or go back; the results become layers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from qtpy.QtCore import QObject, QTimer, Signal

from napari_cellvino.annotation import Annotation, Change
from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.core.image import PlaneReader, Stack
from napari_cellvino.core.progress import Progress, Stage
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.core.region import ImageRegion
from napari_cellvino.gui.napari_bridge import ResultLayers
from napari_cellvino.gui.open.open_controller import OpenController
from napari_cellvino.gui.open.prepared_saved_field import PreparedSavedField
from napari_cellvino.gui.review.review_canvas import ReviewCanvas
from napari_cellvino.gui.review.review_controller import ReviewController
from napari_cellvino.gui.run.prepared_result import Preparation, PreparedResult
from napari_cellvino.gui.run.result_display import ResultDisplay
from napari_cellvino.gui.run.result_merge import ResultMerge
from napari_cellvino.gui.run.view_trial import TrialLayer, ViewTrial, region_in_view
from napari_cellvino.gui.widgets.delay import debouncer
from napari_cellvino.gui.widgets.failure import Failure, failure_of
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.io.region import part_of
from napari_cellvino.quality.changes import Changes
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.segmentation.predict import Prediction
from napari_cellvino.workflows.outcome import Outcome
from napari_cellvino.workflows.run_cost import RunEstimate
from napari_cellvino.workflows.saved_field import SavedField
from napari_cellvino.workflows.workspace import Workspace

EDIT_DELAY_MS = 400  # after the last edit
GUESS_DELAY_MS = 400  # after the last choice, before the network is compiled to learn its speed


class RunController(QObject):
    """State of the run of one window; panels draw it when `changed` says so."""

    changed = Signal()  # anything below
    progressed = Signal(object, object)  # Progress, seconds left or None

    def __init__(
        self,
        workspace: Workspace,
        worker: SerialWorker,
        decoder: SerialWorker,
        opener: OpenController,
        layers: ResultLayers,
        reviewer: ReviewController,
        canvas: ReviewCanvas,
        trial_layer: TrialLayer,
    ) -> None:
        super().__init__()
        self.trial: ViewTrial | None = None  # the last run on the view only
        self._trial_layer = trial_layer
        self._reviewer, self._canvas = reviewer, canvas
        self._workspace, self._worker, self._decoder = workspace, worker, decoder
        self._opener, self._layers = opener, layers
        self._display = ResultDisplay(workspace, opener, layers, reviewer, canvas)
        self.running = False
        self.expected: RunEstimate | None = None  # what a run would take
        self.failure: Failure | None = None
        self.notice = ""
        self.stopped = ""  # the image of a run that ended as another one was chosen
        self.kept: Outcome | None = None
        self._shown: Prediction | None = None  # that is reviewed
        self._prepared: PreparedResult | None = None  # to be shown next
        self._saved_ready: PreparedSavedField | None = None
        self._task, self._guess, self._preview = Task(), Task(), Task()
        self._wanted: dict[str, float] | Outcome | None = None  # values of sliders, or what was kept
        self._previewing = self._going_back = False
        self._running_on: Stack | None = None
        self._tried: tuple[PlaneReader, Recipe] | None = None  # the image and the choices of the trial
        self._started = self._first_step = 0.0
        self._run_merge, self._preview_merge = (ResultMerge(reviewer, canvas, decoder) for _ in range(2))
        self._delay = debouncer(self, GUESS_DELAY_MS, self._start_guess)
        for signal in (workspace.recipe_changed, workspace.package_changed, workspace.stack_changed):
            signal.connect(self._choices_changed)
        workspace.outcome_changed.connect(self._show)
        workspace.saved_changed.connect(self._show_saved)
        workspace.outcome_dropped.connect(self._drop_layers)
        opener.left.connect(workspace.forget_image)
        self._edits = QTimer(self)
        self._edits.setSingleShot(True)
        self._edits.timeout.connect(self._show_edits)
        reviewer.edited.connect(self._on_edit)

    def close(self) -> None:
        """Stop all work, listen no more, and let go of what was shown."""
        self._running_on = self._tried = None
        self._task, self._guess, self._preview = Task(), Task(), Task()
        self._run_merge.stop()
        self._preview_merge.stop()
        self._layers.close()
        self._delay.cancel()
        self._edits.stop()
        for signal in (
            self._workspace.recipe_changed, self._workspace.package_changed, self._workspace.stack_changed,
        ):  # fmt: skip
            signal.disconnect(self._choices_changed)
        self._workspace.outcome_changed.disconnect(self._show)
        self._workspace.saved_changed.disconnect(self._show_saved)
        self._workspace.outcome_dropped.disconnect(self._drop_layers)

    # -- running

    def run_in_view(self) -> None:
        """Try the recipe on what is in view, to be looked at; where all of the image is, that is run."""
        self._opener.refresh()
        picture, stack = self._opener.picture, self._workspace.stack
        region = None if picture is None or stack is None else region_in_view(picture.source_layer(), stack)
        self.run(region)

    def run(self, region: ImageRegion | None = None) -> None:
        """Start a run of the recipe on the open image, or a trial on a region of it."""
        workspace = self._workspace
        self._opener.refresh()
        if self.running or workspace.stack is None or workspace.package is None:
            return
        self._guess.stop()
        self._delay.cancel()
        self.failure, self.notice, self.stopped = None, "", ""
        part = None if region is None else part_of(workspace.stack, region)
        try:
            steps = workspace.run(part)
        except CellvinoError as error:
            self._fail(error)
            return
        stack, pipeline = workspace.stack, workspace.pipeline()
        done = partial(self._merge_run, stack, pipeline) if region is None else partial(self._show_trial, stack, region)
        self.running, self._running_on, self._started = True, stack, time.perf_counter()
        self._task = Task(done=done, failed=self._fail, stopped=self._stop, progressed=self._on_progress)
        self._worker.start(lambda: Preparation(pipeline, part or stack).follow(steps), self._task)
        self.changed.emit()

    def cancel(self) -> None:
        """Stop the run, even inside the network."""
        if self.running:
            self._task.stop()
            self._run_merge.stop()
            self._workspace.cancel()

    def _on_progress(self, progress: Progress) -> None:
        now, left = time.perf_counter(), None
        if progress.stage is Stage.INFERENCE:
            if progress.done <= 1:
                self._first_step = now
            else:
                left = (now - self._first_step) / (progress.done - 1) * (progress.total - progress.done)
        if self.running:
            self.progressed.emit(progress, left)

    def _merge_run(self, stack: Stack, pipeline: Pipeline, made: PreparedResult) -> None:
        accept, outcome = partial(self._accept, stack, pipeline), made.outcome
        timed = replace(made, outcome=replace(outcome, seconds=time.perf_counter() - self._started))
        self._run_merge.follow(timed, accept, failed=self._fail, stopped=self._stop)

    def _accept(self, stack: Stack, pipeline: Pipeline, made: PreparedResult) -> None:
        self.running = False
        before, outcome = self.kept, made.outcome
        self.kept, self._prepared = outcome, made
        self._workspace.accept(outcome, pipeline, stack)
        if self._workspace.outcome is not outcome:  # another image or time point was chosen meanwhile
            self.kept = before
            self.changed.emit()
        else:
            self._decoder.start(partial(self._prepare_sliders, outcome, made.look.contour), Task())
        if self.expected is None:
            self._delay.throttle()
        elif made.taken is not None:  # what was foretold was of this very run
            keep = partial(self._workspace.runs.keep, self.expected.foretold, made.taken, stack, pipeline)
            self._worker.start(keep, Task(done=lambda _: self._delay.throttle()))

    def _prepare_sliders(self, outcome: Outcome, contour: int) -> None:
        """Find what the limits choose among, and its outlines: the first move of a slider is as quick as the next."""
        self._workspace.prepare_sliders()
        cells = self._workspace.redecoder.selected(outcome.prediction)
        if cells is not None:
            cells.known.outline(contour)

    def _show_trial(self, stack: Stack, region: ImageRegion, made: PreparedResult) -> None:
        """Show what was found in a part of the image, unless another one is open now."""
        self.running = False
        picture, now = self._opener.picture, self._workspace.stack
        if picture is not None and now is not None and now.planes is stack.planes:
            self.trial, self._tried = ViewTrial(region, made.outcome.count), (stack.planes, self._workspace.recipe)
            self._trial_layer.show(made, region, picture.source_layer())
        self.changed.emit()

    def _forget_trial(self) -> None:
        self.trial = None
        self._trial_layer.remove()

    def _stop(self) -> None:
        self.running = False
        self.changed.emit()

    def _fail(self, error: BaseException) -> None:
        self.running, self.failure = False, failure_of(error)
        self.changed.emit()

    @property
    def left_server(self) -> str:
        """The chosen server, where runs go on without it; else empty."""
        return self._workspace.engines.left_server(self._workspace.recipe.device)

    def ask_server_again(self) -> None:
        """Let the next run ask the chosen server again."""
        workspace = self._workspace
        asked = Task(done=lambda _: self._choices_changed())
        self._worker.start(lambda: workspace.engines.ask_again(workspace.recipe.device), asked)

    # -- sliders

    def preview(self, values: Mapping[str, float]) -> None:
        """Decode with these values and show it; while that is under way, the last values wait.

        Where nothing was run yet, or with other models, they are for the next run.
        """
        if self._workspace.outcome is None or not self._workspace.same_models:
            self._workspace.choose(parameters=dict(values))
            return
        self._wanted = dict(values)
        self._decode_next()

    def _decode_next(self) -> None:
        if self._wanted is None or self._previewing:
            return
        wanted, self._wanted = self._wanted, None
        outcome, pipeline, stack = self._workspace.outcome, self._workspace.done, self._workspace.stack
        if outcome is None or pipeline is None or stack is None:
            return
        raw = outcome.prediction.raw
        preparation = Preparation(pipeline, stack, self._reviewer.known_sha256(outcome.prediction.plane))
        redecoder, self._previewing = self._workspace.redecoder, True
        self._going_back = isinstance(wanted, Outcome)

        def decode() -> PreparedResult:
            again = wanted if isinstance(wanted, Outcome) else self._workspace.redecode(wanted)
            return preparation.prepare(again, redecoder.selected(again.prediction))

        show = partial(self._show_preview, raw)
        self._preview = Task(
            done=lambda made: self._preview_merge.follow(
                made, show, failed=self._fail_preview, stopped=self._decode_done
            ),
            failed=self._fail_preview,
            stopped=self._decode_done,
        )
        self._decoder.start(decode, self._preview)

    def _show_preview(self, raw: object, made: PreparedResult) -> None:
        shown = self._workspace.outcome
        if shown is not None and shown.prediction.raw is raw:
            self._prepared = made
            self._workspace.show(made.outcome)
        self._decode_done()

    def _fail_preview(self, error: BaseException) -> None:
        self.failure = failure_of(error)
        self.changed.emit()
        self._decode_done()

    def _decode_done(self) -> None:
        self._previewing = self._going_back = False
        self._decode_next()

    def keep_preview(self) -> None:
        """Take what is shown as the result, or what was kept where that is being gone back to."""
        back = self._back
        if back is not None:
            self._forget_preview()
            self._workspace.show(back)
        self.kept = self._workspace.outcome
        self._workspace.keep_preview()

    def discard_preview(self) -> None:
        """Show the result as it was kept last."""
        self._forget_preview()
        if self.kept is not None and self._workspace.outcome is not None:
            self._wanted = replace(self.kept, changes=Changes())
            self._decode_next()

    @property
    def _back(self) -> Outcome | None:
        """What was kept, where it is being gone back to."""
        going = self._going_back or isinstance(self._wanted, Outcome)
        return replace(self.kept, changes=Changes()) if going and self.kept is not None else None

    def _forget_preview(self) -> None:
        """Stop what is under way to be shown."""
        self._wanted, self._going_back = None, False
        self._preview.stop()
        self._preview_merge.stop()

    # -- what follows

    def _show(self, outcome: Outcome | None) -> None:
        made, self._prepared = self._prepared, None
        self._forget_trial()
        if outcome is None:
            self.notice = self._reviewer.take(None)
            self.kept, self._wanted, self._shown = None, None, None
            self._canvas.leave()
            self._layers.hide()
        elif outcome.prediction is not self._shown:  # else only what is counted as changed is another
            self._shown = outcome.prediction
            self.kept = self.kept or outcome
            ready = made if made is not None and made.outcome is outcome else None
            self.notice = self._reviewer.take(outcome, *(() if ready is None else (ready.annotation, ready.merge)))
            if ready is not None and ready.is_shown_by(self._reviewer.annotation):
                self._display.show(ready.look, ready.labels_seen)
            else:
                self.show_again()
        self.changed.emit()

    def _show_saved(self, saved: SavedField | None) -> None:
        """Show what stands on disk of the field, to be corrected without a run."""
        ready, self._saved_ready = self._saved_ready, None
        if self._workspace.outcome is not None:
            return
        made = ready if ready is not None and ready.saved is saved else None
        self._reviewer.take_saved(saved, None if made is None else made.unsaved)
        if saved is None:
            self._canvas.leave()
            self._layers.leave(self._workspace.stack, self._workspace.recipe.frame)
        if made is not None and self._reviewer.annotation is made.saved.annotation:
            self._display.show(made.look, made.seen)
        else:
            self.show_again()
        self.changed.emit()

    def take_ready(self, made: PreparedSavedField) -> None:
        """Take how a result on disk looks that is shown in a moment."""
        self._saved_ready = made

    def show_again(self) -> None:
        """Show what is reviewed in its layer, which is made where there is none any more."""
        self._display.show()

    @property
    def reviewed(self) -> Annotation | None:
        """What was found in the image shown, as it is corrected by now."""
        return self._reviewer.annotation

    @property
    def has_preview(self) -> bool:
        """Whether a preview of the sliders is shown that was neither kept nor taken back."""
        outcome = self._workspace.outcome
        return (
            outcome is not None and self.kept is not None and outcome.prediction.values != self.kept.prediction.values
        )

    def _drop_layers(self, outcome: Outcome) -> None:
        self._layers.remove(outcome.prediction.plane)

    def _on_edit(self, change: Change) -> None:
        """Draw boxes, classes and what the status bar tells anew, once there is a moment's rest."""
        annotation = self._reviewer.annotation
        if not change.replaced:  # else it is shown anew now
            self._edits.start(0 if annotation is not None and annotation.labels is None else EDIT_DELAY_MS)

    def _show_edits(self) -> None:
        if not self._reviewer.editor.busy:  # the layer is there, and shows what is reviewed
            self.show_again()

    def _choices_changed(self, _: object = None) -> None:
        stack = self._workspace.stack
        if self.running and self._running_on is not None and not _is_same_image(stack, self._running_on):
            self.stopped = self._running_on.origin.name
            self.cancel()
        if self.trial is not None and (stack is None or self._tried != (stack.planes, self._workspace.recipe)):
            self._forget_trial()
        self.expected = None
        self._guess.stop()
        if stack is not None and not self.running:
            self._delay.throttle()
        self.changed.emit()

    def _start_guess(self) -> None:
        if self.running or self._workspace.stack is None or self._workspace.package is None:
            return
        self._guess = Task(done=self._guessed)
        self._worker.start(self._workspace.expected, self._guess)

    def _guessed(self, expected: RunEstimate) -> None:
        self.expected = expected
        self.changed.emit()


def _is_same_image(stack: Stack | None, other: Stack) -> bool:
    return stack is not None and stack.planes is other.planes
