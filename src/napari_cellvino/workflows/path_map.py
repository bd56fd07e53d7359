"""Where the files of this computer lie on the computers of a cluster: ``/mnt/lab`` here may be ``Z:`` there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from napari_cellvino.core.errors import OptionError


@dataclass(frozen=True, slots=True)
class PathMap:
    """Pairs of beginnings of paths, here and there; the first that fits is taken."""

    pairs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, texts: Sequence[str]) -> PathMap:
        """Return the map of texts like ``/mnt/lab=Z:``; `OptionError` where one cannot be read."""
        pairs = []
        for text in texts:
            here, equals, there = text.partition("=")
            if not (equals and here.strip() and there.strip()):
                raise OptionError(f"--map {text!r} is no pair of folders; write it like --map /mnt/lab=/data/lab")
            pairs.append((here.strip().rstrip("/\\"), there.strip().rstrip("/\\")))
        return cls(tuple(pairs))

    def there(self, path: str) -> str:
        """Return the path that a file of this computer has there."""
        return _moved(path, self.pairs)

    def here(self, path: str) -> str:
        """Return the path here of a file there."""
        return _moved(path, tuple((there, here) for here, there in self.pairs))


def _moved(path: str, pairs: Sequence[tuple[str, str]]) -> str:
    for before, after in pairs:
        rest = path[len(before) :]
        if path.startswith(before) and (not rest or rest[0] in "/\\"):
            return after + rest.replace("\\", "/")
    return path
