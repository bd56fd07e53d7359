"""What is seen of the frames of a film as they pass: what is odd of them, and what their cells look like."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError, ModelPackageError, OptionError
from napari_cellvino.core.image import Plane
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.engines.remote.address import is_address
from napari_cellvino.model_package import find_package
from napari_cellvino.segmentation.prepare import project
from napari_cellvino.storage.frame_arrays import FrameArrays
from napari_cellvino.tracking.frame_cells import FrameCells, frame_cells
from napari_cellvino.tracking.looks import Floats, Looks
from napari_cellvino.tracking.measures import DAMAGED, mean_intensities
from napari_cellvino.tracking.placed_looks import PlacedLooks
from napari_cellvino.workflows.cell_embeddings import CellEmbeddings
from napari_cellvino.workflows.film import Film
from napari_cellvino.workflows.lost_frames import unless_damaged

_Values = TypeVar("_Values", bound=tuple[Any, ...])


class WatchedFrames:
    """What is noted of frames as they pass, by their order.

    Parameters
    ----------
    folder
        Where intensities are put aside, in a file of their own; None holds them in memory.
    over_gaps
        Whether a damaged picture is noted as such; one that is being written is not, and raises.
    """

    def __init__(self, folder: Path | None = None, *, over_gaps: bool = False) -> None:
        self._over_gaps = over_gaps
        self.pictures: list[tuple[tuple[int, ...], bool, bytes]] = []
        self.outlined: list[tuple[int, ...]] = []
        self._intensities = FrameArrays(None if folder is None else folder / "intensities")
        self._names: list[tuple[str, ...]] = []  # of the rows of those
        self._seen: dict[tuple[Any, ...], Any] = {}  # sizes and names, each of which is held once

    def move_last(self, to: int) -> None:
        """Move what was noted last to another place, as its frame came late."""
        self.pictures.insert(to, self.pictures.pop())
        self.outlined.insert(to, self.outlined.pop())
        self._names.insert(to, self._names.pop())
        self._intensities.move_last(to)

    def intensities(self) -> list[dict[str, NDArray[np.float64]]]:
        """Return the intensities of the cells of each frame by the names of columns."""
        return [dict(zip(names, self._intensities[n], strict=True)) for n, names in enumerate(self._names)]

    def note(
        self, film: Film, number: int, image: NDArray[np.integer], known: NDArray[np.int64]
    ) -> dict[str, NDArray[np.float64]]:
        """Note what a frame looks like, and return the intensities of its cells, whose labels are ``known`` (N,)."""
        see = partial(_seen, film, number, image, known)
        seen = unless_damaged(see) if self._over_gaps else see()
        if isinstance(seen, ImageReadError):
            seen = _Seen((image.shape[-2:], not len(known), DAMAGED), {})
        self.outlined.append(self._once(image.shape[-2:]))
        shape, blank, digest = seen.picture
        self.pictures.append((self._once(shape), blank, digest))
        self._names.append(self._once(tuple(seen.means)))
        self._intensities.append(np.stack(list(seen.means.values())) if seen.means else np.zeros((0, len(known))))
        return seen.means

    def _once(self, value: _Values) -> _Values:
        found: _Values = self._seen.setdefault(value, value)
        return found


class _Seen(NamedTuple):
    """What a frame looks like: its size, whether it has one value only, a digest; and means of its cells by name."""

    picture: tuple[tuple[int, ...], bool, bytes]
    means: dict[str, NDArray[np.float64]]


def _seen(film: Film, number: int, image: NDArray[np.integer], known: NDArray[np.int64]) -> _Seen:
    """Return what a frame looks like, and the intensities of its cells."""
    stack, frame = film.frame(number)
    digest, blank, means = hashlib.blake2b(digest_size=16), True, {}
    for channel, name in enumerate(stack.channels):
        plane = stack.plane(t=frame - 1, c=channel, z=0)
        if stack.shape.z > 1:
            plane = np.max([stack.plane(t=frame - 1, c=channel, z=z) for z in range(stack.shape.z)], axis=0)
        digest.update(np.ascontiguousarray(plane).tobytes())
        blank = blank and bool(plane.min() == plane.max())
        if plane.shape == image.shape:
            means[f"mean_{name}"] = mean_intensities(image, known, plane)
        elif image.shape == stack.shape[2:]:
            volume = np.stack([stack.plane(t=frame - 1, c=channel, z=z) for z in range(stack.shape.z)])
            means[f"mean_{name}"] = mean_intensities(image, known, volume)
    return _Seen(((stack.shape.y, stack.shape.x), blank, digest.digest()), means)


class CellLooks:
    """Measures what cells look like, as far as it counts in the linking of a recipe.

    Raises
    ------
    OptionError
        If features count, and the model of the recipe has none.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._network: CellEmbeddings | None = None
        self._unlike = 0  # frames whose labels are of another size than what the model sees
        if recipe.linking.features:
            if not recipe.model or recipe.z_choice.joined:
                raise OptionError(
                    "features are what a model sees in flat cells; name a model, or leave their cost at 0"
                )
            device = "AUTO" if is_address(recipe.device) else recipe.device
            self._network = CellEmbeddings(find_package(recipe.model), device=device)

    @property
    def notices(self) -> tuple[str, ...]:
        """What you should know, as sentences: in which frames features did not count."""
        if not self._unlike:
            return ()
        frames = "1 frame" if self._unlike == 1 else f"{self._unlike:,} frames"
        return (
            f"features did not count in {frames}: the label images have another size than the flat picture that the "
            "model sees",
        )

    def noted(
        self,
        film: Film,
        number: int,
        image: NDArray[np.integer],
        watched: WatchedFrames,
        known: PlacedLooks | None = None,
    ) -> FrameCells:
        """Note a frame, and return its cells with what they look like; ``known`` was measured of them before."""
        cells = frame_cells(image)
        means, features = watched.note(film, number, image, cells.labels), None
        if self._network is not None:
            features = known.of(cells).features if known is not None else None
            features = self._features(film, number, image, cells) if features is None else features
        return replace(cells, looks=Looks(means.get(f"mean_{film.first.channels[0]}"), features))

    def _plane(self, film: Film, number: int) -> Plane:
        """Return the flat picture of a frame that the model sees."""
        stack, frame = film.frame(number)
        recipe = self._recipe
        return finish(project(stack, channel=recipe.channel, z=recipe.z_choice, frame=frame))

    def _features(self, film: Film, number: int, image: NDArray[np.integer], cells: FrameCells) -> Floats | None:
        """Return what the network sees in the cells (N, F), None where labels are of another size than the picture."""
        if self._network is None or not len(cells):
            return None
        plane = unless_damaged(partial(self._plane, film, number))
        if isinstance(plane, ImageReadError):  # told where it is looked at
            return None
        if image.shape != plane.shape:
            self._unlike += 1
            return None
        try:
            found = self._network.of(image, cells.labels, plane)
        except ModelPackageError as error:
            model = self._recipe.model
            raise OptionError(f"model {model} has no features that cells are linked by: {error}") from error
        return np.stack(list(found.values()), axis=1)


class FramesAside:
    """Label images of frames, and what their cells look like, in files beside; by any number."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, number: int, image: NDArray[np.integer], cells: FrameCells) -> None:
        """Put a frame aside."""
        looks = cells.looks or Looks()
        held: dict[str, Any] = {
            "labels": image.astype(np.min_scalar_type(int(image.max(initial=0)))),
            "places": cells.centroids,
        }
        if looks.intensities is not None:
            held["intensities"] = looks.intensities
        if looks.features is not None:
            held["features"] = looks.features.astype(np.float16)
        np.savez_compressed(self._folder / f"{number}.npz", **held)

    def labels(self, number: int) -> NDArray[np.integer]:
        """Return the label image of a frame."""
        with np.load(self._folder / f"{number}.npz") as held:
            labels: NDArray[np.integer] = held["labels"]
        return labels

    def looks(self, number: int) -> PlacedLooks:
        """Return what its cells look like."""
        with np.load(self._folder / f"{number}.npz") as held:
            intensities, features = (
                held[kind].astype(np.float64) if kind in held else None for kind in ("intensities", "features")
            )
            return PlacedLooks(held["places"], Looks(intensities, features))
