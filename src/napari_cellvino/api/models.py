"""Models by name, and pipelines from recipes."""

from __future__ import annotations

from pathlib import Path

from napari_cellvino.core.recipe import load_recipe
from napari_cellvino.model_package import ModelPackage, find_package, list_packages
from napari_cellvino.model_package.registry import ListedPackage
from napari_cellvino.segmentation.pipeline import Pipeline, make_pipeline


def list_models() -> tuple[ListedPackage, ...]:
    """Return all models that are installed, those that cannot be used with their problem.

    Examples
    --------
    >>> from napari_cellvino import list_models
    >>> "nuclei" in [model.name for model in list_models()]
    True
    """
    return list_packages()


def load_model(name_or_path: str | Path) -> ModelPackage:
    """Return a model by its name, or by its folder, after checking all its files.

    Raises
    ------
    ModelPackageError
        If there is none, or it is broken.

    Examples
    --------
    >>> from napari_cellvino import load_model
    >>> model = load_model("nuclei")
    >>> model.spec.describe_task(), model.spec.classes
    ('outlines cells', ('nucleus',))
    """
    return find_package(str(name_or_path))


def load_pipeline(recipe: str | Path) -> Pipeline:
    """Return the pipeline of a recipe, as the window and every run save it.

    Parameters
    ----------
    recipe
        A ``recipe.yaml``.

    Raises
    ------
    OptionError
        If the file cannot be read or holds an impossible choice.
    ModelPackageError
        If a model is not there, broken, or not the one that the recipe was made with.

    Examples
    --------
    >>> from napari_cellvino import load_pipeline, segment
    >>> image = "sample_data/nuclei_stack.ome.tif"
    >>> _ = segment(image, z="plane:8").save("results")
    >>> load_pipeline("results/recipe.yaml").recipe.z
    'plane:8'
    """
    return make_pipeline(load_recipe(Path(recipe)))
