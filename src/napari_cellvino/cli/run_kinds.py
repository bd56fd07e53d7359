"""The pipelines of a run: that of plates, of films and of images, where ``--recipe KIND=FILE`` gives one its own."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from napari_cellvino.cli.recipe_options import recipe_from
from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.plate import choose_fields
from napari_cellvino.io.plates import PlateSource
from napari_cellvino.segmentation.pipeline import Pipeline, make_pipeline
from napari_cellvino.service.rules import InputKind
from napari_cellvino.service.watch_events import PlannedInput
from napari_cellvino.workflows.held_choices import check_some_hold, plate_stacks
from napari_cellvino.workflows.run_inputs import RunInputs, plan_inputs
from napari_cellvino.workflows.worker_count import bytes_of_worker


@dataclass(frozen=True, slots=True)
class KindPipelines:
    """The pipeline of inputs of each kind; ``others`` have that of the options."""

    others: Pipeline
    own: Mapping[InputKind, Pipeline]

    @classmethod
    def of_options(cls, options: argparse.Namespace) -> KindPipelines:
        """Return what was typed: each recipe file with the other choices made over it.

        Raises
        ------
        OptionError, ModelPackageError
            If a recipe cannot be read, or asks for what is not possible.
        """
        own = {InputKind(kind): make_pipeline(recipe_from(options, file)) for kind, file in options.recipes.items()}
        return cls(make_pipeline(recipe_from(options)), own)

    def of(self, kind: InputKind) -> Pipeline:
        """Return the pipeline of a kind."""
        return self.own.get(kind, self.others)

    def used(self, inputs: RunInputs) -> list[Pipeline]:
        """Return the pipelines that inputs need, that which takes most memory first."""
        there = {InputKind.PLATE: inputs.plates, InputKind.FILM: inputs.films, InputKind.IMAGES: inputs.has_images}
        used = {id(pipeline): pipeline for kind in there if there[kind] for pipeline in [self.of(kind)]}
        return sorted(used.values(), key=bytes_of_worker, reverse=True)

    def inputs(self, options: argparse.Namespace) -> RunInputs:
        """Return what the inputs of a command are.

        Raises
        ------
        OptionError
            If a kind has a recipe, and no input is one.
        """
        films, plates = self.own.get(InputKind.FILM), self.of(InputKind.PLATE).recipe

        def check(source: PlateSource) -> None:
            fields = choose_fields(source.plate, options.wells, options.fields)
            check_some_hold(plate_stacks(source, fields), plates, source.plate.name)

        found = plan_inputs(
            options.inputs, options.out, self.of(InputKind.IMAGES).recipe.overrides, options.plate,
            of_plates=plates.overrides, of_films=films.recipe.overrides if films else None, check=check,
        )  # fmt: skip
        there = {
            InputKind.PLATE: found.plates or found.unread,
            InputKind.FILM: found.films,
            InputKind.IMAGES: found.images,
        }
        for kind in self.own:
            if not there[kind]:
                raise OptionError(f"--recipe {kind.value}={options.recipes[kind.value]}: no input is of that kind")
        return found


def planned(inputs: RunInputs, pipelines: KindPipelines, options: argparse.Namespace) -> Iterator[PlannedInput]:
    """Yield what every input would get, and why."""
    given = [(plate.source.path, InputKind.PLATE, plate.root) for plate in inputs.plates]
    given += [(path, InputKind.FILM, inputs.films_root) for path in inputs.films]
    given += [(path, InputKind.IMAGES, inputs.images_root) for path in inputs.images]
    for path, kind, root in given:
        recipe, file = pipelines.of(kind).recipe, options.recipes.get(kind.value, options.recipe)
        said = f"{kind.value}={file}" if kind in pipelines.own else str(file or options.pipeline or "the options")
        yield PlannedInput(
            str(path), kind is InputKind.PLATE, said, "", recipe.model, recipe.channel, str(root.absolute())
        )
    for plate in inputs.unread:
        yield PlannedInput(str(plate.path), plate=True, why=plate.error)
