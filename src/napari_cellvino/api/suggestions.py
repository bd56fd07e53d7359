"""Which model to take for an image."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Unpack

from napari_cellvino.api.images import ImageLike, as_stack, open_image, refuse
from napari_cellvino.api.options import ImageOptions, Model, check_options, spacing_of
from napari_cellvino.core.image import MetadataOverrides, Stack
from napari_cellvino.core.progress import Progress, finish
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.model_package import ModelPackage, find_package
from napari_cellvino.workflows import suggest_models as workflow
from napari_cellvino.workflows.first_sight import FirstSight


def suggest_models(
    image: ImageLike,
    *,
    models: Iterable[Model] | None = None,
    position: str = "",
    frame: int = 1,
    device: str = "AUTO",
    engines: EngineProvider | None = None,
    progress: Callable[[Progress], object] = lambda news: None,
    **options: Unpack[ImageOptions],
) -> FirstSight:
    """Return what every model that can run on an image finds in a crop of it, the best first.

    Parameters
    ----------
    image
        A path, a `Stack`, or an array of 2 to 5 dimensions.
    models
        Models to try (default: all that are installed and find cells).
    position
        The name of the field of view, for files that hold several.
    frame
        The time point, from 1.
    device
        ``AUTO``, ``CPU``, ``GPU``, …
    engines
        Keeps networks compiled from one image to the next.
    progress
        Called with news of the work.
    **options
        What is said of the image where it does not say so itself: `ImageOptions`.

    Raises
    ------
    ImageReadError, ImageValueError
        If the image cannot be read or used as it is.
    ModelPackageError, DeviceError
        If a model that was named or the device is not there.

    Examples
    --------
    >>> from napari_cellvino import segment, suggest_models
    >>> sight = suggest_models("sample_data/nuclei_stack.ome.tif", models=["nuclei", "nuclei-stained"])
    >>> sight.best.model
    'nuclei'
    >>> found = segment("sample_data/nuclei_stack.ome.tif", **sight.best.choices)
    """
    packages = None if models is None else [_package(model) for model in models]
    stack = _stack(image, position, options)
    with EngineProvider() if engines is None else nullcontext(engines) as provider:
        looking = workflow.suggest_models(stack, provider, device=device, frame=frame, packages=packages)
        return finish(looking, progress)


def _stack(image: ImageLike, position: str, options: ImageOptions) -> Stack:
    check_options(options, ImageOptions)
    if not isinstance(image, (str, Path)):
        refuse({"position": position}, "an image that is no file")
        return as_stack(image, options)
    channels = options.get("channels")
    said = MetadataOverrides(
        options.get("axes"), spacing_of(options.get("spacing_um")), None if channels is None else tuple(channels)
    )
    return open_image(Path(image), said, position=position)


def _package(model: Model) -> ModelPackage:
    return model if isinstance(model, ModelPackage) else find_package(str(model))
