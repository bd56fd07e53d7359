import zipfile
from pathlib import Path

import pytest

_DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def member(tmp_path):
    """Write one member of a zip of real images into the test's folder and return its path."""
    if not _DATA.is_dir():
        pytest.skip("the folder shared/data with real images is not beside the repository")

    def extract(dataset, name):
        with zipfile.ZipFile(_DATA / dataset / f"{dataset}.zip") as archive:
            return Path(archive.extract(name, tmp_path))

    return extract
