"""A folder has one writer at a time, and a killed one lets go."""

import subprocess
import sys
import threading
import time

import pytest

from napari_cellvino.storage.lock import folder_lock

HOLD = """
import sys, time
from pathlib import Path
from napari_cellvino.storage.lock import folder_lock
with folder_lock(Path(sys.argv[1])) as held:
    print(held, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the folder."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


def test_another_process_is_waited_for_and_a_killed_one_lets_go(tmp_path, holder):
    with folder_lock(tmp_path, patience_s=0.1) as held:
        assert not held
    threading.Timer(0.3, holder.kill).start()
    start = time.monotonic()
    with folder_lock(tmp_path, patience_s=20) as held:
        assert held
    assert time.monotonic() - start < 15


def test_threads_wait_for_each_other(tmp_path):
    inside, most = [], []

    def work():
        for _ in range(20):
            with folder_lock(tmp_path):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.001)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(most) == {1}
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


def test_where_there_is_no_folder_the_work_goes_on(tmp_path):
    with folder_lock(tmp_path / "absent") as held:
        assert not held
