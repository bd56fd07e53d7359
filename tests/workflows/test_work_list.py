"""The work list: fields as they stand on disk, and runs over some of them."""

from pathlib import Path

import numpy as np
import tifffile

from napari_cellvino.core.progress import finish
from napari_cellvino.results.store import ResultStore
from napari_cellvino.workflows.run_folder import run_folder, run_listed
from napari_cellvino.workflows.work_list import WorkState, read_work_list, usual_root


def listed(inputs, root):
    return list(read_work_list(inputs, ResultStore(root)))


def test_list_shows_what_stands_from_any_run(images, job, tmp_path):
    folder = images[0].parent
    film = tmp_path / "film.tif"
    tifffile.imwrite(film, np.stack([tifffile.imread(images[0])] * 2), imagej=True, metadata={"axes": "TYX"})
    finish(run_folder(images[:1], job.pipeline, job.root, job.engines))
    fields = listed([folder, film], job.root)
    assert [(field.origin.name, field.state) for field in fields] == [
        ("field 1", WorkState.DONE), ("field 2", WorkState.WAITING), ("field 3", WorkState.WAITING),
        ("film", WorkState.WAITING), ("film t2", WorkState.WAITING),
    ]  # fmt: skip
    assert fields[0].count == int(ResultStore(job.root).row(job.root / "field 1")["count"])
    origins = [fields[4].origin, fields[1].origin]
    result = finish(run_listed(origins, job.pipeline, job.root, job.engines))
    assert [outcome.row["folder"] for outcome in result.outcomes] == ["film t2", "field 2"]
    again = listed([folder, film], job.root)
    assert [field.state is WorkState.DONE for field in again] == [True, True, False, False, True]


def test_listed_run_writes_what_a_run_of_the_folder_does(images, job, tmp_path):
    finish(run_folder(images, job.pipeline, job.root, job.engines))
    other = tmp_path / "listed" / job.root.name
    finish(run_listed([f.origin for f in listed(images, other)], job.pipeline, other, job.engines))
    for name in ("field 1/annotation.json", "field 1/labels.tif", "field 2/objects.csv", "counts.csv", "recipe.yaml",
                 "summary.html"):  # fmt: skip
        assert (other / name).read_bytes() == (job.root / name).read_bytes()


def test_failed_fields_tell_why_and_ledger_fields_from_elsewhere_follow(images, job, tmp_path, monkeypatch):
    folder = images[0].parent
    broken = folder / "broken.tif"
    broken.write_bytes(b"II*\x00no image")
    elsewhere = tmp_path / "elsewhere.tif"
    elsewhere.write_bytes(images[0].read_bytes())
    finish(run_folder([broken, elsewhere], job.pipeline, job.root, job.engines))
    fields = {field.origin.name: field for field in listed([folder], job.root)}
    assert fields["broken"].state is WorkState.FAILED
    assert "broken.tif" in fields["broken"].error
    assert list(fields)[-1] == "elsewhere"
    assert fields["elsewhere"].state is WorkState.DONE
    monkeypatch.setattr(Path, "home", lambda: job.root.parent)
    at_home = job.root.rename(job.root.with_name("cellvino-results"))
    assert [field.origin.name for field in listed([folder], at_home)] == [*fields][:-1], "it is of another folder"
    assert "elsewhere" in [field.origin.name for field in listed([at_home], at_home)]


def test_usual_root_is_beside_the_images_or_the_results_themselves(images, job):
    folder = images[0].parent
    assert usual_root([folder]) == usual_root(images) == folder / "cellvino-results"
    finish(run_folder(images[:1], job.pipeline, job.root, job.engines))
    assert usual_root([job.root]) == job.root
    assert [field.origin.name for field in listed([job.root], Path(job.root))] == ["field 1"]
