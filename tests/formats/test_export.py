"""Folders are there whole or as they were, nothing outside them is touched, and splits never move."""

import csv
import json

import numpy as np
import pytest
import yaml

from napari_cellvino.core.errors import ImageValueError, OptionError, OutputError
from napari_cellvino.formats.export import ExportChoices, export_fields
from napari_cellvino.formats.registry import FORMATS
from napari_cellvino.formats.splits import Splits, split_of
from napari_cellvino.storage.file_names import UniqueNames, safe_name

from .cases import CASES, boxes_field, field_of, stack

LABELS = CASES["touching, at the edge"]()


def fields(*names, group=""):
    return [field_of(LABELS, name, group=group or name) for name in names]


def tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def splits(folder):
    with (folder / "splits.csv").open(newline="", encoding="utf-8") as handle:
        return {row["id"]: row["split"] for row in csv.DictReader(handle)}


def test_all_formats_at_once_and_the_same_bytes_again(tmp_path):
    for run in ("a", "b"):
        export_fields(fields("x", "y"), ExportChoices(tuple(FORMATS), tmp_path / run))
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == sorted(FORMATS)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    for kind in FORMATS:
        record = json.loads((tmp_path / "a" / kind / "export.json").read_text(encoding="utf-8"))
        assert (record["fields"], record["cells"]) == (2, 2 * len(fields("x")[0].cells.cells))


def test_an_export_is_replaced_only_when_asked(tmp_path):
    choices = ExportChoices(("labels",), tmp_path)
    export_fields(fields("x"), choices)
    before = tree(tmp_path)
    with pytest.raises(OutputError, match="--overwrite"):
        export_fields(fields("y"), choices)
    assert tree(tmp_path) == before
    export_fields(fields("y"), ExportChoices(("labels",), tmp_path, overwrite=True))
    assert "labels/labels/y.ome.tif" in tree(tmp_path)
    assert "labels/labels/x.ome.tif" not in tree(tmp_path)


@pytest.mark.parametrize("strange", ["labels/models/weights.bin", "labels/labels/mine.tif"])
def test_files_of_others_are_not_deleted(tmp_path, strange):
    export_fields(fields("x"), ExportChoices(("labels",), tmp_path))
    (tmp_path / strange).parent.mkdir(exist_ok=True)
    (tmp_path / strange).write_text("theirs")
    before = tree(tmp_path)
    with pytest.raises(OutputError, match="delete"):
        export_fields(fields("x"), ExportChoices(("labels",), tmp_path, overwrite=True))
    assert tree(tmp_path) == before


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "coco").mkdir()
    (tmp_path / "coco" / "notes.txt").write_text("theirs")
    with pytest.raises(OutputError, match="not made by an export"):
        export_fields(fields("x"), ExportChoices(("coco",), tmp_path, overwrite=True))


@pytest.mark.parametrize("failure", [RuntimeError("bug"), KeyboardInterrupt()])
def test_a_crash_half_way_leaves_the_old_export_whole(tmp_path, failure):
    export_fields(fields("x", "y"), ExportChoices(tuple(FORMATS), tmp_path))
    before = tree(tmp_path)

    def breaking():
        yield fields("z")[0]
        raise failure

    with pytest.raises(type(failure)):
        export_fields(breaking(), ExportChoices(tuple(FORMATS), tmp_path, overwrite=True))
    assert tree(tmp_path) == before


def test_splits_never_move(tmp_path):
    names = [f"field {n}" for n in range(40)]
    export_fields(fields(*names[::2]), ExportChoices(("training",), tmp_path))
    before = splits(tmp_path / "training")
    assert set(before.values()) <= {"train", "val"}
    assert before == {name: split_of(name) for name in names[::2]}
    export_fields(fields(*names), ExportChoices(("training",), tmp_path, overwrite=True))
    after = splits(tmp_path / "training")
    assert before.items() <= after.items()
    assert len(after) == 40
    assert set(after.values()) == {"train", "val"}


def test_a_split_that_a_person_changed_stays(tmp_path):
    export_fields(fields("a", "b", group="well"), ExportChoices(("training",), tmp_path))
    table = tmp_path / "training" / "splits.csv"
    table.write_text(table.read_text().replace(split_of("well"), "test"))
    export_fields(fields("a", "b", "c", group="well"), ExportChoices(("training",), tmp_path, overwrite=True))
    assert splits(tmp_path / "training") == dict.fromkeys("abc", "test")


def test_what_was_decided_of_a_field_goes_before_its_group():
    known = Splits({"a": "val"}, {"well": "train"})
    assert [known.of("a", "well"), known.of("b", "well"), known.of("c", "other")] == ["val", "train", split_of("other")]


def test_fields_nobody_reviewed_are_no_training_data(tmp_path):
    from dataclasses import replace

    seen, other = fields("seen", "other")
    first, *rest = other.cells.cells
    unseen = replace(other, cells=replace(other.cells, cells=(replace(first, review="unseen"), *rest)))
    done = export_fields([seen, unseen], ExportChoices(("training", "labels"), tmp_path))
    assert (done["training"].fields, done["training"].left_out, done["labels"].fields) == (1, ["other"], 2)
    with pytest.raises(OptionError, match="the only field has not been reviewed.*--all-fields") as refused:
        export_fields([unseen], ExportChoices(("training",), tmp_path / "none"))
    assert "--" not in refused.value.window_message
    assert not (tmp_path / "none" / "training").exists()
    export_fields([unseen], ExportChoices(("training",), tmp_path / "all", reviewed_only=frozenset()))
    assert splits(tmp_path / "all" / "training").keys() == {"other"}


@pytest.mark.parametrize("kind", ["yolo-segment", "cellpose", "stardist", "ome-zarr", "ome-zarr-0.4"])
def test_formats_of_outlines_refuse_boxes(tmp_path, kind):
    with pytest.raises(ImageValueError, match="boxes.*outlines.*yolo-detect") as refused:
        export_fields([boxes_field()], ExportChoices((kind,), tmp_path))
    assert "YOLO boxes" in refused.value.window_message, "as the window calls them"
    assert not (tmp_path / kind).exists()


def test_unknown_format():
    with pytest.raises(OptionError, match=r"'excel'.*labels, training, coco"):
        export_fields([], ExportChoices(("excel",), None))


@pytest.mark.parametrize(
    "name", ["a/b", "..", "con", "NUL.tif", "x" * 300, "trailing. ", 'q"<>|?*', "a\x00b", "../../up"]
)
def test_names_are_safe_and_stay_inside(tmp_path, name):
    safe = safe_name(name)
    assert safe == safe_name(safe)
    assert not set(safe) & set('<>:"/\\|?*\x00')
    assert len(safe.encode()) <= 121
    assert not safe.endswith((".", " "))
    assert safe.upper().split(".")[0] not in {"CON", "NUL"}
    export_fields(fields(name), ExportChoices(("labels", "ome-zarr"), tmp_path / "out"))
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "labels" / "labels" / f"{safe}.ome.tif").is_file()


def test_names_that_differ_in_case_alone_do_not_meet():
    names = UniqueNames()
    assert [names.unique(name) for name in ("a", "A", "b", "a", "a-2")] == ["a", "A-2", "b", "a-3", "a-2-2"]


def test_names_of_planes_and_accents_do_not_meet(tmp_path):
    accents = UniqueNames()
    assert [accents.unique(name) for name in ("\u00e9", "e\u0301")] == ["\u00e9", "e\u0301-2"]
    fields = [field_of(stack(), "A"), field_of(np.ones((4, 4)), "a_Z001"), field_of(stack(), "a")]
    export_fields(fields, ExportChoices(("coco",), tmp_path))
    written = [path.name.casefold() for path in (tmp_path / "coco" / "images").iterdir()]
    assert len(written) == len(set(written)) == 9
    images = json.loads((tmp_path / "coco" / "annotations.json").read_text(encoding="utf-8"))["images"]
    assert len({image["file_name"].casefold() for image in images}) == 9


def test_an_export_of_yolo_holds_wherever_it_is_moved(tmp_path):
    export_fields([field_of(np.ones((4, 4)), "a")], ExportChoices(("yolo-segment",), tmp_path))
    text = (tmp_path / "yolo-segment" / "data.yaml").read_text(encoding="utf-8")
    assert "path" not in yaml.safe_load(text)
    assert str(tmp_path) not in text


def test_fields_are_taken_one_at_a_time(tmp_path):
    alive = []

    def stream():
        import gc
        import weakref

        for n in range(4):
            made = field_of(LABELS, f"f{n}")
            alive.append(weakref.ref(made.pixels))
            yield made
            del made
            gc.collect()
            assert sum(ref() is not None for ref in alive) <= 1, "fields pile up"

    export_fields(stream(), ExportChoices(tuple(FORMATS), tmp_path))
    assert len(alive) == 4


def test_pixels_and_labels_of_two_fields():
    with pytest.raises(ImageValueError, match="not one field"):
        field_of(np.ones((4, 4))).__class__("x", np.zeros((1, 5, 4)), field_of(np.ones((4, 4))).cells)
