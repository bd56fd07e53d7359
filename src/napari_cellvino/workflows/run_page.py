"""``summary.html`` of one folder of results: counts per group, what failed, what to look at first, and drift.

It is made of the results alone, so that a window and a command line write the same bytes; it is written again only
where ``counts.csv`` has changed, or what a person rejected.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from napari_cellvino import __version__
from napari_cellvino.quality.drift import MEASURES
from napari_cellvino.results.counts_table import UNREADABLE, read_rows
from napari_cellvino.results.crop_pictures import thumbnail_url
from napari_cellvino.results.pages import page_template
from napari_cellvino.results.schema import QC_NAME, SUMMARY_NAME
from napari_cellvino.results.store import ResultStore, write_text
from napari_cellvino.storage.field_ledger import FieldLedger
from napari_cellvino.workflows.drift import JudgedRun, judge_runs, known_to_model
from napari_cellvino.workflows.field_ranking import RankedField, rank_fields

SHOWN = 12  # pictures
SIDE = 300  # px of a picture
DECODED_AT_ONCE = 2  # pictures
MOST = 200  # rows of a table
RUNS, NAMES = 10, 3
_CONTENTS = ("compound", "dose", "control")
_HEAD = 4096  # bytes of the page that hold the digest

Rows = Sequence[Mapping[str, str]]
Drawn = Mapping[Path, Future[str]]
"""Small copies of the pictures of fields, by their folders, as they are being made."""


NONE_DRAWN: Drawn = {}


@dataclass(frozen=True, slots=True)
class Group:
    """The counts of the fields of one group."""

    name: str
    counts: tuple[int, ...]
    failed: int

    @property
    def fields(self) -> int:
        """How many fields there are, with those that failed."""
        return len(self.counts) + self.failed

    @property
    def cells(self) -> int:
        """The cells of all fields."""
        return sum(self.counts)

    @property
    def median(self) -> str:
        """The median of the fields, empty without one."""
        return f"{median(self.counts):,.6g}" if self.counts else ""

    @property
    def low(self) -> str:
        """The lowest count."""
        return f"{min(self.counts):,}" if self.counts else ""

    @property
    def high(self) -> str:
        """The highest count."""
        return f"{max(self.counts):,}" if self.counts else ""


def write_run_page(store: ResultStore, *, anew: bool = False, drawn: Drawn = NONE_DRAWN) -> bool:
    """Write the page into a folder of results, if its table has changed or ``anew``; return whether it was written.

    ``drawn`` are pictures that were begun before.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    path = store.root / SUMMARY_NAME
    try:
        judged = "\n".join(_rejected(store))
        digest = hashlib.sha256(store.counts_path.read_bytes() + judged.encode()).hexdigest()
        if not anew and _digest_of(path) == digest:
            return False
        rows = read_rows(store.counts_path)
    except UNREADABLE:  # another program wrote it as it likes
        return False
    write_text(path, render_run_page(store, rows, digest, drawn))
    return True


def refresh_run_page(root: Path) -> None:
    """Write the page of a folder of results anew, after corrections; nothing where no run has written one.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    if _digest_of(root / SUMMARY_NAME):
        write_run_page(ResultStore(root), anew=True)


def _digest_of(path: Path) -> str:
    """Return the digest of the table that a page was made from; empty where there is none."""
    try:
        with path.open("rb") as page:
            head = page.read(_HEAD).decode("utf-8", "replace")
    except OSError:
        return ""
    return head.partition('<meta name="counts" content="')[2].partition('"')[0]


def render_run_page(store: ResultStore, rows: Rows, digest: str = "", drawn: Drawn = NONE_DRAWN) -> str:
    """Return the page as HTML; ``rows`` are those of ``counts.csv``."""
    ranked = rank_fields(store)
    spoken = sum(bool(field.reasons) for field in ranked)
    done = [row for row in rows if row["status"] != "failed"]
    grouped_by, groups = group_counts(rows)
    runs = judge_runs([store.root], store.root, store)[-RUNS:]
    return page_template("run_summary.html").render(
        title=_title(rows), digest=digest, cells=sum(map(_count, done)), fields=len(done),
        failed=[(_name(row), row.get("error", "")) for row in rows if row["status"] == "failed"], most=MOST,
        rejected=_rejected(store), spoken=spoken,
        worst=with_pictures(ranked[:SHOWN], drawn), more_worst=max(0, spoken - SHOWN),
        grouped_by=grouped_by, groups=groups[:MOST], more_groups=max(0, len(groups) - MOST),
        runs=runs, measures=_measures(runs), models=list(dict(map(known_to_model, runs)).items()), version=__version__,
    )  # fmt: skip


def _rejected(store: ResultStore) -> list[str]:
    """Return the fields that a person rejected, with their counts: the page counts them, too."""
    records = FieldLedger(store.root).rejected()
    return [f"{record.name} ({record.cells:,} cell{'s' * (record.cells != 1)})" for record in records]


def begin_pictures(store: ResultStore) -> Drawn:
    """Begin to make the pictures of a page, while its tables are written: most of that leaves Python free."""
    return _drawn(rank_fields(store)[:SHOWN])


def with_pictures(fields: Sequence[RankedField], drawn: Drawn = NONE_DRAWN) -> list[tuple[RankedField, str]]:
    """Return fields with a small copy of their pictures, as text for a page."""
    urls = {**_drawn([field for field in fields if field.folder not in drawn]), **drawn}
    return [(field, urls[field.folder].result()) for field in fields]


def _drawn(fields: Sequence[RankedField]) -> Drawn:
    if not fields:
        return NONE_DRAWN
    pool = ThreadPoolExecutor(min(DECODED_AT_ONCE, len(fields)))
    begun = {field.folder: pool.submit(thumbnail_url, field.folder / QC_NAME, SIDE) for field in fields}
    pool.shutdown(wait=False)
    return begun


def group_counts(rows: Rows) -> tuple[str, list[Group]]:
    """Return what fields are grouped by, and the groups in order: what is in wells, else wells, else folders."""
    held: dict[str, list[Mapping[str, str]]] = {}
    contents = any(row.get(name) for row in rows for name in _CONTENTS)
    wells = any(row.get("well") for row in rows)
    for row in rows:
        held.setdefault(_content(row) if contents else row["well"] if wells else _folder(row), []).append(row)
    word = "Content of the wells" if contents else "Well" if wells else "Folder"
    return word, [_group(name or "nothing said", of) for name, of in held.items()]


def _content(row: Mapping[str, str]) -> str:
    return " ".join(value for name in _CONTENTS if (value := row.get(name, "")))


def _folder(row: Mapping[str, str]) -> str:
    return Path(row["file"]).parent.name


def _group(name: str, rows: Rows) -> Group:
    done = [row for row in rows if row["status"] != "failed"]
    return Group(name, tuple(map(_count, done)), len(rows) - len(done))


def _count(row: Mapping[str, str]) -> int:
    text = row.get("count", "")
    return int(text) if text.isdecimal() else 0  # none were sought


def _name(row: Mapping[str, str]) -> str:
    file = Path(row["file"]).name
    return " ".join(part for part in (file, row.get("position", "")) if part)


def _title(rows: Rows) -> str:
    """Return what was run: the plate, or the folders of the images; results of one thing may be kept in any folder."""
    names = dict.fromkeys(row.get("plate") or _folder(row) for row in rows)
    shown = ", ".join([*names][:NAMES])
    return shown + (f" and {len(names) - NAMES:,} more" if len(names) > NAMES else "") or "no fields"


def _measures(runs: Sequence[JudgedRun]) -> list[str]:
    return [m.name for m in MEASURES if any(m.name in run.drift.run.values for run in runs)]
