"""CSV to the byte."""

import csv
import re

import numpy as np
import pandas as pd
import pytest

from napari_cellvino.core.errors import OutputError
from napari_cellvino.storage.csv_table import open_rows, read_table, write_columns, write_table

FRAME = pd.DataFrame(
    {"id": [1, 2], "class": ["β", 'a,"b"'], "area": [1 / 3, np.nan], "sum": [123456789, 2], "edge": [True, False]}
)
BYTES = 'id,class,area,sum,edge\n1,β,0.333333,123456789,True\n2,"a,""b""",,2,False\n'.encode()


def test_bytes(tmp_path):
    write_table(tmp_path / "a.csv", FRAME)
    assert (tmp_path / "a.csv").read_bytes() == BYTES


COLUMNS = {
    "whole": [1, 20, 1234567],
    "whole, one missing": [1, None, 1234567],
    "numbers": [1, 2.5, 1234567],
    "numbers, one missing": [float("nan"), 1 / 3, -0.0],
    "of numpy": [np.int64(3), np.float32(0.1), np.float64("inf")],
    "whole of numpy": [np.int64(3), np.uint8(4), 5],
    "text": ["=1+1", 'a,"b"\n', ""],
    "text and numbers": ["-5", 1 / 3, 1234567],
    "text, one missing": ["é", None, "'=x"],
    "true": [True, False, True],
    "true, one missing": [True, None, False],
    "true and a number": [True, 2, 0.5],
    "missing": [None, None, None],
    "no number": [float("nan"), float("nan"), None],
}


def test_columns_without_pandas_are_the_same_bytes(tmp_path):
    write_columns(tmp_path / "a.csv", COLUMNS)
    write_table(tmp_path / "b.csv", pd.DataFrame(COLUMNS))
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_tables_are_the_bytes_of_pandas(tmp_path):
    numbers = {kind: np.array([0, 1, 3], kind) for kind in ("i4", "u2", "i8", "f4", "f8", "?")}
    frame = pd.DataFrame(
        numbers
        | {"float": [np.nan, -0.0, np.inf], "small": np.float32([1 / 3, 1e-7, 1e9]), "whole": [1e6, 123456789.0, -2.5]}
        | {"text": ['µ, "x"', "", "a\nb"], "object": np.array(["a", "b", "c"], object)}
        | {"mixed": [1, "a", 0.123456789], "missing": ["a", None, "b"], "nullable": pd.array([1, None, 2], "Int64")}
    )
    for names in (list(frame), [name for name in frame if name not in ("mixed", "missing", "nullable")]):
        write_table(tmp_path / "a.csv", frame[names])
        expected = frame[names].to_csv(index=False, float_format="%.6g", lineterminator="\n")
        assert (tmp_path / "a.csv").read_bytes() == expected.encode()


def test_empty_table_keeps_its_header(tmp_path):
    write_table(tmp_path / "a.csv", FRAME[:0])
    assert (tmp_path / "a.csv").read_bytes() == b"id,class,area,sum,edge\n"


def test_folder_of_that_name(tmp_path):
    with pytest.raises(OutputError, match=re.escape(str(tmp_path))):
        write_table(tmp_path, FRAME)


TEXTS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\tx", "'=1", "''-x", "plain", "it's", "'quoted'", "", "-"]
NUMBERS = ["-5", "+3", "-1.5e-7", "-inf", "-.5"]


def test_text_that_a_spreadsheet_would_run_is_neutral_and_read_back_unchanged(tmp_path):
    path = tmp_path / "a.csv"
    write_table(path, pd.DataFrame({"note": [*TEXTS, *NUMBERS], "x": range(len(TEXTS + NUMBERS))}))
    with path.open(newline="", encoding="utf-8") as handle:
        raw = [row[0] for row in csv.reader(handle)][1:]
    assert not [cell for cell in raw[: len(TEXTS)] if cell[:1] in ("=", "+", "-", "@", "\t")]
    assert raw[len(TEXTS) :] == NUMBERS, "numbers are no formulas"
    with open_rows(path) as (names, rows):
        assert names == ["note", "x"]
        assert [row["note"] for row in rows] == TEXTS + NUMBERS
    assert read_table(path)["note"].tolist() == TEXTS + NUMBERS


def test_only_columns_that_are_wanted_are_read(tmp_path):
    (tmp_path / "a.csv").write_text("a,b,c\n1,'=2,3,4\n\n5\n", encoding="utf-8-sig")
    with open_rows(tmp_path / "a.csv", ("b", "z")) as (names, rows):
        assert (names, list(rows)) == (["a", "b", "c"], [{"b": "=2"}, {}])
