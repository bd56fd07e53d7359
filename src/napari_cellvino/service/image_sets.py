"""Which files of a watched folder belong together: a set of files, each of which opens as the whole, is run once.

Instruments write OME-TIFF with a file for each position or channel, and files that name others as their pixels. A set
is run under one of its files, the head, when all of it is there and stands still, or else after a patience; what comes
later changes the set, which is run again under the same head. A plate takes the place of what was queued in its folder
before there was an index, or names, by which it was known for a plate.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from napari_cellvino.core.errors import CellvinoError, ImageReadError, OutputError
from napari_cellvino.io import open_source
from napari_cellvino.io.checks import list_names
from napari_cellvino.io.folder_listing import natural_order
from napari_cellvino.io.registry import sets_first
from napari_cellvino.results.field_folder import FieldFolder
from napari_cellvino.results.schema import ANNOTATION_NAME, FieldSummary
from napari_cellvino.results.store import ResultStore
from napari_cellvino.service.inputs import PLATE, SET, Input, Stamp
from napari_cellvino.storage.field_ledger import FieldLedger
from napari_cellvino.storage.ledger import Job, JobState, Ledger

_HAS_RESULTS = (JobState.RUNNING, JobState.DONE, JobState.ACCEPTED, JobState.REJECTED)


@dataclass(frozen=True, slots=True)
class ImageSet:
    """A set of files, or a plate: what is run for all of them, and the others that are there; one image has none."""

    whole: Input
    others: tuple[Input, ...] = ()

    @property
    def is_one_file(self) -> bool:
        """Whether it is an image of one file."""
        return self.whole.files == 1

    def is_known(self, known: Mapping[str, Stamp]) -> bool:
        """Return whether all files are known as they are."""
        return all(known.get(held.source) == held.stamp for held in (self.whole, *self.others))

    def counted_twice(self, alone: Collection[str]) -> ImageReadError:
        """Return the error of a set some of whose files were run by themselves."""
        return ImageReadError(
            f"{list_names(sorted(Path(path).name for path in alone))} of this "
            f"{'plate' if self.whole.plate else 'set of files'} was run before what describes it was there, and its "
            "results were corrected or judged since; its cells would be counted twice: remove its results, and queue "
            "the whole with 'cellvino jobs retry'"
        )


class ImageSets:
    """Knows the sets of files and the plates in watched folders.

    Parameters
    ----------
    ledger
        The jobs so far.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._opened: dict[Path, tuple[Stamp, int, tuple[Path, ...]]] = {}

    def of(self, found: Input) -> ImageSet:
        """Return the set that a file belongs to; one that cannot be opened, or a folder that is one image, is alone."""
        if found.plate:
            return ImageSet(found, tuple(self._queued_inside(found)))
        try:
            return ImageSet(found) if found.folder or found.film else self._of_file(found)
        except (CellvinoError, OSError):  # its run tells why
            return ImageSet(found)

    def _queued_inside(self, plate: Input) -> Iterator[Input]:
        """Yield the inputs in the folder of a plate that are known by themselves."""
        inside = os.path.join(plate.source, "")
        for job in self._ledger.jobs():
            if job.source.startswith(inside):
                yield Input(Path(job.source), job.source.removeprefix(inside), (job.size, job.modified_ns))

    def _of_file(self, found: Input) -> ImageSet:
        parts = self._parts(found)
        there = [path for path in parts if path.is_file()]
        beside = [path for path in there if path.parent == found.path.parent]
        if len(parts) < 2 or not beside:
            return ImageSet(found)
        head = self._head(beside)
        held = {path: (stat.st_size, stat.st_mtime_ns) for path in there for stat in [path.stat()]}
        stamp = sum(size for size, _ in held.values()), max(at for _, at in held.values())
        place = PurePosixPath(found.relative)
        named = {path: replace(found, path=path, relative=place.with_name(path.name).as_posix()) for path in there}
        whole = replace(named[head], stamp=stamp, files=len(parts), waits=len(there) < len(parts))
        return ImageSet(whole, tuple(replace(named[path], stamp=held[path]) for path in there if path != head))

    def run_alone(self, group: ImageSet) -> set[str] | None:
        """Return the other files of a set, or of a plate, that were run by themselves, and whose results must stay.

        Their cells would count twice: results are removed where no person corrected or judged one of them. None while
        another watch runs one of the files.
        """
        jobs = [job for job in self._ledger.known([o.source for o in group.others]) if job.state in _HAS_RESULTS]
        if any(job.state is JobState.RUNNING for job in jobs):
            return None
        alone = {job.source for job in jobs}
        held = {Path(job.results): _results_of(Path(job.results), alone) for job in jobs}
        judged = any(job.state is not JobState.DONE for job in jobs)
        if judged or any(_is_touched(root, folders) for root, folders in held.items()):
            return alone
        for root, folders in held.items():
            _remove(root, folders)
        return set()

    def pass_over(self, others: Iterable[Input], head: Job) -> dict[str, Stamp]:
        """Enter the other files of a set as run with its head, and return their stamps."""
        like = (head.rule, head.results)
        jobs = [Job(other.source, other.kind, *other.stamp, *like, queued=head.queued) for other in others]
        if jobs:
            self._ledger.pass_over(jobs, f"it belongs to {Path(head.source).name}, which is run with it")
        return {job.source: job.stamp for job in jobs}

    def take_over(self, head: Job) -> None:
        """Pass all other files of a set or plate over that is run now, also those that had results of their own."""
        path, plate = Path(head.source), head.kind == PLATE
        self.pass_over(self.of(Input(path, path.name, head.stamp, folder=plate, plate=plate)).others, head)

    def _parts(self, found: Input) -> tuple[Path, ...]:
        """Return the files of a set as its reader names them; it is opened again where its folder has changed."""
        beside = found.path.parent.stat().st_mtime_ns
        known = self._opened.get(found.path)
        if known is None or known[:2] != (found.stamp, beside):
            source = open_source(found.path)
            known = found.stamp, beside, tuple(dict.fromkeys([source.path, *source.parts]))
            if len(known[2]) > 1:
                self._opened[found.path] = known
        return known[2]

    def _head(self, beside: Sequence[Path]) -> Path:
        """Return the file that a set is run under: that which describes it, or the one it was run under before."""
        before = self._ledger.known([str(path.absolute()) for path in beside])
        standing = [Path(job.source) for job in before if job.kind == SET]
        by_name = sorted(beside, key=lambda path: natural_order(path.name))
        head = next(iter(standing), sets_first(by_name)[0])
        described = open_source(head).path
        return described if described in beside else head


def _results_of(root: Path, sources: Collection[str]) -> list[Path]:
    """Return the folders of the results of some files."""
    real = set(map(os.path.realpath, sources))
    found = ResultStore(root).summaries()
    return [folder for folder, summary in found if summary.key is not None and summary.key.path in real]


def _is_touched(root: Path, folders: Collection[Path]) -> bool:
    """Return whether a person corrected or judged one of these results."""
    judged = {record.name for record in FieldLedger(root).records() if record.review}
    store = ResultStore(root)
    return any(f.name in judged or _is_a_persons(store.summary(f)) or FieldFolder(f).journal.is_file() for f in folders)


def _is_a_persons(summary: FieldSummary) -> bool:
    return summary.corrected or summary.imported > 0


def _remove(root: Path, folders: Collection[Path]) -> None:
    """Remove results, and what tables and ledger say of them; a watch that is killed meanwhile does it again."""
    for folder in folders:
        try:
            for path in folder.iterdir():
                if path.name != ANNOTATION_NAME:  # by which a result is known, until nothing else of it is there
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            shutil.rmtree(folder)
        except OSError as error:
            raise OutputError(f"{folder} cannot be removed: {error.strerror}; close it in other programs") from error
    FieldLedger(root).forget([folder.name for folder in folders])
    store = ResultStore(root)
    store.begin_run(one_of_many=True)
    store.write_counts([])
