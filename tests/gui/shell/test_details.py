from __future__ import annotations

import logging
import threading

from pytestqt.qtbot import QtBot

from napari_cellvino.gui.shell.session_log import MOST_LINES
from napari_cellvino.gui.shell.window import CellvinoWindow


def test_details_show_the_log_of_all_threads_and_are_bounded(window: CellvinoWindow, qtbot: QtBot) -> None:
    logger, details = logging.getLogger("napari_cellvino.segmentation"), window.details
    logger.debug("first")
    assert not details.text.isVisible()
    details.unfold(True)
    assert details.text.isVisible()
    assert "napari_cellvino.segmentation: first" in details.text.toPlainText()
    thread = threading.Thread(target=lambda: logger.info("from a thread"))
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: "from a thread" in details.text.toPlainText())
    for number in range(MOST_LINES + 10):
        logger.debug("line %d", number)
    assert len(window.session.log.lines) == details.text.blockCount() == MOST_LINES


def test_a_closed_window_hears_nothing(window: CellvinoWindow) -> None:
    logger, log = logging.getLogger("napari_cellvino"), window.session.log
    assert logger.level == logging.DEBUG
    window.session.close()
    assert logger.level == logging.NOTSET
    before = len(log.lines)
    logger.error("after")
    assert len(log.lines) == before
