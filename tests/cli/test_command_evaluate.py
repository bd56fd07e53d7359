"""Golden: the shipped model on the shipped samples, against their simulated truth."""

import shutil

import numpy as np
import pytest
import tifffile

from napari_cellvino import evaluate_model
from napari_cellvino.core.errors import OptionError, TrainingDataError


@pytest.fixture(scope="module")
def truth(samples, tmp_path_factory):
    """The true label images of the stack and of the plate, in one folder each."""
    stack = tmp_path_factory.mktemp("truth")
    shutil.copy(samples / "nuclei_stack_labels.tif", stack)
    return {"stack": stack, "plate": samples / "plate" / "labels"}


@pytest.mark.parametrize(("what", "fields", "f1"), [("stack", 1, 0.8), ("plate", 6, 0.9)])
def test_shipped_model_finds_the_sample_nuclei(cellvino, sample_run, truth, what, fields, f1):
    score = cellvino("evaluate", sample_run, truth[what], "--json").json
    assert score["fields"] == fields
    assert score["problems"] == []
    assert score["f1_50"] >= f1
    assert score["count_error"] <= 0.25 * score["true"] / fields


def test_words_and_json_tell_the_same(cellvino, sample_run, truth):
    called = cellvino("evaluate", sample_run, truth["plate"])
    score = cellvino("evaluate", sample_run, truth["plate"], "--json").json
    assert called.code == 0
    assert f"{score['predicted']} found, {score['true']} true" in called.out
    assert f"F1@0.5   {score['f1_50']:.3f}" in called.out


def test_truth_against_itself_is_perfect(cellvino, truth):
    score = cellvino("evaluate", truth["plate"], truth["plate"], "--json").json
    assert (score["ap_mean"], score["f1_50"], score["pq_50"], score["dice"]) == (1, 1, 1, 1)
    assert score["count_r"] == pytest.approx(1)


def test_small_objects_can_be_left_out(cellvino, truth):
    every = cellvino("evaluate", truth["plate"], truth["plate"], "--json").json["true"]
    large = cellvino("evaluate", truth["plate"], truth["plate"], "--min-area", "120", "--json").json["true"]
    assert 0 < large < every


@pytest.fixture(scope="module")
def labelled(samples, tmp_path_factory):
    """The plate as a labelled set with splits: one field for testing, one for validation."""
    folder = tmp_path_factory.mktemp("labelled") / "plate"
    for kind, source, ending in (("images", "plate", ".ome.tif"), ("labels", "plate/labels", ".tif")):
        (folder / kind).mkdir(parents=True)
        for well in ("A01_s1", "B03_s1"):
            shutil.copy(samples / source / f"{well}{ending}", folder / kind)
    (folder / "splits.csv").write_text("id,split,dose\nA01_s1,val,none\nB03_s1,test,high\n")
    return folder


def test_a_model_is_scored_on_a_labelled_set(cellvino, labelled):
    answer = cellvino("evaluate", labelled, "--model", "nuclei", "--split", "val", "--json").json
    assert answer["model"].startswith("nuclei ")
    values = {(s["set"], s["metric"], s["precision"]): s["value"] for s in answer["scores"]}
    assert values["plate val", "true", "fast"] == values["plate val", "true", "exact"] == 58
    assert values["plate val", "f1_50", "fast"] > 0.85


def test_fields_are_chosen_by_their_columns_and_the_table_is_that_of_a_card(cellvino, labelled):
    words = ("evaluate", labelled, "--model", "nuclei", "--where", "dose=high", "--precision", "fast")
    card = cellvino(*words, "--markdown").out.splitlines()
    assert card[:2] == ["| set | score | Fast |", "| --- | --- | ---: |"]
    assert card[2].startswith("| plate, high | AP@0.5 | ")
    assert "|  | true cells | 26 |" in card
    assert cellvino(*words).out.splitlines()[1].split()[:3] == ["plate,", "high", "AP@0.5"]


def test_labels_of_a_set_that_lie_elsewhere_are_told_with_the_scores(cellvino, labelled, tmp_path, caplog):
    turned = shutil.copytree(labelled, tmp_path / "turned")
    path = turned / "labels" / "A01_s1.tif"
    tifffile.imwrite(path, tifffile.imread(path)[::-1, ::-1])
    words = ("evaluate", turned, "--model", "nuclei", "--split", "val", "--precision", "fast", "--json")
    called = cellvino(*words)
    (said,) = called.json["doubts"]
    assert "the outlines in A01_s1 would lie on" in said
    assert said in called.err
    evaluate_model(turned, "nuclei", split="val", precision="fast")
    assert said in caplog.messages
    assert cellvino("evaluate", labelled, *words[2:]).json["doubts"] == []


def test_what_cannot_be_scored_is_an_error_with_its_facts(cellvino, labelled, truth):
    score = ("evaluate", labelled, "--model", "nuclei")
    for words, kind, facts in (
        ((*score, "--split", "train"), (TrainingDataError, OptionError), ("--split train",)),
        ((*score, "--where", "type=x"), OptionError, ("'type'", "id")),
        ((*score, "--where", "type"), OptionError, ("type", "'='")),
        (("evaluate", truth["plate"], "--model", "nuclei"), TrainingDataError, (str(truth["plate"]),)),
    ):
        called = cellvino(*words)
        assert isinstance(called.error, kind)
        assert all(fact in called.err for fact in facts)
    for words in (("evaluate", labelled), (*score[:2], truth["plate"], *score[2:])):
        called = cellvino(*words)
        assert called.code == 2
        assert isinstance(called.error, OptionError)


def test_fields_without_partner_and_unfit_ones_are_named(cellvino, truth, tmp_path):
    for path in sorted(truth["plate"].glob("A0[12]*")):
        shutil.copy(path, tmp_path)
    tifffile.imwrite(tmp_path / "A03_s1.tif", np.zeros((9, 9), np.uint16))
    (tmp_path / "B01_s1.tif").write_bytes(b"II*\0")
    called = cellvino("evaluate", tmp_path, truth["plate"], "--json")
    assert called.code == 1
    assert called.json["fields"] == 2
    assert [problem.split(":")[0] for problem in called.json["problems"]] == ["A03_s1", "B01_s1", "B02_s1", "B03_s1"]
    assert all(name in called.err for name in ("A03_s1", "B01_s1", "B02_s1", "B03_s1"))


def test_folders_that_have_nothing_in_common(cellvino, sample_run, tmp_path):
    called = cellvino("evaluate", sample_run, tmp_path)
    assert called.code == 1
    assert str(sample_run) in called.err
    assert str(tmp_path / "absent") in cellvino("evaluate", tmp_path / "absent", sample_run).err


def test_one_field_has_no_correlation_and_still_is_json(cellvino, sample_run, truth):
    assert cellvino("evaluate", sample_run, truth["stack"], "--json").json["count_r"] is None
