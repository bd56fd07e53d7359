"""What a person does in the window, without Qt: open, choose, run, correct, save.

This is the only place that has to know names of the code, so that the same work can be done by another commit: each
name is looked for in the newest module first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

CLOCK = "2026-01-02T03:04:05+00:00"


def _found(name: str, *modules: str) -> Any:
    """Return a name from the first of the modules that has it."""
    for module in modules:
        try:
            return getattr(import_module(f"napari_cellvino.{module}"), name)
        except (ImportError, AttributeError):
            continue
    raise ImportError(f"no {name} in {', '.join(modules)}: name here where it went")


def _finish(work: Any) -> Any:
    return _found("finish", "core.progress", "inference.progress")(work)


# -- one image


def found(stack: Path | Any, **choices: object) -> Any:
    """Return the workspace in which a file, or a stack, was run with these choices of a recipe."""
    workspace = _found("Workspace", "workflows.workspace", "app")()
    opened = _found("open_source", "io", "imaging")(stack).read() if isinstance(stack, Path) else stack
    workspace.use_stack(opened)
    workspace.choose(**choices)
    pipeline = _pipeline(workspace)
    workspace.accept(_finish(workspace.run()), pipeline)
    return workspace


def _pipeline(workspace: Any) -> Any:
    return (getattr(workspace, "pipeline", None) or workspace.plan)()


def save(workspace: Any, root: Path, snapshot: Any = None, place: Any = None) -> Path:
    """Save what was found, or what a person made of it, and return its folder."""
    request = getattr(workspace, "save_request", None) or workspace.keeping
    return request(root, place).save(snapshot)


def run_images(files: Iterable[Path], root: Path, **choices: object) -> None:
    """Open, run and save images one after the other."""
    for file in files:
        save(found(file, **choices), root)


# -- corrections


def correct(workspace: Any, edits: Callable[[Any], None]) -> Any:
    """Return what edits make of what was found, ready to save; ``edits`` takes the session."""
    session = _found("EditSession", "annotation")(workspace.annotation(), author="golden", clock=lambda: CLOCK)
    edits(session)
    return session.snapshot()


def _tool(name: str, module: str) -> Any:
    return _found(name, f"annotation.tools.{module}")


def edit_outlines(session: Any) -> None:
    """Split, merge, delete, add, accept, exclude, reject and note; take one step back and make it again."""
    by_size = _largest_first(session.annotation)
    session.commit(_tool("split_by_line", "split_line")(session.annotation, _across(session.annotation, by_size[0])))
    session.commit(_tool("merge", "merge")(session.annotation, by_size[1:3], apart=True))
    session.commit(_tool("delete", "delete")(session.annotation, by_size[-1:]))
    square = _tool("draw_polygon", "drawing")(session.annotation, _free_square(session.annotation))
    session.commit(_tool("add_drawn", "add")(session.annotation, square))
    marks = zip(("accept", "exclude", "reject"), (by_size[3:6], by_size[6:7], by_size[7:8]), strict=True)
    for name, ids in marks:
        session.commit(_tool(name, "mark")(session.annotation, ids))
    session.commit(_tool("set_note", "mark")(session.annotation, by_size[3:4], "two nucleoli"))
    session.undo()
    session.redo()


def edit_volume(session: Any) -> None:
    """Delete an object in one plane, split another through all of them, and accept the rest."""
    by_size = _largest_first(session.annotation)
    region = session.annotation.geometry(by_size[0]).region
    plane = region.low[0]
    session.commit(_tool("delete", "delete")(session.annotation, by_size[:1], plane=plane))
    middle = sum(session.annotation.geometry(by_size[1]).region.low[:1])
    line = _across(session.annotation, by_size[1])
    session.commit(_tool("split_by_line", "split_line")(session.annotation, line, plane=middle))
    session.commit(_tool("accept", "mark")(session.annotation, by_size[2:]))


def edit_boxes(session: Any) -> None:
    """Add, move and delete boxes; say that one is of the other class."""
    ids = sorted(session.annotation.records)
    session.commit(_tool("add_box", "boxes")(session.annotation, (5.0, 5.0), (25.0, 30.0), class_index=1))
    session.commit(_tool("move_box", "boxes")(session.annotation, ids[0], (2.0, -3.0)))
    session.commit(_tool("delete", "delete")(session.annotation, ids[1:2]))
    other = 1 - session.annotation.records[ids[2]].class_index
    session.commit(_tool("set_class", "mark")(session.annotation, ids[2:3], other))


def _largest_first(annotation: Any) -> list[int]:
    return sorted(annotation.records, key=lambda id_: (-annotation.index.area(id_), id_))


def _across(annotation: Any, id_: int) -> list[tuple[float, float]]:
    """Return a line through the middle of an object, along x."""
    region = annotation.geometry(id_).region
    (y0, x0), (y1, x1) = region.low[-2:], region.high[-2:]
    return [((y0 + y1) / 2, x0 - 2.0), ((y0 + y1) / 2, x1 + 2.0)]


def _free_square(annotation: Any, side: int = 8) -> list[tuple[float, float]]:
    """Return the corners of the first square of background."""
    height, width = annotation.shape[-2:]
    for y in range(0, height - side, side):
        for x in range(0, width - side, side):
            if not annotation.pixels[y : y + side + 1, x : x + side + 1].any():
                return [(y, x), (y, x + side), (y + side, x + side), (y + side, x)]
    raise AssertionError("there is no background left")


# -- plates


def run_plate(path: Path, root: Path, layout: Path, **choices: object) -> None:
    """Run all wells of a plate with a layout."""
    source = _found("open_plate", "io.plates")(path)
    told = _found("read_layout", "plates.plate_maps", "plates.layout", "analysis.plate_layout")(layout, source.plate)
    workspace = _found("Workspace", "workflows.workspace", "app")()
    workspace.choose(**choices)
    workspace.load_package()
    plate_choices = _found("PlateChoices", "results.plate_place", "results.plate_field", "jobs.plate_field")(told)
    _finish(_plate_run(source, _pipeline(workspace), root, plate_choices))


def _plate_run(source: Any, pipeline: Any, root: Path, choices: Any) -> Any:
    fields = source.plate.fields
    try:
        engines = _found("EngineProvider", "engines.provider")()
    except ImportError:  # until there was one pipeline for the window and the command line
        engines = _found("Engines", "segmentation.engine_cache", "jobs.engines")()
        run = _found("run_planned", "workflows.planned_plate", "jobs.planned_plate")
        return run(source, fields, pipeline, engines, root, choices)
    pipeline = _found("fit_to_plate", "workflows.run_plate", "segmentation.pipeline")(pipeline, source.plate)
    return _found("run_plate", "workflows.run_plate")(source, fields, pipeline, root, engines, choices)


def _kept_layout(root: Path, source: Any) -> Any:
    try:
        store = _found("ResultStore", "results.store")(root)
    except ImportError:  # until there was one class for a folder of results
        return _found("read_plate_results", "results.plate_results", "jobs.plate_results")(root, source).layout
    return _found("PlateStore", "results.plate_store")(store, source).layout()


def correct_field(path: Path, root: Path, number: int, **choices: object) -> None:
    """Open the results of a plate, correct its ``number``-th field and save it among them."""
    source = _found("open_plate", "io.plates")(path)
    field = source.plate.fields[number]
    layout = _kept_layout(root, source)
    workspace = found(source.open_field(field), **choices)
    channel = _found("channel_index", "core.image", "image")(workspace.stack, choices.get("channel", ""))
    place = _found("PlatePlace", "results.plate_place", "jobs.plate_place")(source, field, layout, channel)
    delete = _tool("delete", "delete")
    snapshot = correct(workspace, lambda s: s.commit(delete(s.annotation, [min(s.annotation.records)])))
    save(workspace, root, snapshot, place)
