"""A pipeline run on a field: cells of one plane or of a whole stack, outlined by a second model where there is one."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from dataclasses import replace

from napari_cellvino.core.image import Plane, Stack
from napari_cellvino.core.objects import Objects
from napari_cellvino.core.progress import Progress, finish
from napari_cellvino.core.recipe import Recipe, SpotPlanes
from napari_cellvino.core.spots import Spots
from napari_cellvino.core.threads import begin, used_threads
from napari_cellvino.engines.engine import NO_ENGINE
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.segmentation.bright_background import describe_bright_background
from napari_cellvino.segmentation.burnt_in import describe_bars, find_bars, without_bars
from napari_cellvino.segmentation.candidates import CellCandidates
from napari_cellvino.segmentation.decode_ahead import DecodingAhead
from napari_cellvino.segmentation.heads import Decoded
from napari_cellvino.segmentation.known_sizes import describe_unknown_size, find_unknown_size
from napari_cellvino.segmentation.lost_planes import describe_lost
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.segmentation.predict import Prediction, infer_maps, load_ahead
from napari_cellvino.segmentation.predict_stack import decode_stack, predict_stack
from napari_cellvino.segmentation.prepare import project
from napari_cellvino.segmentation.raw_maps import RawMaps, allocate_maps
from napari_cellvino.segmentation.refine import MaskRefiner, infer_masks, outline_cells
from napari_cellvino.segmentation.rescale import zoom_for
from napari_cellvino.segmentation.signal_test import SignalWatch, believed, describe_emptiness
from napari_cellvino.segmentation.spots.step import SPOT_PARAMETERS, search_spots, with_spot_channel
from napari_cellvino.segmentation.strong_jpeg import describe_strong_jpeg
from napari_cellvino.segmentation.volume import StackMaps, Volume
from napari_cellvino.segmentation.whole_cells import cell_channel_name

MOST_BESIDE = 2**27  # bytes of a plane in which spots are sought while its cells are: both take memory


def predict_field(
    stack: Stack, pipeline: Pipeline, engines: EngineProvider, *, keep_maps: bool = True
) -> Generator[Progress, None, Prediction]:
    """Yield progress and return the prediction of a pipeline for the recipe's plane, or for all planes.

    Parameters
    ----------
    stack
        The image (T, C, Z, Y, X).
    pipeline
        The models and parameters.
    engines
        Gives the engines that run the models.
    keep_maps
        If False, the maps of a stack are dropped: it takes less memory but cannot be decoded again.

    Raises
    ------
    DeviceError
        If the device or the precision is not available.
    ImageValueError
        If the image has no such channel, plane or time point, or no usable pixels.
    InferenceError
        If the network cannot be run.
    """
    cell_channel = cell_channel_name(stack, pipeline.recipe)
    recipe, _ = with_spot_channel(pipeline.recipe, stack)
    beside: list[Future[Spots]] = []

    def begin_spots(plane: Plane) -> None:
        if recipe.spots is not None and _can_be_beside(plane, recipe.spots):
            beside.append(begin(lambda: finish(_spots_of(stack, plane, pipeline))))

    if pipeline.find is None:
        found = yield from _without_cells(stack, recipe, pipeline.values)
    else:
        found = yield from _predict(stack, pipeline, engines, begin_spots, keep_maps=keep_maps)
    found = replace(found, cell_channel=cell_channel, warnings=stack.doubts)
    if recipe.spots is None:
        return found
    spots = beside[0].result() if beside else (yield from _spots_of(stack, found.plane, pipeline))
    return replace(found, values=pipeline.values, spots=spots)


def _can_be_beside(plane: Plane, planes: SpotPlanes) -> bool:
    """Return whether spots are sought on a thread while a network finds cells: most of either leaves cores idle."""
    return used_threads() > 1 and planes is not SpotPlanes.STACK and plane.pixels.nbytes <= MOST_BESIDE


def _spots_of(stack: Stack, plane: Plane, pipeline: Pipeline) -> Generator[Progress, None, Spots]:
    """Return the spots of a field."""
    recipe, choice = with_spot_channel(pipeline.recipe, stack)
    spots = yield from search_spots(stack, plane, recipe, pipeline.values)
    if recipe.spot_partner:
        other = recipe.model_copy(update={"spot_channel": recipe.spot_partner})
        partner = yield from search_spots(stack, plane, other, pipeline.values)
        doubts, told = ([f"{recipe.spot_partner}: {s}" for s in said] for said in (partner.notices, partner.remarks))
        spots = replace(spots, partner=partner, notices=(*spots.notices, *doubts), remarks=(*spots.remarks, *told))
    return replace(spots, notices=(*choice.doubts, *spots.notices), remarks=(*choice.remarks, *spots.remarks))


def _without_cells(stack: Stack, recipe: Recipe, values: Mapping[str, float]) -> Generator[Progress, None, Prediction]:
    """Return a prediction of a field in which no cells are sought."""
    plane = yield from project(stack, channel=recipe.channel, z=recipe.z_choice, frame=recipe.frame)
    maps = RawMaps(allocate_maps(0, 1, 1), NO_ENGINE, 0, 0, plane.shape, plane.shape)
    return Prediction(plane, maps, Decoded(None, Objects.none()), dict(values))


def _predict(
    stack: Stack,
    pipeline: Pipeline,
    engines: EngineProvider,
    on_plane: Callable[[Plane], None],
    *,
    keep_maps: bool,
) -> Generator[Progress, None, Prediction]:
    """Return the cells of a field; of a plane, ``on_plane`` is called with it before they are sought."""
    recipe, spec = pipeline.recipe, pipeline.package.spec
    engine = engines.engine(pipeline.package, recipe.device, recipe.precision)
    if recipe.z_choice.joined:
        found = yield from predict_stack(
            stack,
            spec,
            engine,
            pipeline.values,
            channel=recipe.channel,
            frame=recipe.frame,
            diameter_px=recipe.diameter_px,
            keep_maps=keep_maps,
        )
        return _believed_stack(found, pipeline)
    load_ahead((stack.shape.y, stack.shape.x), spec, engine, diameter_px=recipe.diameter_px)
    watch = SignalWatch()
    plane = yield from project(
        stack,
        channel=recipe.channel,
        z=recipe.z_choice,
        frame=recipe.frame,
        inputs=spec.input_channels,
        on_plane=watch.add,
    )
    on_plane(plane)
    samples = watch.samples(plane.inputs)
    # Before there are maps: of a large plane both take memory.
    said = *describe_bright_background(plane.inputs, spec), *describe_strong_jpeg(plane.inputs)
    bars, ahead = find_bars(plane.inputs), DecodingAhead(spec, pipeline.values)
    raw = yield from infer_maps(plane, spec, engine, diameter_px=recipe.diameter_px, samples=samples, ahead=ahead)
    raw = replace(raw, notices=(*raw.notices, *said))
    before = Prediction(plane, raw, Decoded(None, Objects.none()), {}, emptiness=watch.emptiness, bars=bars)
    return (yield from _decode_plane(before, pipeline, engines, CellCandidates(), ahead.result()))


def decode_again(
    before: Prediction,
    pipeline: Pipeline,
    engines: EngineProvider,
    stack: Stack,
    *,
    candidates: CellCandidates | None = None,
) -> Generator[Progress, None, Prediction]:
    """Yield progress and return a prediction in ``stack`` decoded again with the pipeline's current parameters.

    The network runs only on cells that were not outlined before; spots are sought again where theirs differ.
    ``candidates`` may hold what was found in these maps.
    """
    now = yield from _decode_cells(before, pipeline, engines, candidates or CellCandidates())
    values = pipeline.values
    if before.spots is None or all(before.values[p.name] == values[p.name] for p in SPOT_PARAMETERS):
        return now
    return replace(now, values=values, spots=(yield from _spots_of(stack, now.plane, pipeline)))


def _decode_cells(
    before: Prediction, pipeline: Pipeline, engines: EngineProvider, candidates: CellCandidates
) -> Generator[Progress, None, Prediction]:
    if pipeline.find is None:
        return before
    if isinstance(before.raw, StackMaps):
        return _believed_stack(decode_stack(before, before.raw, pipeline.package.spec, pipeline.values), pipeline)
    return (yield from _decode_plane(before, pipeline, engines, candidates))


def _decode_plane(
    before: Prediction,
    pipeline: Pipeline,
    engines: EngineProvider,
    candidates: CellCandidates,
    known: Decoded | None = None,
) -> Generator[Progress, None, Prediction]:
    """Return a prediction with the cells in its maps, ``known`` where they were decoded already."""
    values, raw = pipeline.values, before.raw
    if isinstance(raw, StackMaps):
        raise TypeError("the maps of a stack are decoded plane by plane")
    decoded = candidates.decode(raw, pipeline.package.spec, values) if known is None else known
    found, on_bars = without_bars(decoded, before.bars)
    found, disbelieved = believed(found, before.emptiness, values)
    seen_as = zoom_for(pipeline.package.spec, pipeline.recipe.diameter_px or raw.diameter_px)
    odd = find_unknown_size(found.objects.area_px, pipeline.package.spec, seen_as)
    now = replace(
        before, decoded=found, values=dict(values), disbelieved=disbelieved, on_bars=on_bars, unknown_size=odd
    )
    if pipeline.refine is None:
        return now
    masks = yield from infer_masks(now.plane, found.objects, refiner_for(pipeline, engines), known=before.masks)
    return replace(now, decoded=outline_cells(found, masks, now.plane.shape, values["outline"]), masks=masks)


def _believed_stack(found: Prediction, pipeline: Pipeline) -> Prediction:
    decoded, disbelieved = believed(found.decoded, found.emptiness, found.values)
    seen = found.slices.area_px if found.slices is not None and len(decoded.objects) else Objects.none().area_px
    spec = pipeline.package.spec
    sought = found.raw.planes[0].diameter_px if isinstance(found.raw, StackMaps) else None
    odd = find_unknown_size(seen, spec, zoom_for(spec, pipeline.recipe.diameter_px or sought))
    return replace(found, decoded=decoded, disbelieved=disbelieved, unknown_size=odd)


def check_device(pipeline: Pipeline, engines: EngineProvider) -> None:
    """Check that the engines of a pipeline can be made, so that a missing device is told before any field is read.

    Raises
    ------
    DeviceError
        If the device or a precision is not available.
    """
    for step in pipeline.steps:
        engines.check(step.package, pipeline.recipe.device, step.precision)


def refiner_for(pipeline: Pipeline, engines: EngineProvider) -> MaskRefiner:
    """Return the outlining model with its engine.

    Raises
    ------
    ValueError
        If the pipeline has no outlining step.
    """
    if pipeline.refine is None:
        raise ValueError(f"the pipeline {pipeline.label} refines nothing")
    package = pipeline.refine.package
    return MaskRefiner(package, engines.engine(package, pipeline.recipe.device, pipeline.refine.precision))


def volume_of(prediction: Prediction) -> Volume | None:
    """Return the volume of a prediction in 3D, or None for one in 2D."""
    return prediction.raw.volume if isinstance(prediction.raw, StackMaps) else None


def notices_of(prediction: Prediction) -> tuple[str, ...]:
    """Return what may have made the counts of a prediction wrong, as sentences."""
    notices, left_out = [*prediction.warnings, *prediction.raw.notices], prediction.decoded.left_out
    if volume_of(prediction) is None:
        notices += describe_lost(prediction.plane.lost, bridged=False)
    notices += prediction.spots.notices if prediction.spots is not None else ()
    if prediction.emptiness is not None:
        notices.append(describe_emptiness(prediction.emptiness, prediction.disbelieved, prediction.values))
    if prediction.on_bars:
        notices.append(describe_bars(prediction.bars, prediction.on_bars))
    if prediction.unknown_size is not None:
        notices += describe_unknown_size(prediction.unknown_size)
    if prediction.decoded.cut_px:
        notices.append(
            f"Cells of more than {prediction.decoded.cut_px:.0f} px from top to bottom may be cut in two, as the image "
            "is too large to be looked at whole: look at the tall ones"
        )
    if left_out:
        cells = "1 cell was" if left_out == 1 else f"{left_out} cells were"
        notices.append(f"{cells} found but nothing could be outlined there: not counted")
    return tuple(notices)


def remarks_of(prediction: Prediction) -> tuple[str, ...]:
    """Return what was done in a prediction, as sentences: nothing in them is to be doubted."""
    return prediction.spots.remarks if prediction.spots is not None else ()
