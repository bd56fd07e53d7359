"""From labelled images to a package that runs, and on from there."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cellvino.core.errors import CellvinoError, OptionError, TrainingDataError
from napari_cellvino.core.resources import shipped_folder
from tests.small_training import PLAN

torch = pytest.importorskip("torch", reason="needs the train extra")
pytestmark = [
    pytest.mark.filterwarnings("ignore:You are using the legacy TorchScript-based ONNX export:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The feature will be removed:DeprecationWarning"),
]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder, plate = tmp_path / "wells", shipped_folder("sample_data") / "plate"
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True)
    lines = ["id,split"]
    for well, split in (("A01", "train"), ("A02", "train"), ("B02", "val")):
        tifffile.imwrite(folder / "images" / f"{well}.tif", tifffile.imread(plate / f"{well}_s1.ome.tif")[0])
        shutil.copy(plate / "labels" / f"{well}_s1.tif", folder / "labels" / f"{well}.tif")
        lines.append(f"{well},{split}")
    (folder / "splits.csv").write_text("\n".join(lines))
    (tmp_path / "plan.yaml").write_text(PLAN)
    return folder


def follow(task: object) -> tuple[list[object], object]:
    from napari_cellvino.training.fit.finetune import train

    running, news = train(task), []  # type: ignore[arg-type]
    while True:
        try:
            news.append(next(running))
        except StopIteration as end:
            return news, end.value


def test_a_model_is_made_runs_and_is_gone_on_from(dataset: Path, tmp_path: Path) -> None:
    from napari_cellvino.core.recipe import Precision
    from napari_cellvino.engines.openvino import OpenVinoEngine
    from napari_cellvino.training.fit.finetune import TrainingTask
    from napari_cellvino.training.fit.fit import FitProgress
    from napari_cellvino.training.fit.weights import fitted_network, package_network, package_plan

    news, fresh = follow(TrainingTask(dataset, tmp_path / "mine", plan=tmp_path / "plan.yaml"))
    package = fresh.package
    assert [n.step for n in news if isinstance(n, FitProgress)] == [1, 2, 3, 4, 5, 6]
    assert "choosing defaults on the validation fields" in news
    assert (package.spec.name, package.spec.version, package.spec.task) == ("mine", "0.1.0", "instances")
    assert {s.metric for s in package.spec.scores} >= {"ap50", "ap_mean", "count_error"}
    assert "Trained on 2 fields of wells" in package.card()
    assert str(tmp_path) not in package.card() + (package.folder / "rdf.yaml").read_text()

    engine = OpenVinoEngine(package, device="CPU", precision=Precision.EXACT)
    given, promised = package.test_tensors()
    engine.load(given.shape[-1])
    np.testing.assert_allclose(engine.infer(given), promised, atol=0.02)

    stored = package_network(package, package_plan(package)).state_dict()
    fitted = fitted_network(tmp_path / "mine.run", package_plan(package)).state_dict()
    for name, values in fitted.items():
        if values.dtype.is_floating_point:
            torch.testing.assert_close(stored[name], values, rtol=1e-3, atol=1e-3)

    news, further = follow(TrainingTask(dataset, tmp_path / "better", base=str(tmp_path / "mine"), steps=2))
    assert further.package.spec.version == "0.2.0"
    before, after = further.primary_metrics
    assert before is not None
    assert 0 <= after <= 1
    assert f"starting from mine 0.1.0 (sha256 {package.sha256[:12]})" in further.package.card()


def test_labels_of_other_images_are_told_first_and_the_model_is_not_better(dataset: Path, tmp_path: Path) -> None:
    from napari_cellvino.training.data.label_doubts import LabelDoubts
    from napari_cellvino.training.fit.finetune import TrainingTask

    turn_labels(dataset)
    news, trained = follow(TrainingTask(dataset, tmp_path / "mine", plan=tmp_path / "plan.yaml", steps=2))
    assert isinstance(news[0], LabelDoubts)
    assert [said.split()[3] for said in news[0].sentences] == ["A01", "A02"]
    assert trained.doubts == news[0]
    assert not trained.better
    assert "- Doubted: the outlines in A01" in trained.package.card()


def turn_labels(folder: Path) -> None:
    for well in ("A01", "A02"):
        path = folder / "labels" / f"{well}.tif"
        tifffile.imwrite(path, tifffile.imread(path)[::-1, ::-1])


def test_a_stopped_training_goes_on_and_other_choices_are_refused(dataset: Path, tmp_path: Path) -> None:
    from napari_cellvino.training.fit.finetune import TrainingTask, train

    task = TrainingTask(dataset, tmp_path / "mine", plan=tmp_path / "plan.yaml")
    running = train(task)
    assert [next(running).step for _ in range(3)] == [1, 2, 3]  # type: ignore[union-attr]
    running.close()
    assert next(train(task)).step == 4  # type: ignore[union-attr]
    with pytest.raises(TrainingDataError, match="other choices"):
        next(train(TrainingTask(dataset, tmp_path / "mine", plan=tmp_path / "plan.yaml", seed=1)))
    assert not (tmp_path / "mine").exists()


def one_image(folder: Path) -> None:
    for path in [*folder.glob("*/A02*"), *folder.glob("*/B02*")]:
        path.unlink()


def no_objects(folder: Path) -> None:
    for path in (folder / "labels").iterdir():
        tifffile.imwrite(path, np.zeros((256, 256), np.uint16))


def other_size(folder: Path) -> None:
    tifffile.imwrite(folder / "labels" / "A01.tif", np.ones((256, 250), np.uint16))


def no_labels(folder: Path) -> None:
    (folder / "labels" / "A01.tif").unlink()


def colour_labels(folder: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 255, (256, 256, 3)).astype(np.uint8)
    tifffile.imwrite(folder / "labels" / "A01.tif", colours, photometric="rgb")


def no_images(folder: Path) -> None:
    shutil.rmtree(folder / "images")


def other_columns(folder: Path) -> None:
    (folder / "splits.csv").write_text("name,part\nA01,train")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (one_image, "1 labelled field.*at least 2"),
        (no_objects, "none of its"),
        (other_size, "256 × 256 px, its labels 250 × 256"),
        (no_labels, "has neither labels/A01.tif nor boxes/A01.csv"),
        (colour_labels, "A01.tif .*colours"),
        (no_images, "is no set"),
        (other_columns, "needs the columns id and split"),
    ],
)
def test_bad_data_is_named(dataset: Path, tmp_path: Path, harm: object, said: str) -> None:
    from napari_cellvino.training.fit.finetune import TrainingTask, train

    harm(dataset)  # type: ignore[operator]
    with pytest.raises(TrainingDataError, match=said):
        next(train(TrainingTask(dataset, tmp_path / "mine", plan=tmp_path / "plan.yaml")))


def test_bad_choices_are_named(dataset: Path, tmp_path: Path) -> None:
    from napari_cellvino.training.fit.finetune import TrainingTask, train

    with pytest.raises(OptionError, match="--base|--plan"):
        next(train(TrainingTask(dataset, tmp_path / "mine")))
    with pytest.raises(OptionError, match="holds no model trained here"):
        next(train(TrainingTask(dataset, dataset, plan=tmp_path / "plan.yaml")))
    with pytest.raises(CellvinoError, match="there is no model 'nonesuch'"):
        next(train(TrainingTask(dataset, tmp_path / "mine", base="nonesuch")))


def test_fields_without_splits_are_parted_by_name(dataset: Path) -> None:
    from napari_cellvino.training.data.datasets import split_set

    (dataset / "splits.csv").unlink()
    learned, checked = split_set(dataset)
    assert sorted(f.id for f in learned + checked) == ["A01", "A02", "B02"]
    assert len(checked) == 1
    assert [f.id for f in split_set(dataset)[1]] == [checked[0].id]
