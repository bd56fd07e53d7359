"""A window that is closed leaves no watcher behind: a system has few."""

from pathlib import Path

from qtpy.QtCore import QObject, Signal

from napari_cellvino.gui.worklist.folder_watch import FolderWatch


class Listed(QObject):
    """A list of the fields of a folder of results."""

    changed = Signal()

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root
        self.refreshed = 0

    def refresh(self) -> None:
        self.refreshed += 1


def test_what_others_write_is_seen_until_the_window_is_closed(tmp_path, qtbot):
    listed = Listed(tmp_path / "out")
    watch = FolderWatch(listed, lambda: False)
    listed.changed.emit()
    listed.root.mkdir()
    (listed.root / "a").mkdir()
    qtbot.waitUntil(lambda: listed.refreshed > 0, timeout=20_000)
    ended = []
    watch._watcher.destroyed.connect(lambda: ended.append(True))
    watch.close()
    assert ended
