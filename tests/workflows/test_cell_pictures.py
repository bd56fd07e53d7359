"""Pictures of cells of saved fields, also where their image is gone."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pytest

from napari_cellvino.cli import main
from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.results.cell_table import CellTables
from napari_cellvino.results.field_folder import FieldFolder
from napari_cellvino.workflows.cell_pictures import CellPictures


def test_a_result_whose_image_is_gone_is_read_once_until_it_may_be_back(tmp_path: Path, images: list[Path]) -> None:
    image = images[0]
    assert main(["run", str(image), "--out", str(tmp_path / "out")]) == 0
    (cells,) = CellTables().read(tmp_path / "out").fields
    image.rename(tmp_path / "elsewhere.tif")
    pictures = CellPictures()
    with patch.object(FieldFolder, "labels", autospec=True, side_effect=FieldFolder.labels) as read:
        for row in range(len(cells.id)):
            with pytest.raises(CellvinoError, match="field 1"):
                pictures.picture(cells, row)
    assert len(cells.id) > 3
    assert read.call_count == 1
    (tmp_path / "elsewhere.tif").rename(image)
    pictures.look_again()
    assert pictures.picture(cells, 0).shape[2] == 3
