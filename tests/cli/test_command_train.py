"""``cellvino train --install`` and ``cellvino models back`` as they are typed."""

import pytest
import tifffile
from small_training import write_tiny_model

from napari_cellvino.core.errors import ModelPackageError, OptionError
from napari_cellvino.model_package import find_package
from napari_cellvino.training.progress_lines import read_progress


def test_going_back_needs_a_name_of_ones_own(cellvino, tmp_path, monkeypatch):
    monkeypatch.setenv("CELLVINO_MODELS", str(tmp_path))
    assert isinstance(cellvino("models", "back").error, OptionError)
    called = cellvino("models", "back", "nuclei")
    assert called.code == 2
    assert isinstance(called.error, ModelPackageError)
    assert "'nuclei'" in called.err


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:You are using the legacy TorchScript-based ONNX export:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The feature will be removed:DeprecationWarning")
def test_a_better_model_is_installed_and_one_command_goes_back(cellvino, samples, tmp_path, monkeypatch):
    pytest.importorskip("torch", reason="needs the train extra")
    from napari_cellvino.training.fit.finetune import TrainingResult

    monkeypatch.setenv("CELLVINO_MODELS", str(tmp_path / "models"))
    base, news = write_tiny_model(tmp_path), tmp_path / "news.jsonl"
    asked = ("train", tmp_path / "wells", "--base", base, "--out", tmp_path / "mine", "--steps", 3, "--install")
    for path in (tmp_path / "wells" / "labels").iterdir():
        tifffile.imwrite(path, tifffile.imread(path)[::-1, ::-1])
    monkeypatch.setattr(TrainingResult, "primary_metrics", property(lambda self: (0.3, 0.4)))
    doubted = cellvino(*asked[:5], tmp_path / "doubted", *asked[6:], "--json")
    assert (doubted.code, doubted.json["better"], doubted.json["mostly_doubted"]) == (1, False, True)
    assert doubted.json["installed"] is None
    assert len(doubted.json["doubts"]) == 2
    assert "It is not installed, as more than half of the labels are doubted" in doubted.err
    assert not (tmp_path / "models").exists()
    for path in (tmp_path / "wells" / "labels").iterdir():
        tifffile.imwrite(path, tifffile.imread(path)[::-1, ::-1])
    monkeypatch.setattr(
        TrainingResult, "primary_metrics", property(lambda self: (0.4, 0.3))
    )  # a few steps decide nothing
    worse = cellvino(*asked, "--progress", news, "--json")
    assert (worse.code, worse.json["better"]) == (1, False)
    assert not (tmp_path / "models").exists()
    told = read_progress(news)
    assert [n.step for n in told if n.step] == [1, 2, 3]
    assert told[-1].message == "scoring"

    monkeypatch.setattr(TrainingResult, "primary_metrics", property(lambda self: (0.3, 0.4)))
    better = cellvino(*asked)
    assert better.code == 0
    assert "mine 0.2.0" in better.err
    assert "cellvino models back mine" in better.err
    assert find_package("mine").label == "mine 0.2.0"
    image = samples / "plate" / "A01_s1.ome.tif"
    assert cellvino("run", image, "--model", "mine", "--channel", "DNA", "--out", tmp_path / "out").code == 0
    assert '"mine 0.2.0"' in (tmp_path / "out" / "A01_s1" / "annotation.json").read_text()
    assert cellvino("models", "back", "mine").out == "back to tiny 0.1.0\n"
    assert not (tmp_path / "models" / "mine").exists()
