"""CSV to the byte."""

import re

import numpy as np
import pandas as pd
import pytest

from napari_cellvino.core.errors import OutputError
from napari_cellvino.storage.csv_table import write_table

FRAME = pd.DataFrame(
    {"id": [1, 2], "class": ["β", 'a,"b"'], "area": [1 / 3, np.nan], "sum": [123456789, 2], "edge": [True, False]}
)
BYTES = 'id,class,area,sum,edge\n1,β,0.333333,123456789,True\n2,"a,""b""",,2,False\n'.encode()


def test_bytes(tmp_path):
    write_table(tmp_path / "a.csv", FRAME)
    assert (tmp_path / "a.csv").read_bytes() == BYTES


def test_empty_table_keeps_its_header(tmp_path):
    write_table(tmp_path / "a.csv", FRAME[:0])
    assert (tmp_path / "a.csv").read_bytes() == b"id,class,area,sum,edge\n"


def test_folder_of_that_name(tmp_path):
    with pytest.raises(OutputError, match=re.escape(str(tmp_path))):
        write_table(tmp_path, FRAME)
