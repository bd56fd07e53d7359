"""The work list of the last time, kept beside the settings, so that it comes back when the window opens again."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from napari_cellvino.core.image import MetadataOverrides
from napari_cellvino.core.settings import settings_path
from napari_cellvino.storage.atomic import atomic_path


class ListMemory(BaseModel):
    """The files and folders of a list, its folder of results, and what the user said of images, by their paths.

    Where it is of a ``plate``, its one input is that.
    """

    model_config = ConfigDict(frozen=True)

    inputs: tuple[Path, ...]
    root: Path
    overrides: dict[str, MetadataOverrides] = {}
    plate: bool = False


def last_list() -> ListMemory | None:
    """Return the list of the last time; None where there was none, it cannot be read, or all its images are gone."""
    try:
        memory = ListMemory.model_validate_json(_path().read_bytes())
    except (OSError, ValidationError):
        return None
    return memory if any(path.exists() for path in memory.inputs) else None


def keep_list(memory: ListMemory) -> None:
    """Keep a list for the next time; where that cannot be written, it does not come back."""
    with suppress(OSError), atomic_path(_path()) as part:
        part.write_text(memory.model_dump_json(indent=2), encoding="utf-8")


def forget_list() -> None:
    """Let no list come back."""
    with suppress(OSError):
        _path().unlink(missing_ok=True)


def _path() -> Path:
    return settings_path().with_name("work_list.json")
