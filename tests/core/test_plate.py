"""Wells, their names, and choices of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.plate import FieldOfView, Plate, Well, choose_fields, standard_size

FIELDS = tuple(FieldOfView(Well(r, c), f) for r in range(8) for c in range(12) for f in ("1", "2", "10"))
PLATE = Plate("p", "made", 8, 12, FIELDS, ("DNA",))


@given(st.integers(0, 31), st.integers(0, 47))
def test_a_well_is_found_by_its_name(row, column):
    assert Well.parse(Well(row, column).name) == Well(row, column)


def test_the_last_well_of_1536():
    assert Well(31, 47).name == "AF48"
    assert Well.parse("b2") == Well(1, 1)


def test_places_that_no_plate_has_are_no_wells():
    assert Well.at(31, 47).name == "AF48"
    for row, column in ((-1, 0), (0, -1), (2**32 - 1, 2), (702, 0), (0, 999)):
        with pytest.raises(ValueError, match="no plate has"):
            Well.at(row, column)


@pytest.mark.parametrize("text", ["", "7", "A0", "ABC1", "A1B", "A-"])
def test_what_is_no_well_is_said(text):
    with pytest.raises(OptionError, match="B02"):
        Well.parse(text)


@pytest.mark.parametrize(
    ("wells", "fields", "count"),
    [("", "", 288), ("A01", "", 3), ("A01:B02", "1", 4), ("B02:A01,H12", "2:10", 10), ("A1,a01", "1,2", 2)],
)
def test_choices(wells, fields, count):
    assert len(choose_fields(PLATE, wells, fields)) == count


@pytest.mark.parametrize(("wells", "fields"), [("P24", ""), ("A01", "3"), ("A01:", ""), ("", "5:9")])
def test_choices_that_are_not_there_are_said(wells, fields):
    with pytest.raises(OptionError):
        choose_fields(PLATE, wells, fields)


def test_a_few_wells_are_taken_to_be_on_a_plate_of_96():
    assert standard_size([Well(4, 6), Well(4, 7)]) == (8, 12)
    assert standard_size([Well(r, c) for r in range(2) for c in range(3)]) == (2, 3)
    assert standard_size([Well(8, 0)]) == (16, 24)
