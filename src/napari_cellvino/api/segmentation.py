"""One image, one call: `segment`, and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation import Annotation, EditSession
from napari_cellvino.api.images import ImageLike, as_stack, open_image, refuse
from napari_cellvino.api.options import Model, RunOptions, pipeline_of, provider_of
from napari_cellvino.core.errors import OptionError, ReplaceError
from napari_cellvino.core.image import Stack
from napari_cellvino.core.progress import Progress, finish
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.results.field_folder import FieldFolder
from napari_cellvino.results.field_result import FieldResult, finish_field
from napari_cellvino.results.spot_table import spot_frame
from napari_cellvino.segmentation.channel_choice import choose_unless_named
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.segmentation.predict import Prediction
from napari_cellvino.segmentation.predict_field import decode_again, notices_of, predict_field, remarks_of
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.segmentation.volume import cell_map
from napari_cellvino.workflows.save_field import SaveRequest

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Segmentation:
    """What was found in an image. Measuring waits until a table, counts or a file is asked for.

    Attributes
    ----------
    image
        The image (T, C, Z, Y, X).
    pipeline
        What it was found with; `segment` takes it for the next image.
    prediction
        What the network said, and what was decoded of it.
    remarks
        What was chosen for you and is sure, as sentences.
    """

    image: Stack
    pipeline: Pipeline
    prediction: Prediction
    remarks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.count:,} objects, {self.pipeline.label or 'no model'}>"

    @property
    def labels(self) -> NDArray[np.int32] | None:
        """Label image int32 (Y, X), of ``z="3d"`` (Z, Y, X), 0 is background; None where a model finds boxes.

        It is read-only: copy it to change it.
        """
        labels = self.prediction.decoded.labels
        if labels is None:
            return None
        view: NDArray[np.int32] = np.asarray(labels, np.int32).view()
        view.flags.writeable = False
        return view

    @property
    def cells(self) -> NDArray[np.int32] | None:
        """Label image of whole cells with the ids of their nuclei in ``labels``; None where they were not asked for.

        Examples
        --------
        >>> from napari_cellvino import segment
        >>> found = segment("sample_data/nuclei_stack.ome.tif", whole_cells="expand", parameters={"cell_reach": 8})
        >>> bool((found.cells[found.labels > 0] == found.labels[found.labels > 0]).all())
        True
        """
        return self.result.cells

    @cached_property
    def result(self) -> FieldResult:
        """The annotation with everything measured, as it is saved."""
        return finish_field(self.prediction, self.pipeline)

    @property
    def table(self) -> pd.DataFrame:
        """One row per object, with the columns of ``objects.csv``."""
        return self.result.table.copy()

    @property
    def counts(self) -> Mapping[str, float | int]:
        """Number of objects, density and means, with the names of ``counts.csv``."""
        return dict(self.result.counts)

    @property
    def count(self) -> int:
        """Number of objects."""
        return len(self.prediction.decoded.objects)

    @property
    def spots(self) -> pd.DataFrame | None:
        """One row per spot, with the columns of ``spots.csv``; None where they were not asked for.

        Examples
        --------
        >>> from napari_cellvino import segment
        >>> found = segment("sample_data/nuclei_stack.ome.tif", "", spots="projection")
        >>> list(found.spots)
        ['z', 'y', 'x', 'intensity', 'score', 'cell']
        """
        return None if self.result.spots is None else spot_frame(self.result.spots)

    @property
    def maps(self) -> dict[str, NDArray[np.float16]]:
        """What the network said, by the names of the model's maps: float16 (Y, X), at the size that it saw.

        Of ``z="3d"`` there are none: every plane has its own, in ``prediction.raw``.
        """
        raw = self.prediction.raw
        return {} if not isinstance(raw, RawMaps) else dict(zip(self.pipeline.package.spec.maps, raw.maps, strict=True))

    @property
    def foreground_probability(self) -> NDArray[np.float16] | None:
        """How likely each pixel (Y, X) is one of a cell, 0 to 1; None where the network does not say."""
        return cell_map(self.prediction.raw, self.pipeline.package.spec.maps)

    @property
    def notices(self) -> tuple[str, ...]:
        """What you should know of it, as sentences."""
        return (*notices_of(self.prediction), *self.remarks, *remarks_of(self.prediction))

    def edit(self, *, author: str = "") -> EditSession:
        """Return a session that corrects a copy of what was found; `save` takes it.

        Examples
        --------
        >>> from napari_cellvino import segment
        >>> from napari_cellvino.annotation.tools.delete import delete
        >>> found = segment("sample_data/nuclei_stack.ome.tif")
        >>> session = found.edit(author="me")
        >>> _ = session.commit(delete(session.annotation, [1]))
        >>> found.count - len(session.annotation.records)
        1
        """
        return EditSession(self._annotation(), author=author)

    def _annotation(self) -> Annotation:
        annotation = self.result.annotation
        return annotation.copy_with_labels(None if annotation.labels is None else annotation.labels.copy())

    def with_parameters(self, values: Mapping[str, float]) -> Segmentation:
        """Return the same maps decoded with other values; no network runs but on cells not outlined before.

        Raises
        ------
        OptionError
            If a name is unknown or a value out of range.

        Examples
        --------
        >>> from napari_cellvino import segment
        >>> found = segment("sample_data/nuclei_stack.ome.tif")
        >>> found.with_parameters({"confidence": 0.9}).count < found.count
        True
        """
        pipeline = self.pipeline.with_values(values)
        with EngineProvider() as engines:
            prediction = finish(decode_again(self.prediction, pipeline, engines, self.image))
        return replace(self, pipeline=pipeline, prediction=prediction)

    def save(self, folder: str | Path, corrected: EditSession | None = None, *, overwrite: bool = False) -> Path:
        """Write labels, table, picture and annotation under ``folder``, and return where; tables there are updated.

        Parameters
        ----------
        folder
            A folder of results, there or not; each image has its own folder in it.
        corrected
            The session in which it was corrected, of `edit`.
        overwrite
            Whether a result made from something else is replaced.

        Raises
        ------
        ReplaceError
            If a result of another image or of other choices stands there and ``overwrite`` is off.
        OutputError
            If it cannot be written.
        """
        request = SaveRequest(Path(folder), self.prediction, self.pipeline)
        if not overwrite:
            self._check_same_pixels(request.folder)
        return request.save(None if corrected is None else corrected.snapshot(), overwrite=overwrite)

    def _check_same_pixels(self, folder: Path) -> None:
        """Raise ReplaceError if there is a result of another array of the same name: files tell by themselves."""
        if Path(self.image.origin.path).is_file() or not FieldFolder(folder).is_result:
            return
        if FieldFolder(folder).annotation().provenance.pixels_sha256 != self.result.annotation.provenance.pixels_sha256:
            raise ReplaceError(
                f"{folder} holds the result of another image called {self.image.origin.name!r}",
                remedy="give each array its own name=, or replace it (overwrite=True)",
            )


def segment(
    image: ImageLike,
    model: Model | Pipeline = "nuclei",
    *,
    position: str = "",
    name: str = "",
    engines: EngineProvider | None = None,
    progress: Callable[[Progress], object] = lambda event: None,
    **options: Unpack[RunOptions],
) -> Segmentation:
    """Return the cells that a model finds in an image.

    Parameters
    ----------
    image
        A path, a `Stack`, or an array of 2 to 5 dimensions (numpy, dask, zarr, xarray).
    model
        Name or folder of a model, a model of `load_model`, or a pipeline of `load_pipeline` or another segmentation,
        whose settings apply where no option is given.
    position
        Name of the field of view, for files with several.
    name
        Name of the results of an array (default: ``image``).
    engines
        Keeps networks compiled from one image to the next; the caller closes it.
    progress
        Called with each event of progress.
    **options
        All options of a run: `RunOptions`.

    Raises
    ------
    ImageReadError, ImageValueError
        If the image cannot be read or used as it is.
    ModelPackageError, DeviceError
        If the model or the device is not there.
    OptionError
        If an option is impossible.

    Examples
    --------
    >>> from napari_cellvino import read_image, segment
    >>> image = read_image("sample_data/nuclei_stack.ome.tif")
    >>> found = segment(image, "nuclei", z="mip")
    >>> found.labels.shape, found.count == len(found.table)
    ((448, 512), True)
    >>> segment(image.plane(z=8), spacing_um=0.325).table["area_um2"].gt(0).all()  # an array has no pixel size
    np.True_
    """
    if options.get("frame") == 0:
        raise OptionError("frame=0 (every time point) is for runs over folders; name one time point, from 1")
    pipeline = pipeline_of(model, options)
    if isinstance(image, (str, Path)):
        refuse({"name": name}, "a file, which has a name")
        stack = open_image(Path(image), pipeline.recipe.overrides, position=position)
    else:
        refuse({"position": position}, "an image that is no file")
        stack = as_stack(image, options, name=name)
        pipeline = pipeline.with_overrides(stack.overrides)
    return _run(stack, pipeline, engines, progress)


def _run(
    stack: Stack, pipeline: Pipeline, engines: EngineProvider | None, progress: Callable[[Progress], object]
) -> Segmentation:
    """Return what is found in the channel that the model is made for, where nobody named one, as a run takes it."""
    choice = choose_unless_named(stack, pipeline.recipe, None if pipeline.find is None else pipeline.package.spec)
    if choice.channel:
        pipeline = pipeline.with_choices(channel=choice.channel)
    with provider_of(engines) as provider:
        found = finish(predict_field(stack, pipeline, provider), progress)
    said = f"{choice.said}; channel= takes another" if choice.said else ""
    if choice.guess:
        found = replace(found, warnings=(*found.warnings, said))
    return Segmentation(stack, pipeline, found, remarks=(said,) if said and not choice.guess else ())
