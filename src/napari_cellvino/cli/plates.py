"""Plates on the command line: detection, description, and a run over the wells."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from napari_cellvino.cli.progress_report import Reporter, totals
from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.image import Stack
from napari_cellvino.core.plate import FieldOfView, Plate, Well, choose_fields, name_wells
from napari_cellvino.core.progress import finish
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.measure.rings import WIDTH
from napari_cellvino.plates.plate_maps import read_layout
from napari_cellvino.results.plate_place import PlateChoices
from napari_cellvino.results.plate_store import PlateStore
from napari_cellvino.results.store import ResultStore
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.workflows.effective_choices import check_effect
from napari_cellvino.workflows.executor import ExecutorMaker
from napari_cellvino.workflows.field_listing import list_fields
from napari_cellvino.workflows.field_log import FieldSelection
from napari_cellvino.workflows.field_task import FieldOutcome, FieldProgress, PlateAddress
from napari_cellvino.workflows.plate_inputs import check_plate_run
from napari_cellvino.workflows.run_fields import RunResult
from napari_cellvino.workflows.run_inputs import PlateInput, RunInputs
from napari_cellvino.workflows.run_plate import run_plate

_DECIDE = "; --keep-doubles first says that this is right, --keep-doubles both counts each"
_SHOWN = 10  # names of what is missing


def check_plate_choices(inputs: RunInputs, pipeline: Pipeline, options: argparse.Namespace) -> None:
    """Raise OptionError if choices for plates were typed and an input is none, or plates are run over time."""
    words = ("wells", "fields", "layout", "labels_back")
    typed = [*(o for o in words if getattr(options, o)), *(["ring"] if options.ring is not None else [])]
    if typed and inputs.paths:
        flag = typed[0].replace("_", "-")
        raise OptionError(f"--{flag} is for plates, and {inputs.paths[0]} is none; see 'cellvino info'")
    if inputs.plates and pipeline.recipe.frame == 0:
        raise OptionError("a plate is run one time point at a time; write --frame N instead of --frame all")


def selection_of(options: argparse.Namespace) -> FieldSelection:
    """Return which fields are run, and how often; `OptionError` if a number is not possible."""
    if options.retries < 0:
        raise OptionError(f"--retries {options.retries} is not possible; give 0 or more")
    return FieldSelection(frozenset(options.only), options.retries)


def _is_default(z: str | None) -> bool:
    """Return whether a way along z was typed that is not checked with each image."""
    return z in ("mip", "plane:1")


def check_images(inputs: RunInputs, pipeline: Pipeline, options: argparse.Namespace) -> None:
    """Raise ImageValueError if a time point or way along z was typed, and none of the images has several.

    Others than the first are refused image by image, as they are not there.
    """
    frame, z = options.frame in (0, 1), _is_default(options.z)
    if not (frame or z):
        return
    fields = list_fields(inputs.images, pipeline.recipe.model_copy(update={"frame": 1}))
    sizes = ((stack.shape.t, stack.shape.z) for _, stack in fields if isinstance(stack, Stack))
    name = inputs.images[0].name if len(inputs.images) == 1 else "every image"
    check_effect(sizes, name, frame=frame, z=z)


def run_plate_input(
    given: PlateInput,
    pipeline: Pipeline,
    engines: EngineProvider,
    executor: ExecutorMaker,
    options: argparse.Namespace,
) -> RunResult:
    """Run the chosen wells of a plate and return what became of every field.

    Raises
    ------
    OptionError
        If wells, fields, layout or ring are not possible.
    """
    source, root = given.source, given.root
    plate = source.plate
    fields = choose_fields(plate, options.wells, options.fields)
    check_effect([(plate.t, plate.z)], plate.name, frame=options.frame == 1, z=_is_default(options.z))
    ring_px = WIDTH if options.ring is None else options.ring
    check_plate_run(source, fields[0], pipeline.recipe, ring_px=ring_px, labels_back=options.labels_back)
    layout = read_layout(options.layout, plate) if options.layout else PlateStore(ResultStore(root), source).layout()
    for notice in layout.notices if options.layout else ():
        print(f"layout {options.layout}: {notice}", file=sys.stderr)
    choices = PlateChoices(layout, ring_px, options.labels_back, again=options.overwrite)
    address = PlateAddress(source.path, pipeline.recipe.overrides)
    reporter = PlateReporter(plate, fields, quiet=options.json, check=options.check_interrupts)
    reporter.begin()
    running = run_plate(
        source, fields, pipeline, root, engines, choices, address=address, executor=executor,
        selection=selection_of(options),
    )  # fmt: skip
    result = finish(running, reporter.report)
    reporter.end(result.outcomes)
    for notice in (*result.notices, *(f"{fault}{_DECIDE}" for fault in result.faults)):
        print(notice, file=sys.stderr)
    return result


class PlateReporter(Reporter):
    """Tells how a plate goes: a line for every well, and one for every field that failed."""

    def __init__(
        self,
        plate: Plate,
        fields: Sequence[FieldOfView],
        *,
        quiet: bool = False,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(len(fields), quiet=quiet, check=check)
        self.plate = plate
        self.wells: dict[Well, int] = {}
        for field in fields:
            self.wells[field.well] = self.wells.get(field.well, 0) + 1
        self.done: dict[Well, list[FieldOutcome]] = {}

    def begin(self) -> None:
        """Print what the plate is, that it is taken as one, and its problems."""
        if not self.quiet:
            first = f"{self.plate.name}: {self.plate.describe()}; taken as a plate (--no-plate: as a folder of images)"
            print("\n  ".join([first, *_problems(self.plate)]), file=sys.stderr)

    def report(self, item: FieldProgress | FieldOutcome) -> None:
        """Show progress, or the outcome of a field."""
        self.count(item)
        if isinstance(item, FieldProgress):
            self.progress(item)
            return
        well = Well.parse(str(item.row["well"]))
        held = self.done.setdefault(well, [])
        held.append(item)
        if self.quiet:
            return
        if item.failed:
            self.field(item)
        for notice in item.notices:
            print(f"{well.name} field {item.row['field']}: {notice}", file=sys.stderr)
        if len(held) == self.wells[well]:
            self._report_well(well, held)

    def _report_well(self, well: Well, held: Sequence[FieldOutcome]) -> None:
        self._close()
        whole = [d for d in held if not d.failed]
        kept = ", kept from an earlier run" if whole and all(d.kept for d in whole) else ""
        fields = f"{len(whole)} of {len(held)} fields" if len(held) > 1 or not whole else "1 field"
        number = sum(len(fields_) == self.wells[w] for w, fields_ in self.done.items())
        print(
            f"{well.name}: {' and '.join(totals(whole))} in {fields}{kept} ({number} of {len(self.wells)} wells)",
            file=sys.stderr,
        )


def plate_info(path: Path, plate: Plate) -> tuple[dict[str, object], str]:
    """Return the metadata of a plate, as JSON values and as text."""
    return _record(path, plate), _format(path, plate)


def _record(path: Path, plate: Plate) -> dict[str, object]:
    return {
        "file": str(path),
        "plate": plate.name,
        "kind": plate.kind,
        "rows": plate.rows,
        "columns": plate.columns,
        "wells": [well.name for well in plate.wells],
        "fields": {well.name: [f.name for f in plate.fields_of(well)] for well in plate.wells},
        "channels": list(plate.channels),
        "z": plate.z,
        "t": plate.t,
        "spacing_um": {"z": plate.spacing.z, "y": plate.spacing.y, "x": plate.spacing.x},
        "missing": list(plate.missing),
        "problems": [*plate.problems, *plate.faults],
    }


def _format(path: Path, plate: Plate) -> str:
    s = plate.spacing
    depth = f" × {s.z:.4g}" if s.z is not None and plate.z > 1 else ""
    known = f"{s.x:.4g} × {s.y:.4g}{depth} µm per pixel" if s.x and s.y else "pixel size unknown: results in pixels"
    lines = [
        f"{path}: plate {plate.name}",
        plate.describe(),
        f"wells: {name_wells(plate.wells)}",
        "channels: " + ", ".join(f"{n} {name}" for n, name in enumerate(plate.channels, 1)),
        known,
        *_problems(plate),
    ]
    return "\n  ".join(lines)


def _problems(plate: Plate) -> list[str]:
    more = len(plate.missing) - _SHOWN
    shown = ", ".join(plate.missing[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
    faults = [f"{fault}{_DECIDE}" for fault in plate.faults]
    return [*([f"missing: {shown}"] if shown else []), *plate.problems, *faults]
