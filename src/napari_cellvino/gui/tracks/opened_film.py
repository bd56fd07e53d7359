"""A tracked film that is open in the window, and which film tracks on disk are of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from napari_cellvino.annotation import Annotation, EditSession
from napari_cellvino.core.errors import ImageReadError, OptionError
from napari_cellvino.core.image import Spacing, Stack
from napari_cellvino.core.link_options import LinkOptions
from napari_cellvino.gui.napari_bridge import LayerRecipe
from napari_cellvino.tracking.film_annotation import FilmCells
from napari_cellvino.tracking.measures import FilmScale
from napari_cellvino.workflows.film import Film, film_of_stack, open_film
from napari_cellvino.workflows.track_film import OpenedTracks, TrackRequest


@dataclass(frozen=True, slots=True, eq=False)
class OpenedFilm:
    """A tracked film that is shown, and where it is saved."""

    film: Film
    annotation: Annotation
    cells: FilmCells
    request: TrackRequest
    folder: Path
    images: tuple[LayerRecipe, ...]
    session: EditSession | None
    notices: tuple[str, ...]

    @property
    def scale(self) -> FilmScale:
        """Units of time and length."""
        return FilmScale(self.film.spacing, self.request.interval_s or self.film.first.interval_s, self.film.times)


def film_of_tracks(folder: Path, held: OpenedTracks, stack: Stack | None) -> tuple[Film, tuple[str, ...]]:
    """Return the film that tracks are of, and what is to be said of it: the open one where it is that, else its file.

    A film that is not where it was may be open under another name, if it has as many frames.
    """
    there = held.film is not None and held.film.exists()
    is_open = stack is not None and stack.shape.t == held.annotation.shape[0]
    if stack is not None and is_open and (held.film is None or Path(stack.origin.path).name == held.film.name):
        return film_of_stack(stack), ()
    if held.film is not None and there:
        return open_film(held.film, held.request.recipe.overrides), ()
    if stack is not None and is_open:
        return film_of_stack(stack), (
            f"{stack.origin.name} is open and taken for the film, which is not at {held.film}",
        )
    raise ImageReadError(
        f"the film of {folder.name} is not at {held.film or 'any known place'}; open it in tab 1 first"
    )


def rescaled(film: Film, spacing: Spacing | None) -> Film:
    """Return a film with the size of pixels that its tracks were measured with; that of an open image stays."""
    if spacing is None or film.first.overrides.spacing is not None:
        return film
    return replace(film, first=film.first.with_spacing(spacing))


def linked_with(opened: OpenedFilm, options: LinkOptions) -> OpenedFilm:
    """Return a film whose recipe, which is saved with its tracks, has other options of linking."""
    recipe = opened.request.recipe.model_copy(update={"linking": options})
    return replace(opened, request=replace(opened.request, recipe=recipe))


def check_flat(film: Film, stack: Stack | None) -> None:
    """Raise OptionError where a film of z-stacks is open with its planes, which its tracks are not in."""
    if film.first is stack and film.first.shape.z > 1:
        raise OptionError(
            f"{film.name} is open as z-stacks, and tracks are of its projection; remove its layers, "
            "then choose its folder"
        )
