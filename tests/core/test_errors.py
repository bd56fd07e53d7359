from __future__ import annotations

import pickle

import pytest

from napari_cellvino.core.errors import CellvinoError, ImageReadError, ReplaceError


def replaceable() -> ReplaceError:
    return ReplaceError("a is there", remedy="replace it", command="replace it (--overwrite)")


def test_the_command_line_and_the_window_get_their_own_remedy() -> None:
    assert str(replaceable()) == "a is there; replace it (--overwrite)"
    assert replaceable().window_message == "a is there; replace it"


def test_one_remedy_holds_for_both() -> None:
    error = CellvinoError("a is broken", remedy="mend it")
    assert str(error) == error.window_message == "a is broken; mend it"


@pytest.mark.parametrize("error", [replaceable(), ImageReadError("b.tif is empty")])
def test_errors_pass_between_processes(error: CellvinoError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.window_message) == (type(error), str(error), error.window_message)
