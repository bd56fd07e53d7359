"""AnnData files (``.h5ad``), which scanpy and others of the scverse read, written without their package.

anndata itself holds pandas back; what it reads is a few groups of HDF5 with two attributes each.

References
----------
https://anndata.readthedocs.io/en/latest/fileformat-prose.html
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import OptionError
from napari_cellvino.storage.atomic import atomic_path

if TYPE_CHECKING:
    import h5py
    import pandas as pd

EMPTY_GROUPS = ("layers", "obsp", "varm", "varp", "uns")


def write_anndata(path: Path, obs: pd.DataFrame, values: pd.DataFrame, obsm: Mapping[str, NDArray[np.float64]]) -> None:
    """Write observations with their values.

    Parameters
    ----------
    path
        The file.
    obs
        A row per observation: text and numbers that are no features.
    values
        The features (N, F) of the same observations; the columns are the variables.
    obsm
        Arrays (N, …) by name, as ``X_pca``.

    Raises
    ------
    OptionError
        If h5py is not installed.
    OutputError
        If the file cannot be written.
    """
    try:
        import h5py
    except ImportError as error:
        raise OptionError("AnnData files need h5py: pip install 'napari-cellvino[profiles]', or write .csv") from error
    with atomic_path(path) as part, h5py.File(str(part), "w") as file:
        _mark(file, "anndata", "0.1.0")
        _mark(file.create_dataset("X", data=values.to_numpy(np.float64)), "array", "0.2.0")
        _frame(file.create_group("obs"), obs, [str(n) for n in range(len(obs))])
        _frame(file.create_group("var"), values.iloc[:0, :0], list(map(str, values.columns)))
        held = file.create_group("obsm")
        _mark(held, "dict", "0.1.0")
        for name, array in obsm.items():
            _mark(held.create_dataset(name, data=array), "array", "0.2.0")
        for name in EMPTY_GROUPS:
            _mark(file.create_group(name), "dict", "0.1.0")


def _mark(node: h5py.HLObject, kind: str, version: str) -> None:
    node.attrs["encoding-type"], node.attrs["encoding-version"] = kind, version


def _frame(group: h5py.Group, table: pd.DataFrame, index: list[str]) -> None:
    import h5py

    _mark(group, "dataframe", "0.2.0")
    group.attrs["_index"] = "_index"
    group.attrs.create("column-order", list(map(str, table.columns)), dtype=h5py.string_dtype())
    _texts(group, "_index", index)
    for name in table.columns:
        if table[name].dtype.kind in "biuf":
            _mark(group.create_dataset(str(name), data=table[name].to_numpy()), "array", "0.2.0")
        else:
            _texts(group, str(name), table[name].fillna("").astype(str).tolist())


def _texts(group: h5py.Group, name: str, texts: list[str]) -> None:
    import h5py

    data = group.create_dataset(name, data=np.array(texts, object), dtype=h5py.string_dtype(), shape=(len(texts),))
    _mark(data, "string-array", "0.2.0")
