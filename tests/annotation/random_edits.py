"""Edits by chance, of every kind, the same for the same seed."""

from __future__ import annotations

from random import Random

import numpy as np

from napari_cellvino.annotation import Annotation, Edit, EditSession, Region
from napari_cellvino.annotation.paint_strokes import edit_region
from napari_cellvino.annotation.tools.boxes import add_box, move_box, resize_box
from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.annotation.tools.mark import accept, exclude, reject, set_class, set_note
from napari_cellvino.annotation.tools.merge import merge
from napari_cellvino.core.errors import EditError
from tests.annotation.conftest import annotate, boxed

MARKS = (accept, reject, exclude)


def scene(seed, shape=(48, 64)) -> Annotation:
    """Return an annotation of rectangles over one another."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.int32)
    for id_ in range(1, 13):
        low = [int(rng.integers(0, n)) for n in shape]
        labels[tuple(slice(a, a + int(rng.integers(1, 12))) for a in low)] = id_
    return annotate(labels)


def box_scene(seed) -> Annotation:
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 80, (12, 2)).tolist()
    return boxed(*((y, x, y + 9, x + 12) for y, x in corners))


def random_edit(annotation: Annotation, chance: Random) -> Edit | None:
    """Return an edit, or None where the one that was drawn is not possible."""
    try:
        edit = _marks(annotation, chance) if chance.random() < 0.3 else _places(annotation, chance)
    except EditError:
        return None
    return None if edit.empty else edit


def random_step(session: EditSession, chance: Random) -> bool:
    """Make an edit, undo or redo by chance, and return whether one was possible."""
    kind = chance.random()
    try:
        if kind < 0.2:
            session.undo()
        elif kind < 0.3:
            session.redo()
        else:
            edit = random_edit(session.annotation, chance)
            if edit is None:
                return False
            session.commit(edit)
    except EditError:
        return False
    return True


def _marks(annotation, chance):
    ids = chance.sample(sorted(annotation.records), min(2, len(annotation.records)))
    if chance.random() < 0.3:
        return set_note(annotation, ids, f"Nº {chance.randrange(99)}\n")
    if chance.random() < 0.3:
        return set_class(annotation, ids, chance.randrange(2))
    return chance.choice(MARKS)(annotation, ids)


def _places(annotation, chance):
    ids = sorted(annotation.records)
    if ids and chance.random() < 0.2:
        return delete(annotation, chance.sample(ids, min(len(ids), chance.randint(1, 2))))
    if annotation.labels is None:
        return _boxes(annotation, chance, ids)
    if chance.random() < 0.2:
        return merge(annotation, chance.sample(ids, min(len(ids), 2)), apart=True)
    low = [chance.randrange(n) for n in annotation.shape]
    region = Region(tuple(low), tuple(a + chance.randint(1, 9) for a in low)).within(annotation.shape)
    wanted = [0, annotation.next_id, *chance.sample(ids, min(len(ids), 2))]
    pixels = np.array(wanted, np.int32)[np.array(chance.choices(range(len(wanted)), k=int(np.prod(region.shape))))]
    if chance.random() < 0.7:
        pixels[:] = chance.choice(wanted)
    return edit_region(annotation, "Paint", region, pixels.reshape(region.shape))


def _boxes(annotation, chance, ids):
    corners = [(chance.uniform(-9, 110), chance.uniform(-9, 130)) for _ in range(2)]
    if not ids or chance.random() < 0.3:
        return add_box(annotation, *corners, class_index=chance.randrange(2))
    if chance.random() < 0.5:
        return move_box(annotation, chance.choice(ids), (chance.uniform(-9, 9), chance.uniform(-9, 9)))
    return resize_box(annotation, chance.choice(ids), *corners)
