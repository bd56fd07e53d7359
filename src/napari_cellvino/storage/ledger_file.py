"""The SQLite file of a ledger: in WAL mode on a disk of this computer, so that several processes share it.

Every change is one transaction. A file that is damaged is put aside and begun anew: results on disk are the truth.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Lock

import psutil

from napari_cellvino.core.errors import OutputError

LEDGER_NAME = "ledger.sqlite"
REMOTE = ("nfs", "cifs", "smb", "fuse.", "9p", "lustre", "beegfs", "ceph", "gpfs", "afs", "webdav", "davfs")
VERSION = 1
PATIENCE_S = 30.0  # for another process that writes just now
LEASE_S = 300.0  # after which a worker of another computer that was not heard of is taken for gone


class LedgerFile:
    """The file in one folder of results; safe for threads and beside other processes.

    Parameters
    ----------
    root
        The folder of results; it is made with the first change.
    tables
        SQL that makes the tables that are asked for, where they are not there.
    """

    def __init__(self, root: Path, tables: Sequence[str]) -> None:
        self.path, self._tables = root / LEDGER_NAME, tables
        self._known: tuple[int, int] | None = None  # the file whose tables were seen: its disk and number
        self._held: sqlite3.Connection | None = None
        self._holds = Lock()

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection in a transaction that holds the right to write.

        Raises
        ------
        OutputError
            If the file cannot be written, or has gone since it was last used.
        """
        self._check_there()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._connected() as db:
                db.execute("BEGIN IMMEDIATE")
                try:
                    yield db
                except BaseException:
                    db.rollback()
                    raise
                db.commit()
        except OutputError:
            raise
        except (sqlite3.DatabaseError, OSError) as error:
            raise OutputError(
                f"{self.path} cannot be written: {error}; check its disk, or choose another folder"
            ) from error

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection; `OutputError` if the file cannot be read. Where there is none, its tables are empty."""
        self._check_there()
        if not self.path.is_file():
            with closing(sqlite3.connect(":memory:")) as db:
                for statement in self._tables:
                    db.execute(statement)
                yield db
            return
        try:
            with closing(self._opened()) as db:
                yield db
        except (sqlite3.OperationalError, FileNotFoundError) as error:
            raise OutputError(f"{self.path} cannot be read: {error}; another program may hold it") from error

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """Hold the file open, so that changes take no time of the disk: the last to close it must write all of it back.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        with self.changing():
            held = self._opened(shared=True)
        with closing(held):
            self._held = held
            try:
                yield
            finally:
                with self._holds:
                    self._held = None

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection that is kept open, to one thread at a time, or else one of its own."""
        with self._holds:
            if self._held is not None and self._known == _number(self.path):
                yield self._held
                return
        with closing(self._opened()) as db:
            yield db

    def _check_there(self) -> None:
        """Raise where the file has gone: on the empty mount point of a drive, everything would be done again."""
        if self._known and not self.path.is_file():
            raise OutputError(f"{self.path} is gone; its disk may be away, or somebody removed it")

    def _opened(self, *, shared: bool = False) -> sqlite3.Connection:
        """Return a connection to a ledger of this version; one that is damaged is put aside and begun anew.

        One that is ``shared`` may be used by any thread.
        """
        for _ in range(2):
            db = sqlite3.connect(self.path, timeout=PATIENCE_S, isolation_level=None, check_same_thread=not shared)
            try:
                self._prepare(db)
                return db
            except sqlite3.OperationalError:
                db.close()
                raise
            except sqlite3.DatabaseError:
                db.close()
                self._put_aside()
        raise OutputError(f"{self.path} is damaged and cannot be replaced; move it away")

    def _prepare(self, db: sqlite3.Connection) -> None:
        version, number = db.execute("PRAGMA user_version").fetchone()[0], _number(self.path)
        if version > VERSION:
            db.close()
            raise OutputError(f"{self.path} is of a later version of CellVINO; use that version")
        if version < VERSION:
            db.execute(f"PRAGMA journal_mode = {'DELETE' if _is_remote(self.path.parent) else 'WAL'}")
        if version < VERSION or self._known != number:
            for statement in self._tables:
                db.execute(statement)
            self._known = number
        if version < VERSION:
            db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("PRAGMA synchronous = NORMAL")

    def _put_aside(self) -> None:
        with suppress(OSError):
            self.path.replace(self.path.with_name(f"{LEDGER_NAME}.damaged-{time.strftime('%Y%m%d-%H%M%S')}"))
        for ending in ("-wal", "-shm"):
            with suppress(OSError):
                Path(f"{self.path}{ending}").unlink()


def _number(path: Path) -> tuple[int, int]:
    """Return the number of a file and of its disk, which tell it from another of the same name."""
    found = path.stat()
    return found.st_dev, found.st_ino


def _is_remote(folder: Path) -> bool:
    """Return whether a folder lies on a drive of another computer: the memory that WAL shares does not reach there."""
    absolute = folder.absolute()
    mounts = [p for p in psutil.disk_partitions(all=True) if absolute.is_relative_to(p.mountpoint)]
    nearest = max(mounts, key=lambda p: len(p.mountpoint), default=None)
    return nearest is not None and (nearest.fstype.lower().startswith(REMOTE) or "remote" in nearest.opts)


def this_worker() -> str:
    """Return a name for this process: its computer, its number and when it began."""
    began = int(psutil.Process().create_time() * 1000)
    return f"{socket.gethostname()}|{os.getpid()}|{began}"


def is_gone(worker: str, heartbeat: float, now: float) -> bool:
    """Return whether a worker does not live any more; of another computer, whether it has not been heard of."""
    host, _, rest = worker.partition("|")
    pid, _, began = rest.partition("|")
    if host != socket.gethostname() or not (pid.isdecimal() and began.isdecimal()):
        return now - heartbeat > LEASE_S
    try:  # one that ended stays in the list as long as nobody asks what became of it: in a container, for ever
        process = psutil.Process(int(pid))
        return int(process.create_time() * 1000) != int(began) or process.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True
