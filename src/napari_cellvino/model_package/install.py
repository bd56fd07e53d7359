"""Install models in the user's folder, keep every version, and go back to the previous one.

Next to the packages, ``.versions/<name>/<version>`` is a copy of every version that was ever installed, so that
no version is lost; the file ``before`` there names the model that was used before the first one.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml
from packaging.version import InvalidVersion, Version

from napari_cellvino.core.errors import ModelPackageError, OptionError
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.core.settings import user_model_folder
from napari_cellvino.model_package import ModelPackage, open_package, read_spec
from napari_cellvino.model_package.spec import SPEC_NAME
from napari_cellvino.storage.atomic import atomic_folder, atomic_path

VERSIONS, BEFORE = ".versions", "before"


def install_package(package: ModelPackage, *, before: str) -> ModelPackage:
    """Install a package under its name and return it, with the next version where its own is taken.

    Parameters
    ----------
    package
        What to install; it stays where it is.
    before
        Name of the model that was used until now: what `go_back` goes back to from the first version.

    Raises
    ------
    OptionError
        If a model that ships has the name.
    OutputError
        If it cannot be written.
    """
    name = package.spec.name
    if (shipped_folder("models") / name / SPEC_NAME).is_file():
        raise OptionError(f"a model called {name} ships with CellVINO; give yours another name")
    present = user_model_folder() / name
    if (present / SPEC_NAME).is_file():
        _archive(present)
    version = _free_version(name, package.spec.version)
    kept = _versions(name) / version
    with atomic_folder(kept) as part:
        shutil.copytree(package.folder, part, dirs_exist_ok=True)
        _set_version(part / SPEC_NAME, version)
    if before != name and not (_versions(name) / BEFORE).is_file():
        with atomic_path(_versions(name) / BEFORE) as file:
            file.write_text(before, encoding="utf-8")
    return _restore(name, version)


def installed_versions(name: str) -> tuple[str, ...]:
    """Return all versions of a model that were ever installed, the oldest first."""
    folders = _versions(name).glob(f"*/{SPEC_NAME}")
    return tuple(sorted((path.parent.name for path in folders), key=_order))


def go_back(name: str) -> str:
    """Replace a user's model with its previous version, and return the name of the model to use now.

    That is ``name`` itself, or, where it was the first version, the model used before it; ``name`` is then gone from
    the models, and its versions are kept.

    Raises
    ------
    ModelPackageError
        If there is no such model of the user's own.
    """
    present = user_model_folder() / name
    if not (present / SPEC_NAME).is_file():
        raise ModelPackageError(f"there is no model {name!r} in {user_model_folder()} to go back from")
    version = _archive(present)
    older = [known for known in installed_versions(name) if _order(known) < _order(version)]
    if older:
        _restore(name, older[-1])
        return name
    shutil.rmtree(present)
    noted = _versions(name) / BEFORE
    return noted.read_text(encoding="utf-8") if noted.is_file() else "nuclei"


def _versions(name: str) -> Path:
    return user_model_folder() / VERSIONS / name


def _archive(present: Path) -> str:
    """Keep a copy of the package in ``present`` and return its version."""
    version = read_spec(present).version
    kept = _versions(present.name) / version
    if not (kept / SPEC_NAME).is_file():
        with atomic_folder(kept) as part:
            shutil.copytree(present, part, dirs_exist_ok=True)
    return version


def _restore(name: str, version: str) -> ModelPackage:
    present = user_model_folder() / name
    with atomic_folder(present) as part:
        shutil.copytree(_versions(name) / version, part, dirs_exist_ok=True)
    return open_package(present)


def _free_version(name: str, version: str) -> str:
    taken = installed_versions(name)
    newest = _order(taken[-1]) if taken else None
    if newest is not None and _order(version) <= newest:
        return f"{newest.major}.{newest.minor + 1}.0"
    return version


def _order(version: str) -> Version:
    """Return a version for comparison (PEP 440); others, which bioimage.io allows, are older than all of these."""
    try:
        return Version(version)
    except InvalidVersion:
        return Version("0.dev0")


def _set_version(path: Path, version: str) -> None:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    if content["version"] != version:
        path.write_text(
            yaml.safe_dump(content | {"version": version}, sort_keys=False, allow_unicode=True), encoding="utf-8"
        )
