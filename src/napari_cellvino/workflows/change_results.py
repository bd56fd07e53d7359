"""Changes of many saved fields at once, without the network: cells marked by a person, other gates, a classifier.

Each field is written as a review of it alone would write it; one that cannot be is told, the others go on. Tables
beside the fields are written once, at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_cellvino.annotation import Annotation, Edit, EditSession
from napari_cellvino.annotation.event import EditAction, Event
from napari_cellvino.annotation.journal import check_free
from napari_cellvino.core.cell_classifier import CellClassifier
from napari_cellvino.core.errors import CellvinoError, ImageReadError, OutputError
from napari_cellvino.core.gates import Gate
from napari_cellvino.core.image import Origin, Stack, channel_index
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.io.plates import PlateSource, is_of_plate
from napari_cellvino.measure.gates import with_rules
from napari_cellvino.measure.rings import WIDTH
from napari_cellvino.results.field_folder import FieldFolder
from napari_cellvino.results.field_result import measured
from napari_cellvino.results.field_writing import as_it_is
from napari_cellvino.results.plate_place import PlatePlace, rekeyed, ring_width_of
from napari_cellvino.results.plate_store import PlateStore
from napari_cellvino.results.schema import ResultKey
from napari_cellvino.results.spot_table import read_spots
from napari_cellvino.results.store import ResultStore
from napari_cellvino.segmentation.pipeline import make_pipeline
from napari_cellvino.workflows.field_task import PlateAddress
from napari_cellvino.workflows.run_page import refresh_run_page
from napari_cellvino.workflows.saved_field import SavedField, load_saved_field
from napari_cellvino.workflows.sources import OpenSources

Describe = Callable[[Annotation, Sequence[int]], Edit]
"""Describes what is done to cells of a field, by their ids."""


@dataclass(frozen=True, slots=True)
class ChangedField:
    """A field that was changed, or why it was not; ``edit`` is what was done to its cells, to be taken back."""

    folder: Path
    edit: Edit | None = None
    error: str = ""


class _Results:
    """The saved fields of one folder of results, with the images and plates that they belong to."""

    def __init__(self, root: Path) -> None:
        self.store = ResultStore(root)
        self._sources = OpenSources()
        self._plates: dict[str, tuple[PlateSource, PlateStore]] = {}
        self._is_changed = False

    def open(self, folder: Path) -> tuple[SavedField, PlatePlace | None]:
        """Return a saved field and its place on a plate; an error of the family where it is not free to be changed."""
        stored = FieldFolder(folder)
        origin = stored.result.origin
        if origin is None:
            raise ImageReadError(f"{folder} does not tell which image it is of; run it again")
        if stored.result.key is not None and stored.result.key.size == 0:
            raise ImageReadError(
                f"{folder.name} was found in a layer of the viewer, and in no file: choose the layer in tab 1, run it "
                "again and correct it there; gates are in its recipe"
            )
        check_free(stored.journal)
        if stored.unsaved() is not None:
            raise OutputError(f"{folder} has corrections that were not saved; open it and save or drop them first")
        recipe = stored.annotation().provenance.recipe
        stack, plate = self._stack(origin, recipe)
        saved = load_saved_field(folder, stack, origin.frame or recipe.frame or 1)
        if saved is None:
            raise ImageReadError(f"{folder} does not tell what it was made from; run it again")
        return saved, None if plate is None else self._place(plate, stack, saved)

    def _stack(self, origin: Origin, recipe: Recipe) -> tuple[Stack, PlateSource | None]:
        if not is_of_plate(origin):
            return self._sources.position(origin, recipe.overrides), None
        source = self._sources.plate(PlateAddress(Path(origin.path), recipe.overrides))
        field = source.plate.field_labelled(origin.position)
        if field is None:
            raise ImageReadError(f"plate {origin.path} has no field {origin.position} any more")
        self._plates.setdefault(origin.path, (source, PlateStore(self.store, source)))
        return source.open_field(field), source

    def _place(self, source: PlateSource, stack: Stack, saved: SavedField) -> PlatePlace:
        field = next(field for field in source.plate.fields if field.label == stack.origin.position)
        layout = self._plates[str(source.path)][1].layout()
        ring_px = ring_width_of(saved.key, saved.recipe) or WIDTH
        return PlatePlace(source, field, layout, channel_index(stack, saved.recipe.channel), ring_px)

    def save(self, saved: SavedField, place: PlatePlace | None, session: EditSession) -> None:
        """Write a corrected field."""
        finish = as_it_is if place is None else place.finish
        snapshot = session.snapshot()
        self.store.save_corrections(saved.folder, snapshot, saved.plane, saved.volume, key=saved.key, finish=finish)
        self._is_changed = True

    def decide(self, saved: SavedField, place: PlatePlace | None, rules: Mapping[str, object]) -> None:
        """Write a field with other gates, or another classifier."""
        finish = as_it_is if place is None else place.finish
        recipe, key = saved.annotation.provenance.recipe.model_copy(update=rules), self._key(saved, rules)
        annotation = with_rules(saved.annotation, recipe)
        if FieldFolder(saved.folder).result.kept:
            snapshot = EditSession(annotation).snapshot()
            self.store.save_corrections(saved.folder, snapshot, saved.plane, saved.volume, key=key, finish=finish)
        else:
            result = measured(annotation, saved.plane, saved.volume, spots=read_spots(saved.folder))
            self.store.save(saved.folder, result, key, overwrite=True, finish=finish)
        self._is_changed = True

    def _key(self, saved: SavedField, rules: Mapping[str, object]) -> ResultKey:
        """Return the key that a run with these rules gives, or where that cannot be told, one that no run gives."""
        made = ([self.store.recipe()] if self.store.has_recipe else []) + [saved.recipe]
        after = [recipe.model_copy(update=rules) for recipe in made]
        keys = (rekeyed(saved.key, recipe, gated) for recipe, gated in zip(made, after, strict=True))
        return next(filter(None, keys), ResultKey.of(saved.plane.origin, after[-1]))

    def write_tables(self) -> None:
        """Write the tables beside the fields."""
        if not self._is_changed:
            return
        for _, plate in self._plates.values():
            plate.write_tables((), plate.layout())
        if not self._plates:
            self.store.write_counts(())
        refresh_run_page(self.store.root)


def edit_results(
    root: Path, chosen: Mapping[Path, Sequence[int]], describe: Describe, *, author: str = ""
) -> Generator[ChangedField, None, tuple[ChangedField, ...]]:
    """Mark cells of saved fields; yield each field when it is written, and return all.

    Parameters
    ----------
    root
        The folder of results.
    chosen
        Ids of cells, by the folders of their fields.
    describe
        Describes the edit, as the tools of a review do.
    author
        Who is written into the changed records.

    Raises
    ------
    OutputError
        If a table cannot be written.
    """

    def change(results: _Results, folder: Path) -> Edit | None:
        saved, place = results.open(folder)
        session = EditSession(saved.annotation, author=author)
        session.commit(describe(saved.annotation, chosen[folder]))
        results.save(saved, place, session)
        return session.history.next_undo

    return (yield from _change(root, chosen, change))


def undo_edits(root: Path, done: Sequence[ChangedField]) -> Generator[ChangedField, None, tuple[ChangedField, ...]]:
    """Take back what `edit_results` did, with the same events and errors; cells changed since stay as they are."""
    edits = {field.folder: field.edit for field in done if field.edit is not None}

    def change(results: _Results, folder: Path) -> None:
        saved, place = results.open(folder)
        session = EditSession(saved.annotation)
        session.replay(Event(EditAction.UNDO, edits[folder].inverse()))
        results.save(saved, place, session)

    return (yield from _change(root, edits, change))


def gate_results(root: Path, gates: Sequence[Gate]) -> Generator[ChangedField, None, tuple[ChangedField, ...]]:
    """Apply these gates to all saved fields in the place of those before; the events are those of `edit_results`.

    The recipe beside the results gets them too, so that a run with it gives the same.

    Raises
    ------
    OptionError
        If a gate gives a class that the model gives.
    OutputError
        If recipe or tables cannot be written.
    """
    return (yield from _decide(root, {"gates": tuple(gates)}))


def rules_of(root: Path) -> tuple[tuple[Gate, ...], CellClassifier | None]:
    """Return the gates and the classifier in the recipe of a folder of results; the errors are those of `recipe`."""
    store = ResultStore(root)
    recipe = store.recipe() if store.has_recipe else Recipe()
    return recipe.gates, recipe.classifier


def classify_results(
    root: Path, classifier: CellClassifier | None
) -> Generator[ChangedField, None, tuple[ChangedField, ...]]:
    """Apply this classifier to all saved fields in the place of the one before; None takes it away.

    Events, errors and the recipe are as with `gate_results`.
    """
    return (yield from _decide(root, {"classifier": classifier}))


def _decide(root: Path, rules: Mapping[str, object]) -> Generator[ChangedField, None, tuple[ChangedField, ...]]:
    store = ResultStore(root)
    if store.has_recipe:
        recipe = store.recipe().model_copy(update=rules)
        make_pipeline(recipe)
        store.write_recipe(recipe)

    def change(results: _Results, folder: Path) -> None:
        saved, place = results.open(folder)
        results.decide(saved, place, rules)

    return (yield from _change(root, store.folders(), change))


def _change(
    root: Path, folders: Sequence[Path] | Mapping[Path, object], change: Callable[[_Results, Path], Edit | None]
) -> Generator[ChangedField, None, tuple[ChangedField, ...]]:
    results, every = _Results(root), list[ChangedField]()
    try:
        for folder in folders:
            try:
                every.append(ChangedField(folder, change(results, folder)))
            except CellvinoError as error:
                every.append(ChangedField(folder, error=str(error)))
            yield every[-1]
    finally:
        results.write_tables()
    return tuple(every)
