"""Values of saved results by group: what there is to choose, and one measure of all cells, or of all fields."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from napari_cellvino.core.errors import ImageReadError, OptionError
from napari_cellvino.core.image import Origin
from napari_cellvino.results.cell_columns import FinishedField, read_cells
from napari_cellvino.results.exported_fields import UnreadableField
from napari_cellvino.results.plot_measures import (
    CLASS,
    CLASS_COUNT,
    COMPOUND,
    COMPOUND_DOSE,
    CONTROL,
    COUNT,
    DOSE,
    FIELD,
    IMAGE,
    PLATE,
    WELL,
    PlotGroup,
    PlotMeasure,
    PlotOffer,
    cell_measures,
    field_measures,
)


@dataclass(slots=True)
class GroupedValues:
    """Values by group, and the numbers of fields and cells left out."""

    groups: dict[str, array[float]] = field(default_factory=dict)
    fields: int = 0
    without: int = 0  # fields without the measure
    rejected: int = 0
    excluded: int = 0
    unknown: int = 0  # cells without a value

    def add(self, group: str, values: Sequence[float] = ()) -> None:
        """Add values to a group, which is there from then on even if there are none."""
        self.groups.setdefault(group, array("d")).extend(values)


def offer_of(fields: Sequence[FinishedField]) -> PlotOffer:
    """Return the measures and groups that fields can be plotted by."""
    known = {name for one in fields for name, value in one.row.items() if value}
    cells, of_fields = cell_measures([one.columns for one in fields]), field_measures(known)
    measures = (*cells, *of_fields) if len(fields) == 1 else (*of_fields, *cells)  # one number is no plot
    files = {one.row.get("file", "") for one in fields}
    offered = (
        (WELL, "well" in known),
        (IMAGE, "well" not in known and 1 < len(files) < len(fields)),
        (FIELD, True),
        (CLASS, len(_classes(known)) > 1),
        (PLATE, "plate" in known),
        (COMPOUND, "compound" in known),
        (COMPOUND_DOSE, {"compound", "dose"} <= known),
        (DOSE, "dose" in known),
        (CONTROL, "control" in known),
    )
    return PlotOffer(measures, tuple(group for group, there in offered if there))


def _classes(columns: Iterable[str]) -> list[str]:
    return [name for name in columns if name.startswith(CLASS_COUNT)]


def gather(
    fields: Sequence[FinishedField], measure: PlotMeasure, group: PlotGroup, unreadable: list[UnreadableField]
) -> GroupedValues:
    """Return the values of a measure by group, read from one field after the other.

    Fields whose cells cannot be read go to ``unreadable``, the others go on.

    Raises
    ------
    OptionError
        If the groups are classes and the measure is of whole fields.
    """
    if group is CLASS and measure.of_fields and measure is not COUNT:
        raise OptionError(f"{measure.title.lower()} is of whole fields and not of a class; group it by well or field")
    gathered = GroupedValues()
    plates = {one.row.get("plate", "") for one in fields} - {""}
    add = _add_field if measure.of_fields else _add_cells
    for one in fields:
        try:
            add(gathered, one, measure, group, _group_of(one, group, several_plates=len(plates) > 1))
            gathered.fields += 1
        except ImageReadError as error:
            unreadable.append(UnreadableField(one.folder, error))
    return gathered


def without(group: PlotGroup) -> str:
    """Return the name of the group of fields that have none."""
    return {CONTROL: "sample", COMPOUND_DOSE: "no compound"}.get(group, f"no {group.title}")


def _group_of(one: FinishedField, group: PlotGroup, *, several_plates: bool) -> str:
    row = one.row
    if group in (FIELD, CLASS):
        return one.folder.name
    if group is IMAGE:
        return Origin(row.get("file", "")).name
    if group is COMPOUND_DOSE:
        return " ".join(filter(None, (row.get("compound"), row.get("dose")))) or without(group)
    value = row.get(group.name) or without(group)
    return f"{row.get('plate', '')} {value}".strip() if group is WELL and several_plates else value


def _add_field(gathered: GroupedValues, one: FinishedField, measure: PlotMeasure, group: PlotGroup, name: str) -> None:
    gathered.rejected += int(one.number("rejected") or 0)
    gathered.excluded += int(one.number("excluded") or 0)
    known = list(_field_values(one, measure, group, name))
    gathered.without += not known
    for key, value in known:
        gathered.add(key, (value,))


def _field_values(one: FinishedField, measure: PlotMeasure, group: PlotGroup, name: str) -> Iterator[tuple[str, float]]:
    """Yield the values of a field with their groups; the counts of its classes where these are the groups."""
    by_class = group is CLASS and measure is COUNT
    columns = _classes(one.row) if by_class else [measure.column]
    for column in columns:
        value = one.number(column)
        if value is not None:
            yield column.removeprefix(CLASS_COUNT).replace("_", " ") if by_class else name, value


def _add_cells(gathered: GroupedValues, one: FinishedField, measure: PlotMeasure, group: PlotGroup, name: str) -> None:
    if measure.column not in one.columns:
        gathered.without += 1
        return
    cells = read_cells(one.folder, measure.column)
    gathered.rejected += cells.rejected
    gathered.excluded += cells.excluded
    gathered.unknown += cells.unknown
    if group is not CLASS:
        gathered.add(name)  # also one without any cell
    for kind, values in cells.values.items():
        gathered.add(kind if group is CLASS else name, values)
