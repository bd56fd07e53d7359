"""Loops are compiled once, beside, for those whom it serves; whatever goes wrong with it, NumPy goes on."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from napari_cellvino.core import compiled
from napari_cellvino.core import kernels as plain
from napari_cellvino.quality.loops_check import check_loops

LOADED = """
import sys, time
from napari_cellvino.core import compiled
assert compiled.get_ready()
loops = vars(compiled.compiled()).values()
print(sum(len(loop.stats.cache_hits) for loop in loops), sum(len(loop.stats.cache_misses) for loop in loops))
"""


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A process that knows of no loops yet, and an empty folder for them."""
    monkeypatch.setattr(compiled, "_state", compiled._State())
    monkeypatch.setenv("CELLVINO_CACHE", str(tmp_path))
    return tmp_path


def test_without_numba_there_are_no_loops_and_no_word(fresh, monkeypatch, caplog) -> None:
    monkeypatch.setattr(compiled, "find_spec", lambda _: None)
    assert not compiled.get_ready()
    assert compiled.compiled() is None
    assert caplog.text == ""


def test_who_turned_numba_off_gets_no_slow_loops(fresh, monkeypatch) -> None:
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    assert not compiled.get_ready()
    assert list(fresh.iterdir()) == []


@pytest.mark.usefixtures("loops")
def test_another_process_loads_what_one_compiled(loops) -> None:
    before = set(os.environ)
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(sum(len(types) for _, types in plain.LOOPS.values())), "0"]
    assert set(os.environ) == before


@pytest.mark.usefixtures("loops")
def test_the_cache_of_others_stays_where_it_was() -> None:
    import numba

    assert os.environ.get("NUMBA_CACHE_DIR", "") == numba.config.CACHE_DIR


def test_a_compiler_that_fails_is_named_once_and_numpy_goes_on(fresh, monkeypatch, caplog) -> None:
    pytest.importorskip("numba", reason="needs the fast extra")
    (fresh / "loops").write_text("no folder can be here")
    with caplog.at_level(logging.WARNING):
        assert not compiled.get_ready()
        assert not compiled.get_ready()
    assert compiled.compiled() is None
    assert len(caplog.records) == 1
    assert "NumPy is used instead" in caplog.text


def test_a_compiler_that_cannot_be_started_is_named(fresh, monkeypatch, caplog) -> None:
    pytest.importorskip("numba", reason="needs the fast extra")
    monkeypatch.setattr(sys, "executable", str(fresh / "absent"))
    assert not compiled.get_ready()
    assert "absent" in caplog.text


def test_nothing_is_loaded_while_the_process_ends(fresh, monkeypatch) -> None:
    monkeypatch.setattr(compiled, "is_installed", lambda: True)
    monkeypatch.setattr(compiled, "_folder", lambda: fresh)
    (fresh / compiled._DONE).touch()
    monkeypatch.setattr(compiled, "_loaded", lambda _: pytest.fail("loaded"))
    compiled._state.end()
    assert not compiled.get_ready()


def test_of_several_processes_one_compiles_and_the_others_wait(monkeypatch, tmp_path) -> None:
    begun: list[Path] = []

    def compile_slowly(folder: Path) -> None:
        begun.append(folder)
        time.sleep(0.2)
        (folder / compiled._DONE).touch()

    monkeypatch.setattr(compiled, "_compile_beside", compile_slowly)
    monkeypatch.setattr(compiled, "WAIT_S", 0.02)
    with ThreadPoolExecutor(4) as processes:
        list(processes.map(compiled._compile_once, [tmp_path / "loops"] * 4))
    assert len(begun) == 1
    assert [path.name for path in begun[0].iterdir()] == [compiled._DONE]


def test_a_process_that_was_killed_while_it_compiled_is_not_waited_for(monkeypatch, tmp_path) -> None:
    (tmp_path / "compiling").touch()
    os.utime(tmp_path / "compiling", (1.0, 1.0))
    monkeypatch.setattr(compiled, "_compile_beside", lambda folder: (folder / compiled._DONE).touch())
    monkeypatch.setattr(compiled, "WAIT_S", 0.0)
    compiled._compile_once(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [compiled._DONE]


def test_loops_that_differ_from_numpy_are_not_used(loops) -> None:
    def wrong(*arrays: object) -> None:
        loops.hull_areas(*arrays)
        arrays[-1][:] += 1

    state = compiled._state
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "_state", compiled._State())
        check_loops(loops)
        with pytest.raises(RuntimeError, match="differ from NumPy"):
            check_loops(SimpleNamespace(**vars(loops) | {"hull_areas": wrong}))
    assert compiled._state is state


@pytest.mark.parametrize("name", sorted(plain.LOOPS))
def test_each_loop_is_checked(loops, monkeypatch, name) -> None:
    called: list[str] = []
    monkeypatch.setattr(compiled, "_state", compiled._State())
    watched = SimpleNamespace(
        **vars(loops) | {name: lambda *given: (called.append(name), getattr(loops, name)(*given))[1]}
    )
    check_loops(watched)
    assert called


def test_what_is_compiled_of_other_loops_is_not_taken(monkeypatch, tmp_path) -> None:
    pytest.importorskip("numba", reason="needs the fast extra")
    one = compiled._folder()
    changed = tmp_path / "kernels.py"
    changed.write_text(Path(plain.__file__).read_text("utf-8") + "\n", "utf-8")
    monkeypatch.setattr(plain, "__file__", str(changed))
    assert compiled._folder() != one


def test_loops_are_got_ready_once_many_pixels_were_passed(fresh, monkeypatch) -> None:
    begun: list[object] = []
    monkeypatch.setattr(compiled, "begin", begun.append)
    monkeypatch.setattr(compiled, "WORTH_PX", 1000)
    for pixels in (400, 599):
        compiled.passed(pixels)
    assert begun == []
    compiled.passed(1)
    compiled.passed(5000)
    assert begun == [compiled.get_ready]


def test_nothing_is_imported_for_a_run_of_one_field() -> None:
    code = "import sys, napari_cellvino.cli.run, napari_cellvino.segmentation.heads; print('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
