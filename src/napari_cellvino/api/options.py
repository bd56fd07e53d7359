"""The options of the front door as keywords, and the pipeline and engines for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

from napari_cellvino.core.array_axes import zyx_sizes
from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.faults import describe_unknown
from napari_cellvino.core.image import KeepDoubles, MetadataOverrides, Spacing
from napari_cellvino.core.recipe import OF_INPUTS, Precision
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.model_package import ModelPackage
from napari_cellvino.segmentation.pipeline import Pipeline, make_pipeline
from napari_cellvino.workflows.recipe_choices import apply_choices, default_recipe

Model = str | Path | ModelPackage
"""A model: its name, its folder, or the package itself."""


class ImageOptions(TypedDict, total=False):
    """Metadata of an image that its file or array does not have.

    Attributes
    ----------
    axes
        One letter of T, C, Z, Y, X (S for red, green, blue) per dimension.
    spacing_um
        Size of a pixel in µm: one number, (y, x) or (z, y, x).
    channels
        Names of the channels.
    """

    axes: str | None
    spacing_um: float | Sequence[float] | None
    channels: Sequence[str] | None


class RunOptions(ImageOptions, total=False):
    """Options of a run. Those not given are as in the pipeline, or at their defaults.

    Attributes
    ----------
    device
        ``AUTO``, ``CPU``, ``GPU``, ``NPU``, … (default: that of the settings, else ``AUTO``).
    precision
        ``auto``, ``fast``, ``exact`` or ``int8`` (default: ``auto``: ``int8`` where the model's card shows that it
        costs no accuracy, else ``fast``).
    channel
        The channel to segment, by name or number from 1; of colours ``grey``, ``haematoxylin`` or ``DAB``, too
        (default: the one that the model is made for, where its name or what it shows tells, else the first or grey).
    z
        ``mip``, ``mean``, ``focus``, ``plane:K`` with K from 1, or ``3d`` (default: ``mip``).
    frame
        The time point, from 1; 0 makes a field of each, in runs over folders.
    diameter_px
        The typical diameter of an object in the image, in px.
    parameters
        Values of the parameters of the models' heads, as ``{"confidence": 0.8}``.
    outline
        A second model, which outlines the cells that a detection model finds.
    whole_cells
        ``expand`` makes whole cells of nuclei by a distance, ``propagate`` grows them over ``cell_channel``
        (default: None, no whole cells).
    cell_channel
        The channel that shows cytoplasm or membrane, by name or number from 1.
    spots
        ``stack`` finds spots too, in every plane of a stack, ``projection`` in the projection (default: None). With an
        empty model no cells are sought.
    spot_channel, spot_partner
        The channel of the spots, and another whose spots are compared with them, by name or number from 1.
    pattern
        Meaning of the names in a folder: ``{well}_s{field}_w{channel}.tif`` of a plate that no reader knows,
        ``{field}_z{z}_ch{channel}.tif`` where channels, planes or times are files.
    acquisition
        Which one, by number or name, of an OME-Zarr plate that was imaged more than once.
    keep_doubles
        ``first`` or ``both`` of files that say they are the same plane of the same field.
    level
        The level of a pyramid that is read, as slide scanners write them; 0 is the full resolution.
    region
        ``Y0:Y1,X0:X1``, the rows and columns of the level that are read (default: all).
    """

    device: str
    precision: str | Precision
    channel: str | int
    z: str
    frame: int
    diameter_px: float | None
    parameters: Mapping[str, float]
    outline: Model
    whole_cells: str | None
    cell_channel: str | int
    spots: str | None
    spot_channel: str | int
    spot_partner: str | int
    pattern: str
    acquisition: str
    keep_doubles: str | KeepDoubles | None
    level: int
    region: str


class PlateOptions(RunOptions, total=False):
    """Options of a run over a plate.

    Attributes
    ----------
    wells, fields
        The wells and fields to run, as ``A01:H12,P24`` and ``1,3:5`` (default: all).
    layout
        A CSV with compounds, doses and controls (default: the one of an earlier run into the same folder).
    ring_px
        Width of the ring round each cell in px.
    labels_back
        Whether label images are written into a plate that is OME-Zarr.
    """

    wells: str
    fields: str
    layout: str | Path | None
    ring_px: int
    labels_back: bool


def check_options(options: Mapping[str, object], known: type[ImageOptions]) -> None:
    """Check that options given as keywords are ones that there are: Python takes any, and the run would go without.

    Raises
    ------
    OptionError
        If there is no option of a name.
    """
    for name in options:
        if name not in known.__annotations__:
            raise OptionError(f"{name}: {describe_unknown(name, known.__annotations__)}")


@contextmanager
def provider_of(engines: EngineProvider | None) -> Iterator[EngineProvider]:
    """Yield the caller's engines, or new ones that are closed at the end."""
    if engines is not None:
        yield engines
        return
    with EngineProvider() as own:
        yield own


def spacing_of(spacing_um: float | Sequence[float] | None) -> Spacing | None:
    """Return a pixel size, None where none is given."""
    return None if spacing_um is None else Spacing(*zyx_sizes(spacing_um))


def overrides_of(options: RunOptions) -> MetadataOverrides:
    """Return what the options say of an image and of the files of a folder."""
    return apply_choices(default_recipe(), _choices(options), {}).overrides


def pipeline_of(model: Model | Pipeline, options: RunOptions, kind: type[RunOptions] = RunOptions) -> Pipeline:
    """Return the pipeline of a model, or a pipeline with other choices; ``kind`` has all that there are.

    Raises
    ------
    ModelPackageError
        If a model is not there or broken.
    OptionError
        If a choice is impossible, or there is none of a name.
    """
    check_options(options, kind)
    models = [model] if not isinstance(model, Pipeline) else []
    models += [options["outline"]] if "outline" in options else []
    packages = [one for one in models if isinstance(one, ModelPackage)]
    if isinstance(model, Pipeline):
        base, known = model.recipe, [*packages, *(step.package for step in model.steps)]
        choices: dict[str, object] = {}
    else:
        base, known = default_recipe(), packages
        choices = {"model": _name(model)}
    recipe = apply_choices(base, choices | _choices(options), options.get("parameters", {}))
    return make_pipeline(recipe, known)


def _choices(options: RunOptions) -> dict[str, object]:
    """Return the options by the names of a recipe."""
    plain = {
        "device", "precision", "z", "frame", "diameter_px", "axes", "channels", "whole_cells", "spots", *OF_INPUTS,
    }  # fmt: skip
    chosen: dict[str, object] = {name: value for name, value in options.items() if name in plain}
    of_channels = ("channel", "cell_channel", "spot_channel", "spot_partner")
    chosen |= {name: str(value) for name, value in options.items() if name in of_channels}
    if options.get("spacing_um") is not None:
        chosen["spacing_um"] = spacing_of(options["spacing_um"])
    if "outline" in options:
        chosen["outline"] = _name(options["outline"])
    return chosen


def _name(model: Model) -> str:
    """Return the model's entry in a recipe: the folder of a package, unless its name finds it."""
    if not isinstance(model, ModelPackage):
        return str(model)
    from napari_cellvino.model_package import list_packages

    found = next((listed for listed in list_packages() if listed.name == model.spec.name), None)
    return model.spec.name if found is not None and found.folder == model.folder else str(model.folder)
