"""The current field: what is chosen anywhere is what the viewer shows, and the other way round.

An image that is chosen comes to the front; napari's time slider and the time point of the recipe are the same choice,
and so are its z slider and the one plane that a model sees. A projection is shown as a layer of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import napari
from qtpy.QtCore import QObject

from napari_cellvino.core.image import Plane, ZChoice, ZMode
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.gui.napari_bridge import FieldLayers, Picture, seen_in
from napari_cellvino.gui.open.open_controller import OpenController
from napari_cellvino.workflows.workspace import Workspace


class CurrentFieldController(QObject):
    """Keeps the viewer and the workspace at the same image, time point and plane."""

    def __init__(self, viewer: napari.Viewer, workspace: Workspace, opener: OpenController) -> None:
        super().__init__()
        self._viewer, self._workspace, self._opener = viewer, workspace, opener
        self._layers = FieldLayers(viewer)
        self._picture: Picture | None = None  # that is in front
        self._plane: Plane | None = None  # that the outcome shown was found in
        self._moving = False  # while we move the sliders ourselves
        opener.changed.connect(self._on_picture)
        opener.chosen.connect(self._on_chosen)
        workspace.recipe_changed.connect(self._on_recipe)
        workspace.package_changed.connect(self._on_slider)
        workspace.outcome_changed.connect(self._on_result)
        workspace.saved_changed.connect(self._on_result)
        viewer.dims.events.point.connect(self._on_slider)

    def close(self) -> None:
        """Let go of the viewer."""
        self._workspace.recipe_changed.disconnect(self._on_recipe)
        self._workspace.package_changed.disconnect(self._on_slider)
        self._workspace.outcome_changed.disconnect(self._on_result)
        self._workspace.saved_changed.disconnect(self._on_result)
        self._viewer.dims.events.point.disconnect(self._on_slider)
        self._layers.close()
        self._picture = self._plane = None

    def _on_picture(self) -> None:
        """Bring the picture that was chosen to the front, at the time point and plane of the recipe.

        Where it cannot be read, nothing is seen.
        """
        picture = self._opener.picture
        if self._opener.field_failed:
            self._layers.hide(self._opener.pictures.listed())
        if picture is None or picture is self._picture:
            self._picture = picture
            return
        other = self._picture is None or picture.layers != self._picture.layers
        self._picture = picture
        self._layers.bring(picture, self._opener.pictures.listed())
        if other and len(self._opener.pictures.listed()) > 1:
            self._layers.fit(picture)
        self._on_recipe(self._workspace.recipe)

    def _on_chosen(self) -> None:
        """Bring the picture to the front that is worked on, where another one covers it by now."""
        if self._picture is not None:
            self._layers.bring(self._picture, self._opener.pictures.listed())

    def _on_slider(self, _: object = None) -> None:
        """Work on the time point, and the one plane, that the user went to."""
        picture, workspace = self._picture, self._workspace
        if self._moving or picture is None or workspace.stack is None or workspace.package is None:
            return
        frame, z = self._layers.number(picture, "T"), self._layers.number(picture, "Z")
        if frame is not None and frame <= workspace.stack.shape.t:
            workspace.choose(frame=frame)
        if z is not None and workspace.recipe.z_choice.way is ZMode.PLANE and z <= workspace.stack.shape.z:
            workspace.choose(z=str(ZChoice(ZMode.PLANE, z)))

    def _on_recipe(self, recipe: Recipe) -> None:
        """Show the time point, and the one plane, that the recipe is for."""
        if self._picture is None or self._workspace.stack is None:
            return
        with self._sliders_moved():
            self._layers.go_to(self._picture, "T", recipe.frame)
            if recipe.z_choice.plane is not None:
                self._layers.go_to(self._picture, "Z", recipe.z_choice.plane)

    def _on_result(self, _: object) -> None:
        """Show the pixels in which cells were found: a projection, or their own plane."""
        picture, shown, stack = self._opener.picture, self._workspace.shown, self._workspace.stack
        plane = None if shown is None else shown.plane
        if plane is self._plane:
            return
        self._plane = plane
        if shown is None or plane is None or picture is None or stack is None or stack.shape.z == 1:
            self._layers.remove_projection(picture)
            return
        choice = shown.recipe.z_choice
        if choice.way in (ZMode.MIP, ZMode.MEAN):
            self._layers.show_projection(plane, choice.way, picture)
            return
        self._layers.remove_projection(picture)
        number = seen_in(plane, choice)
        if number is not None:
            with self._sliders_moved():
                self._layers.go_to(picture, "Z", number + 1)

    @contextmanager
    def _sliders_moved(self) -> Iterator[None]:
        self._moving = True
        try:
            yield
        finally:
            self._moving = False
