"""What the fields of a batch are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_cellvino.service.batch_status import BatchField, field_names
from napari_cellvino.storage.field_ledger import FieldRecord


@pytest.mark.parametrize(
    ("records", "names"),
    [
        ([("a", "/d/day1/a.tif", ""), ("b", "/d/day1/b.tif", "")], ["a", "b"]),
        ([("a", "/d/day1/a.tif", ""), ("a-2", "/d/day2/a.tif", "")], ["day1/a", "day2/a-2"]),
        ([("a", "/d/x/1/a.tif", ""), ("a", "/d/y/1/a.tif", "")], ["x/1/a", "y/1/a"]),
        ([("a", "/d/a.tif", ""), ("a", "/d/in/a.tif", "")], ["d/a", "d/in/a"]),
        ([("A01_f1", "/d/p1", "p1"), ("A01_f1", "/d/p2", "p2")], ["p1/A01_f1", "p2/A01_f1"]),
        ([("/d/day1/bad.tif", "/d/day1/bad.tif", ""), ("a", "/d/day1/a.tif", "")], ["bad.tif", "a"]),
        ([("a", "", ""), ("b", "/d/day1/b.tif", "")], ["a", "b"]),
        ([], []),
    ],
)
def test_fields_are_named_with_the_folder_of_their_image_where_there_are_several(records, names):
    fields = [BatchField(Path("out"), FieldRecord(name, file, plate=plate)) for name, file, plate in records]
    assert field_names(fields) == names
