"""The page of a run follows corrections in the window, once for many of them."""

from __future__ import annotations

from pathlib import Path

from napari_cellvino.gui.save import page_refresher
from napari_cellvino.gui.save.page_refresher import PageRefresher


class AtOnce:
    """A worker that does its work where it is told to."""

    def start(self, work, task):
        work()


def test_page_is_written_once_after_many_corrections_and_at_the_end(qtbot, monkeypatch):
    written = []
    monkeypatch.setattr(page_refresher, "refresh_run_page", written.append)
    monkeypatch.setattr(page_refresher, "REST_S", 0.05)
    pages = PageRefresher(AtOnce())
    for name in ("a", "b", "a"):
        pages.mark(Path("out") / name)
    assert not written
    qtbot.waitUntil(lambda: written == [Path("out")])
    pages.mark(None)  # work that was no save
    pages.mark(Path("other") / "a")
    pages.write()
    assert written == [Path("out"), Path("other")]
