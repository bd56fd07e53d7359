"""Profiles of cells and wells, from saved results to tables that pycytominer and scanpy read."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_cellvino.core.errors import CellvinoError, ImageReadError, ImageValueError, OptionError
from napari_cellvino.core.image import Stack
from napari_cellvino.core.progress import Progress
from napari_cellvino.figures.plot_style import save_png
from napari_cellvino.figures.profile_plot import component_titles, draw_profiles
from napari_cellvino.formats.anndata_file import write_anndata
from napari_cellvino.measure.profile_features import profile_features
from napari_cellvino.model_package import find_package
from napari_cellvino.quality.profiles import WellProfiles, profile_wells
from napari_cellvino.results.cell_columns import FinishedField, saved_fields
from napari_cellvino.results.exported_fields import UnreadableField
from napari_cellvino.results.field_folder import FieldFolder
from napari_cellvino.results.store import ResultStore
from napari_cellvino.storage.atomic import atomic_path
from napari_cellvino.storage.csv_table import write_table
from napari_cellvino.workflows.cell_embeddings import CellEmbeddings
from napari_cellvino.workflows.saved_field import load_saved_field
from napari_cellvino.workflows.sources import OpenSources

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".parquet", ".h5ad")
SOFTWARE = "napari-cellvino profile"


@dataclass(frozen=True, slots=True, eq=False)
class WrittenProfiles:
    """The profiles, the files of wells, cells, neighbours and the picture, and the fields that could not be read."""

    wells: WellProfiles
    cells: pd.DataFrame
    files: tuple[Path, ...]
    unreadable: tuple[UnreadableField, ...]


@dataclass(frozen=True, slots=True, eq=False)
class FoundProfiles:
    """The profiles of wells and of cells, and the fields that could not be read."""

    wells: WellProfiles
    cells: pd.DataFrame
    unreadable: tuple[UnreadableField, ...]


def find_profiles(results: Path, *, network: str = "") -> Generator[Progress, None, FoundProfiles]:
    """Yield progress, and return the profiles of a folder of results in 2D, with outlines.

    Parameters
    ----------
    results
        The folder.
    network
        A model whose inner maps, averaged over each cell, are features too; by default none.

    Raises
    ------
    ImageReadError
        If there are no results, or none can be read.
    OptionError
        If there are fewer than two wells or fields, or they do not differ.
    """
    unreadable: list[UnreadableField] = []
    fields = list(saved_fields(ResultStore.open(results), unreadable))
    embeddings = CellEmbeddings(find_package(network)) if network else None
    cells = yield from _cells(fields, unreadable, embeddings)
    return FoundProfiles(profile_wells(cells), cells, tuple(unreadable))


def write_profiles(results: Path, out: Path, *, network: str = "") -> Generator[Progress, None, WrittenProfiles]:
    """Yield progress, find profiles as `find_profiles`, write them as `write_found`, and return them."""
    _check_suffix(out)
    found = yield from find_profiles(results, network=network)
    return write_found(found, out)


def write_found(found: FoundProfiles, out: Path) -> WrittenProfiles:
    """Write profiles that were found, and return them with their files.

    Parameters
    ----------
    found
        The profiles.
    out
        ``.csv``, ``.parquet`` or ``.h5ad``: the wells, or the fields where there are no wells, normalised. Beside it,
        ``<stem>_cells`` of the same kind has the cells as they are, ``<stem>_nearest.csv`` the nearest content of each,
        ``<stem>_pca.png`` the picture.

    Raises
    ------
    OptionError
        If ``out`` has another suffix, or a package that writes it is not installed.
    OutputError
        If a file cannot be written.
    """
    _check_suffix(out)
    wells = found.wells
    beside = {name: out.with_name(f"{out.stem}_{name}") for name in ("cells", "nearest", "pca")}
    files = (out, beside["cells"].with_suffix(out.suffix), beside["nearest"].with_suffix(".csv"),
             beside["pca"].with_suffix(".png"))  # fmt: skip
    out.parent.mkdir(parents=True, exist_ok=True)
    _write(files[0], wells.table, {"X_pca": wells.components})
    _write(files[1], found.cells, {})
    write_table(files[2], wells.nearest)
    if wells.components.shape[1] >= 2:
        titles = component_titles(wells.explained)
        figure = draw_profiles(wells.components, titles, [well for _, well in wells.names], wells.kinds)
        save_png(figure, files[3], software=SOFTWARE)
    return WrittenProfiles(wells, found.cells, tuple(file for file in files if file.is_file()), found.unreadable)


def _check_suffix(out: Path) -> None:
    if out.suffix not in SUFFIXES:
        raise OptionError(f"profiles are written as {', '.join(SUFFIXES)}, not as {out.name!r}")


def _cells(
    fields: list[FinishedField], unreadable: list[UnreadableField], embeddings: CellEmbeddings | None
) -> Generator[Progress, None, pd.DataFrame]:
    """Return a row per cell that counts, of all fields that can be read."""
    import pandas as pd

    sources, tables = OpenSources(), []
    for number, field in enumerate(fields):
        try:
            tables.append(_cells_of(field, sources, embeddings))
        except CellvinoError as error:
            unreadable.append(UnreadableField(field.folder, error))
        yield Progress("profiles of fields", number + 1, len(fields))
    found = [table for table in tables if len(table)]
    if not found:
        why = f"; the first: {unreadable[0].error}" if unreadable else ""
        raise ImageReadError(f"no field has cells that a profile can be made of{why}")
    cells = pd.concat(found, ignore_index=True)
    return cells[[name for name in cells if str(name).startswith("Metadata_") or cells[name].notna().any()]]


def _cells_of(field: FinishedField, sources: OpenSources, embeddings: CellEmbeddings | None) -> pd.DataFrame:
    import pandas as pd

    origin = FieldFolder(field.folder).result.origin
    if origin is None:
        raise ImageReadError(f"{field.folder} does not tell which image it is of; run it again")
    recipe = FieldFolder(field.folder).annotation().provenance.recipe
    stack: Stack = sources.field(origin, recipe.overrides)
    saved = load_saved_field(field.folder, stack, origin.frame or recipe.frame or 1)
    if saved is None or saved.annotation.labels is None or saved.volume is not None:
        raise ImageValueError(f"{field.folder} has no outlines in one plane, which profiles are made of")
    annotation = saved.annotation
    ids, found = profile_features(annotation.pixels, saved.plane.pixels, saved.plane.channels)
    if embeddings is not None:
        found |= embeddings.of(annotation.pixels, ids, saved.plane)
    told = {name: field.row.get(name, "") for name in ("plate", "well", "compound", "dose", "control")}
    records = [annotation.records[id_] for id_ in ids.tolist()]
    metadata = {
        "Metadata_Plate": told["plate"],
        "Metadata_Well": told["well"],
        "Metadata_Field": field.folder.name,
        "Metadata_Compound": told["compound"],
        "Metadata_Dose": float(told["dose"]) if told["dose"] else np.nan,
        "Metadata_Control": told["control"],
        "Metadata_Cell": ids,
        "Metadata_Class": [annotation.classes[record.class_index] for record in records],
    }
    counted = np.array([record.counted for record in records], bool)
    return pd.DataFrame(metadata | found)[counted]


def _write(path: Path, table: pd.DataFrame, obsm: dict[str, np.ndarray]) -> None:
    if path.suffix == ".csv":
        write_table(path, table)
    elif path.suffix == ".h5ad":
        told = [name for name in table if str(name).startswith("Metadata_")]
        write_anndata(path, table[told], table.drop(columns=told), obsm)
    else:
        _write_parquet(path, table)


def _write_parquet(path: Path, table: pd.DataFrame) -> None:
    try:
        import pyarrow  # noqa: F401  (says at once whether Parquet can be written)
    except ImportError as error:
        raise OptionError(
            "Parquet needs pyarrow: pip install 'napari-cellvino[profiles]', or write .csv or .h5ad"
        ) from error
    with atomic_path(path) as part:
        table.to_parquet(part, index=False)
