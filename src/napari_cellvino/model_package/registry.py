"""Where model packages are looked for: shipped, the user's own folder, then folders named in the settings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from napari_cellvino.core.errors import ModelPackageError
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.core.settings import load_settings, user_model_folder
from napari_cellvino.model_package.package import ModelPackage, open_package
from napari_cellvino.model_package.spec import SPEC_NAME, ModelSpec, read_spec


@dataclass(frozen=True, slots=True)
class ListedPackage:
    """A package in a list, not verified yet. ``problem`` is why it cannot be used, or empty."""

    folder: Path
    spec: ModelSpec | None
    problem: str = ""

    @property
    def name(self) -> str:
        """Return the name to choose it by."""
        return self.spec.name if self.spec else self.folder.name


def model_folders() -> tuple[Path, ...]:
    """Return the folders searched, in order; where two packages have one name, the first found is meant."""
    return (shipped_folder("models"), user_model_folder(), *load_settings().model_folders)


def list_packages() -> tuple[ListedPackage, ...]:
    """Return all packages found, broken ones with their problem."""
    return tuple(package for folder in model_folders() for package in _packages_in(folder))


def find_package(name: str) -> ModelPackage:
    """Return the verified package called ``name``, or in the folder ``name``.

    It is looked for in the folder of its name first: no other description is read then.

    Raises
    ------
    ModelPackageError
        If there is none, or it is broken.
    """
    if os.path.isfile(Path(name) / SPEC_NAME):
        return open_package(Path(name))
    for package in (package for folder in model_folders() for package in _packages_in(folder, first=name)):
        if package.name == name:
            return open_package(package.folder)
    known = ", ".join(sorted({p.name for p in list_packages() if p.spec})) or "none"
    raise ModelPackageError(f"there is no model {name!r}; installed: {known}")


def _packages_in(folder: Path, first: str = "") -> Iterator[ListedPackage]:
    """Yield the packages in a folder by the names of their folders, that of the name ``first`` before all others."""
    try:
        held = [folder / name for name in sorted(os.listdir(folder), key=lambda name: (name != first, name))]
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        yield ListedPackage(folder, None, f"{folder} cannot be looked into: {error.strerror}; ask its owner for access")
        return
    yield from (_listed(path) for path in held if not path.name.startswith(".") and os.path.isfile(path / SPEC_NAME))


def _listed(folder: Path) -> ListedPackage:
    try:
        return ListedPackage(folder, read_spec(folder))
    except ModelPackageError as error:
        return ListedPackage(folder, None, str(error))
