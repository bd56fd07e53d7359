"""Tables as CSV, the same bytes for the same table on every system."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_cellvino.storage.atomic import atomic_path

if TYPE_CHECKING:
    import pandas as pd


def write_table(path: Path, frame: pd.DataFrame) -> None:
    r"""Write ``frame`` without its index: UTF-8, ``\n`` line ends, six significant digits, missing values empty.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    with atomic_path(path) as part:
        frame.to_csv(part, index=False, float_format="%.6g", lineterminator="\n", encoding="utf-8")
