"""What a person corrected is read back, saved with the version before, and outlives another run."""

import json
import logging
import re

import numpy as np
import pytest
import tifffile

from napari_cellvino.annotation import EditSession, Region
from napari_cellvino.annotation.paint_strokes import edit_region
from napari_cellvino.annotation.recovery import find_unsaved, resume_session, start_session
from napari_cellvino.annotation.tools.boxes import add_box
from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.annotation.tools.mark import accept, exclude, reject, set_note
from napari_cellvino.core.errors import ImageReadError, ImageValueError, JournalError, OutputError
from napari_cellvino.core.image import Plane
from napari_cellvino.core.objects import ReviewState
from napari_cellvino.results.corrections import find_earlier, is_other_image, rerun, with_corrections
from napari_cellvino.results.field_folder import FieldFolder, journal_path, read_annotation
from napari_cellvino.results.field_result import measured
from napari_cellvino.results.field_writing import write_corrections, write_result
from napari_cellvino.results.schema import ResultKey
from napari_cellvino.storage.csv_table import write_table
from tests.annotation.conftest import PROVENANCE, annotate, boxed, state


@pytest.fixture
def plane():
    return Plane(np.arange(40 * 60, dtype=np.uint16).reshape(1, 40, 60), np.zeros((1, 40, 60), np.uint16))


@pytest.fixture
def labels():
    labels = np.zeros((40, 60), np.int32)
    labels[5:15, 5:15], labels[5:15, 15:25], labels[25:35, 40:50] = 1, 2, 3
    return labels


@pytest.fixture
def folder(tmp_path, plane, labels):
    """A result as a run leaves it."""
    folder = tmp_path / "out" / "a"
    write_result(folder, measured(made_of(labels, plane), plane), key("a"))
    return folder


def key(name):
    return ResultKey(f"{name}.tif", "", 1, 2, "r")


def made_of(labels, plane):
    from dataclasses import replace

    from napari_cellvino.annotation import pixels_sha256

    annotation = annotate(labels)
    annotation.provenance = replace(PROVENANCE, pixels_sha256=pixels_sha256(plane))
    return annotation


def test_a_result_is_read_back_as_it_was(folder, plane, labels):
    back = read_annotation(folder)
    assert state(back) == state(made_of(labels, plane))
    assert back.provenance == made_of(labels, plane).provenance
    assert back.classes == ("living", "dead")
    assert not is_other_image(back, plane)
    assert is_other_image(back, Plane(plane.pixels + 1, plane.inputs))


def test_corrections_are_saved_with_all_that_was_said(folder, plane):
    (folder / "notes.txt").write_text("mine")
    session = start_session(journal_path(folder), read_annotation(folder), author="Ada")
    annotation = session.annotation
    session.commit(delete(annotation, [1]))
    session.commit(exclude(annotation, [2]))
    session.commit(set_note(annotation, [3], "odd, but real"))
    session.commit(edit_region(annotation, "Paint", Region((0, 40), (9, 49)), np.full((9, 9), 9, np.int32)))
    result, _ = write_corrections(folder, session.snapshot(), plane)
    assert result.counts["count"] == 2
    assert session.unsaved == 0
    again = read_annotation(folder)
    assert state(again) == state(annotation)
    assert again.fingerprint() == annotation.fingerprint()
    assert again.records[2].by == "Ada"
    assert find_unsaved(journal_path(folder), again) is None
    content = json.loads((folder / "annotation.json").read_text())
    assert content["result_key"] == key("a").as_dict()
    assert content["counts"]["count"] == 2
    assert (folder / "notes.txt").read_text() == "mine"
    assert set(tifffile.imread(folder / "previous" / "labels.tif").ravel()) == {0, 1, 2, 3}
    session.commit(accept(annotation, [9]))
    write_corrections(folder, session.snapshot(), plane)
    assert set(tifffile.imread(folder / "previous" / "labels.tif").ravel()) == {0, 1, 2, 3}  # from before the session
    session.close()
    resumed = resume_session(journal_path(folder), read_annotation(folder)).session
    resumed.commit(accept(resumed.annotation, [3]))
    write_corrections(folder, resumed.snapshot(), plane)
    resumed.close()
    assert set(tifffile.imread(folder / "previous" / "labels.tif").ravel()) == {0, 2, 3, 9}
    assert not (folder / "previous" / "previous").exists()
    assert set(tifffile.imread(folder / "model" / "labels.tif").ravel()) == {0, 1, 2, 3}
    assert set(FieldFolder(folder).model().annotation().records) == {1, 2, 3}


def test_the_table_says_what_is_excluded(folder, plane, tmp_path):
    session = EditSession(read_annotation(folder))
    session.commit(exclude(session.annotation, [2]))
    session.commit(reject(session.annotation, [2, 3]))
    result, _ = write_corrections(folder, session.snapshot(), plane)
    table = result.table
    assert [result.counts[name] for name in ("count", "rejected", "excluded")] == [1, 2, 0]
    assert table["excluded"].tolist() == [False, True, False]
    write_table(tmp_path / "t.csv", table)
    assert (tmp_path / "t.csv").read_text().splitlines()[0].endswith("doubts,excluded,note")


def test_a_save_that_fails_leaves_result_and_journal(folder, plane, monkeypatch):
    before = read_annotation(folder)
    session = start_session(journal_path(folder), read_annotation(folder))
    session.commit(delete(session.annotation, [1]))

    def full(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("napari_cellvino.results.field_writing.write_table", full)
        with pytest.raises(OutputError) as caught:
            write_corrections(folder, session.snapshot(), plane)
        assert caught.value.__cause__.errno == 28
    session.close()
    assert session.unsaved == 1
    assert state(read_annotation(folder)) == state(before)
    resumed = resume_session(journal_path(folder), read_annotation(folder))
    assert resumed.steps == 1
    write_corrections(folder, resumed.session.snapshot(), plane)
    resumed.session.close()
    assert set(read_annotation(folder).records) == {2, 3}


def test_what_the_model_found_stays_beside_what_was_corrected(folder, plane, labels):
    np.testing.assert_array_equal(FieldFolder(folder).model().annotation().labels, labels)
    session = EditSession(read_annotation(folder))
    session.commit(delete(session.annotation, [1]))
    found = made_of(np.roll(labels, 1, axis=0), plane)  # by a run that was never saved
    write_corrections(folder, session.snapshot(), plane, key=key("b"), found=found)
    np.testing.assert_array_equal(FieldFolder(folder).model().annotation().labels, found.labels)
    session.commit(delete(session.annotation, [2]))
    write_corrections(folder, session.snapshot(), plane, key=key("b"), found=made_of(labels, plane))
    np.testing.assert_array_equal(FieldFolder(folder).model().annotation().labels, found.labels)
    again = made_of(np.roll(labels, 2, axis=0), plane)
    write_result(folder, measured(again, plane), key("c"))
    np.testing.assert_array_equal(FieldFolder(folder).model().annotation().labels, again.labels)
    assert 3 in read_annotation(folder).records
    (folder / "model" / "annotation.json").unlink()  # as a version before this one left it
    assert FieldFolder(folder).model() is None


def test_a_new_run_keeps_what_others_put_there(folder, plane, labels):
    (folder / "notes.txt").write_text("mine")
    write_result(folder, measured(made_of(np.roll(labels, 1, axis=0), plane), plane), key("a"))
    assert (folder / "notes.txt").read_text() == "mine"
    assert not (folder / "model").exists()
    np.testing.assert_array_equal(read_annotation(folder).labels, np.roll(labels, 1, axis=0))


def test_another_run_leaves_what_was_corrected(folder, plane, labels):
    session = EditSession(read_annotation(folder))
    session.commit(accept(session.annotation, [1]))
    session.commit(reject(session.annotation, [2]))
    write_corrections(folder, session.snapshot(), plane)
    moved = np.roll(labels, 1, axis=0)
    new = measured(made_of(moved, plane), plane)
    kept = with_corrections(folder, new)
    np.testing.assert_array_equal(kept.annotation.labels[:20], labels[:20])
    np.testing.assert_array_equal(kept.annotation.labels[20:], moved[20:])
    assert kept.annotation.records[1].review is ReviewState.ACCEPTED
    assert kept.counts["count"] == 2
    other = Plane(plane.pixels + 1, plane.inputs)
    with pytest.raises(OutputError, match=re.escape(str(folder))):
        with_corrections(folder, measured(made_of(moved, other), other))


def test_a_run_over_an_untouched_result_is_itself(folder, plane, labels, tmp_path):
    new = measured(made_of(np.roll(labels, 1, axis=0), plane), plane)
    assert with_corrections(folder, new) is new
    assert with_corrections(tmp_path / "absent", new) is new


def test_corrections_that_lost_their_labels_are_not_written_over(folder, plane, labels):
    new = measured(made_of(labels, plane), plane)
    session = EditSession(read_annotation(folder))
    session.commit(accept(session.annotation, [1]))
    write_corrections(folder, session.snapshot(), plane)
    (folder / "labels.tif").unlink()
    with pytest.raises(ImageReadError, match=r"labels\.tif"):
        with_corrections(folder, new)


def test_a_run_over_unsaved_corrections_is_refused(folder, plane, labels):
    session = start_session(journal_path(folder), read_annotation(folder))
    session.commit(accept(session.annotation, [1]))
    session.close()
    with pytest.raises(OutputError, match=re.escape(str(folder))):
        with_corrections(folder, measured(made_of(labels, plane), plane))


def test_kept_objects_remember_model_and_class():
    from dataclasses import replace

    corrected = boxed((0, 0, 9, 9), (20, 20, 30, 30))
    session = EditSession(corrected)
    session.commit(accept(corrected, [1]))
    session.commit(add_box(corrected, (50, 50), (60, 60), class_index=1))
    new = boxed((20, 21, 30, 31))
    new.classes, new.provenance = ("dead", "living", "odd"), replace(PROVENANCE, model="live-dead 0.1.0")
    merged, done = rerun(corrected, new)
    assert (done.kept, done.new) == (2, 1)
    assert [(r.class_index, r.model) for _, r in sorted(merged.records.items())] == [
        (1, "nuclei 0.2.0"),
        (0, "nuclei 0.2.0"),
        (0, ""),
    ]
    assert set(corrected.records) == {1, 2, 3}, "what it was made from is untouched"


def test_what_0_2_wrote_is_read(folder):
    path = folder / "annotation.json"
    content = json.loads(path.read_text())
    del content["shape"]
    content["format"] = 1
    for found in content["objects"]:
        found["doubts"] = ["touches_edge"]
    path.write_text(json.dumps(content))
    assert set(read_annotation(folder).records) == {1, 2, 3}
    content["outlines"] = False
    path.write_text(json.dumps(content))
    assert read_annotation(folder).shape == (35, 50)
    assert read_annotation(folder, shape=(40, 60)).shape == (40, 60)
    assert read_annotation(folder).records[3].box == (25, 40, 35, 50)


def test_results_that_cannot_be_read_are_errors_with_their_facts(folder, tmp_path):
    with pytest.raises(ImageReadError, match=re.escape(str(tmp_path))):
        read_annotation(tmp_path)
    path = folder / "annotation.json"
    content = json.loads(path.read_text())
    for change, fact in (
        ({"objects": content["objects"][1:]}, "object 1 "),
        ({"objects": [{"id": "x"}]}, "objects"),
        ({"objects": [{"id": 1, "origin": "moon"}]}, "MOON"),
        ({"provenance": {}}, "origin"),
    ):
        path.write_text(json.dumps(content | change))
        with pytest.raises(ImageValueError, match=fact):
            read_annotation(folder)
    path.write_text("[]")
    with pytest.raises(ImageReadError, match=r"annotation\.json"):
        read_annotation(folder)
    path.write_text("{}")
    with pytest.raises(ImageValueError, match="provenance.*objects"):
        read_annotation(folder)


def test_unsaved_steps_are_offered_on_the_result_they_were_made_on_alone(tmp_path):
    labels = np.zeros((20, 30), np.int32)
    labels[2:8, 2:8], labels[10:16, 12:20] = 1, 2
    fresh, folder = annotate(labels), tmp_path / "a"
    assert find_earlier(folder, fresh) is None
    session = start_session(journal_path(folder), annotate(labels))
    session.commit(accept(session.annotation, [1]))
    session.commit(delete(session.annotation, [2]))
    session.close()
    earlier = find_earlier(folder, fresh)
    assert earlier is not None
    assert earlier.annotation is fresh
    assert all(fact in earlier.question for fact in ("2 corrections", "Delete #2", "Go on with them?"))
    resumed = resume_session(earlier.journal, fresh)
    assert set(fresh.records) == {1}
    resumed.session.close()
    labels[0, 0] = 3
    with pytest.raises(JournalError, match="2 "):
        find_earlier(folder, annotate(labels))


def test_masks_from_elsewhere_are_offered_and_outlive_a_run(folder, plane, labels):
    content = json.loads((folder / "annotation.json").read_text())
    for found in content["objects"]:
        found["origin"] = "imported"
    (folder / "annotation.json").write_text(json.dumps(content))
    fresh = made_of(np.roll(labels, 3, axis=1), plane)
    earlier = find_earlier(folder, fresh)
    assert "imported" in earlier.question
    assert set(earlier.annotation.records) == {1, 2, 3}
    kept = with_corrections(folder, measured(fresh, plane))
    np.testing.assert_array_equal(kept.annotation.labels[labels > 0], labels[labels > 0])


def test_what_is_corrected_after_a_save_elsewhere_is_offered_there(folder, plane, labels, tmp_path):
    annotation, elsewhere = read_annotation(folder), tmp_path / "elsewhere" / "a"
    session = start_session(journal_path(folder), annotation)
    session.commit(delete(annotation, [1]))
    write_corrections(elsewhere, session.snapshot(), plane)
    session.commit(delete(annotation, [3]))
    session.close()
    assert find_earlier(folder, made_of(labels, plane)) is None
    question = find_earlier(elsewhere, made_of(labels, plane)).question
    assert "1 correction " in question
    assert question.endswith("Go on with it?")


def test_a_corrected_save_is_logged_with_its_field(folder, plane, caplog):
    session = EditSession(read_annotation(folder))
    session.commit(accept(session.annotation, [1]))
    with caplog.at_level(logging.DEBUG, "napari_cellvino.results"):
        write_corrections(folder, session.snapshot(), plane)
    (saved,) = [record for record in caplog.records if record.stage == "save"]
    assert saved.field == folder.name
    assert saved.seconds > 0


def test_files_of_format_2_are_read(folder, plane):
    session = start_session(journal_path(folder), read_annotation(folder))
    session.commit(delete(session.annotation, [1]))
    write_corrections(folder, session.snapshot(), plane)
    session.close()
    path, now = folder / "annotation.json", FieldFolder(folder)
    content = json.loads(path.read_text())
    assert content["format"] == 3
    for new, old in (("result_key", "ticket"), ("deleted", "gone")):
        content[old] = content.pop(new)
    for record in content["gone"]:
        record["gone"] = record.pop("deleted")
    path.write_text(json.dumps(content | {"format": 2}))
    then = FieldFolder(folder)
    assert then.result == now.result.model_copy(update={"deleted": then.result.deleted})
    assert then.annotation().fingerprint() == session.annotation.fingerprint()
    assert set(then.annotation().deleted) == {1}
