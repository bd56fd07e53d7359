"""Corrections to a new model: the set, a real short training in its own process, a stop, a verdict, the picture."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
from small_training import write_corrections, write_tiny_model

from napari_cellvino.core.errors import ImageReadError, OptionError, TrainingDataError
from napari_cellvino.core.progress import finish
from napari_cellvino.model_package import find_package, open_package
from napari_cellvino.training.fit.finetune import TrainingTask, train
from napari_cellvino.training.progress_lines import TrainingProgress, read_progress, write_progress
from napari_cellvino.workflows.retrain import RetrainChoices, find_corrections, retrain, write_training_set


@pytest.fixture(scope="module")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corrections(tmp_path_factory.mktemp("corrected"))


def choices(corrected: Path, work: Path, **more: object) -> RetrainChoices:
    fields = tuple(field.folder for field in find_corrections(corrected))
    return RetrainChoices(fields, work, base="nuclei", name="mine", **more)  # type: ignore[arg-type]


def test_a_name_that_no_model_can_have_is_told_before_the_training(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="'my-cells' is possible"):
        next(retrain(RetrainChoices((), tmp_path, base="nuclei", name="My cells")))
    task = TrainingTask(tmp_path, tmp_path / "My cells", base="nuclei")
    with pytest.raises(OptionError, match="'my-cells' is possible"):
        next(train(task))


def test_corrections_are_found_with_what_was_looked_at(corrected: Path, tmp_path: Path) -> None:
    found = find_corrections(corrected)
    assert [field.folder.name for field in found] == ["A01_s1", "A02_s1", "B02_s1"]
    assert [field.cells for field in found] == [58, 46, 40]
    assert all(field.complete and field.edited == 0 for field in found)
    assert find_corrections(corrected / "A01_s1")[0].cells == 58
    with pytest.raises(ImageReadError, match="holds no saved results"):
        find_corrections(tmp_path)
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "annotation.json").write_text("{")
    with pytest.raises(ImageReadError, match="annotation.json"):
        find_corrections(tmp_path)


def test_splits_stay_when_fields_are_added(corrected: Path, tmp_path: Path) -> None:
    def splits() -> dict[str, str]:
        with (tmp_path / "training" / "splits.csv").open() as handle:
            return {row["id"]: row["split"] for row in csv.DictReader(handle)}

    all_three = choices(corrected, tmp_path)
    write_training_set(RetrainChoices(all_three.fields[:2], tmp_path, "nuclei", "mine"))
    before = splits()
    assert write_training_set(all_three).fields == 3
    assert splits().items() >= before.items()
    with pytest.raises(TrainingDataError, match="at least 2 are needed"):
        write_training_set(RetrainChoices(all_three.fields[:1], tmp_path, "nuclei", "mine"))


def test_fields_that_nobody_looked_at_are_not_learned_from(tmp_path: Path) -> None:
    unseen = write_corrections(tmp_path / "results", ("A01", "A02"), review="unseen")
    with pytest.raises(OptionError, match="reviewed to its last cell"):
        write_training_set(choices(unseen, tmp_path / "work"))
    assert write_training_set(choices(unseen, tmp_path / "work", all_fields=True)).fields == 2


def test_news_of_steps_done_again_replace_the_old_ones(tmp_path: Path) -> None:
    path = tmp_path / "news.jsonl"
    assert read_progress(path) == []
    for step in (1, 2, 3, 2):
        write_progress(path, TrainingProgress(step=step, steps=9, loss={"a": step, "b": 1.0}))
    with path.open("a") as handle:
        handle.write('{"step": 5, "lo')
    assert [news.step for news in read_progress(path)] == [1, 2]
    assert read_progress(path)[-1].total_loss == 3.0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:You are using the legacy TorchScript-based ONNX export:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The feature will be removed:DeprecationWarning")
def test_both_models_are_scored_and_nothing_is_trained_twice(corrected: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the train extra")
    base = write_tiny_model(tmp_path)
    asked = RetrainChoices(
        tuple(f.folder for f in find_corrections(corrected)), tmp_path / "work", str(base), "mine", epochs=1
    )
    news = list(retrain(asked))
    assert news[0].message == "reading the corrections"
    assert max(n.step for n in news) == 10
    assert any(n.validation is not None for n in news)
    done = finish(retrain(asked))  # all there: nothing is trained again
    assert done.package.name == "mine"
    assert open_package(done.package).label == "mine 0.2.0"
    assert "starting from tiny 0.1.0" in open_package(done.package).card()
    for metric in ("ap50", "f1_50", "count_error"):
        before, after = done.value(metric)
        assert before is not None
        assert after is not None
    assert done.better == (goal(done, 1) > goal(done, 0))


def goal(done: object, side: int) -> float:
    return float(np.mean([done.value(metric)[side] for metric in ("ap50", "ap_mean")]))  # type: ignore[attr-defined]


def test_a_failed_training_says_its_own_words(corrected: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the train extra")
    fields = tuple(field.folder for field in find_corrections(corrected))
    with pytest.raises(TrainingDataError, match="'nonesuch'"):
        finish(retrain(RetrainChoices(fields, tmp_path, "nonesuch", "mine")))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:You are using the legacy TorchScript-based ONNX export:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The feature will be removed:DeprecationWarning")
def test_corrections_that_lie_elsewhere_are_told_with_the_scores(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the train extra")
    turned = write_corrections(tmp_path / "results", ("A01", "B02"), turned=True)
    fields = tuple(f.folder for f in find_corrections(turned))
    done = finish(retrain(RetrainChoices(fields, tmp_path / "work", str(write_tiny_model(tmp_path)), "mine", epochs=1)))
    assert (done.better, done.mostly_doubted, len(done.doubts)) == (False, True, 2)
    assert "would lie on" in done.doubts[0]


def test_a_training_that_was_killed_says_so(corrected: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason="needs the train extra")
    killed = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
    monkeypatch.setattr("napari_cellvino.workflows.retrain.COMMAND", killed)
    with pytest.raises(TrainingDataError, match=r"from outside \(signal 9\)"):
        finish(retrain(choices(corrected, tmp_path)))


def test_without_torch_it_says_how_to_get_it(corrected: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_cellvino.workflows.retrain.find_spec", lambda name: None)
    with pytest.raises(OptionError, match=r"pip install 'napari-cellvino\[train\]'"):
        finish(retrain(choices(corrected, tmp_path)))


def test_the_picture_shows_where_two_models_differ() -> None:
    from napari_cellvino.core.resources import shipped_folder
    from napari_cellvino.training.data.datasets import LabelledImage, read_picture
    from napari_cellvino.workflows.model_difference import CORRECT, MISSED, find_difference

    plate = shipped_folder("sample_data") / "plate"
    field = LabelledImage(
        "A01", "plate", read_picture(plate / "A01_s1.ome.tif"), read_picture(plate / "labels" / "A01_s1.tif")
    )
    nuclei, phase = find_package("nuclei"), find_package("cells-phase")
    found = finish(find_difference([field], phase, nuclei))
    assert found is not None
    assert (found.true, found.right_after > 55, found.right_before < found.right_after) == (58, True, True)
    left, right = np.array_split(found.picture, 2, axis=1)
    assert (right == CORRECT).all(-1).sum() > (left == CORRECT).all(-1).sum()
    assert (left == MISSED).all(-1).any()
    assert finish(find_difference([field], find_package("live-dead"), nuclei)) is None
