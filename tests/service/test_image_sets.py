"""Sets of files that each open as the whole: run once when they are all there, and never counted twice."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
import tifffile

from napari_cellvino.service.inputs import Folders
from napari_cellvino.service.rules import RuleBook
from napari_cellvino.service.watch_events import JobEnded
from napari_cellvino.storage.field_ledger import FieldLedger, FieldState
from napari_cellvino.storage.ledger import JobState

HEAD = '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{}">'
ID = "urn:uuid:00000000-0000-0000-0000-00000000000{}"
COMPANION = "set.companion.ome"


def described(count: int, own: int) -> str:
    """Return the OME-XML of a set with a position in each file."""
    images = "".join(
        f'<Image ID="Image:{n}" Name="pos{n}"><Pixels ID="Pixels:{n}" DimensionOrder="XYCZT" Type="uint16" SizeX="160" '
        f'SizeY="96" SizeC="1" SizeZ="1" SizeT="1"><Channel ID="Channel:{n}:0" SamplesPerPixel="1"/>'
        f'<TiffData IFD="0" PlaneCount="1"><UUID FileName="set_{n}.ome.tif">{ID.format(n)}</UUID></TiffData></Pixels>'
        "</Image>"
        for n in range(count)
    )
    return f'<?xml version="1.0"?>{HEAD.format(ID.format(own))}{images}</OME>'


def write(inbox: Path, crops, numbers, said=lambda number: described(4, number)) -> None:
    for number in numbers:
        path = inbox / f"set_{number}.ome.tif"
        tifffile.imwrite(path, crops[number], description=said(number), metadata=None)


def counted(root: Path) -> list[str]:
    with (root / "counts.csv").open(encoding="utf-8", newline="") as file:
        return sorted(row["position"] for row in csv.DictReader(file) if row["status"] == "done")


def ended(events) -> dict[str, JobState]:
    return {Path(e.job.source).name: e.job.state for e in events if isinstance(e, JobEnded)}


def states(watch) -> list[str]:
    return sorted(job.state.value for job in watch.ledger.jobs())


def test_a_set_is_run_once_however_many_files_are_run_together(make_watch, inbox, crops, run_once, monkeypatch):
    monkeypatch.setattr("napari_cellvino.service.watch.BATCH", 2)
    write(inbox, crops, range(4))
    watch = make_watch()
    planned = {Path(plan.input).name: str(plan) for plan in watch.planned()}
    assert "belongs to set_0.ome.tif" in planned["set_3.ome.tif"]
    assert ended(run_once(watch)) == {"set_0.ome.tif": JobState.DONE}
    assert counted(watch.plan.root) == ["pos0", "pos1", "pos2", "pos3"]
    assert states(watch) == ["done", "skipped", "skipped", "skipped"]
    assert len({job.results for job in watch.ledger.jobs()}) == 1
    assert run_once(make_watch()) == []


@pytest.mark.parametrize("late", [(3,), (0, 2)])
def test_files_of_a_set_that_come_late_are_run_with_it(make_watch, inbox, crops, run_once, late):
    write(inbox, crops, set(range(4)) - set(late))
    watch = make_watch()
    run_once(watch)
    assert len(counted(watch.plan.root)) == 4 - len(late)
    with (watch.plan.root / "counts.csv").open(encoding="utf-8", newline="") as file:
        assert all(f"pos{late[0]}" in row["notices"] for row in csv.DictReader(file))
    write(inbox, crops, late)
    assert list(ended(run_once(make_watch())).values()) == [JobState.DONE]
    assert counted(watch.plan.root) == ["pos0", "pos1", "pos2", "pos3"]
    assert states(watch) == ["done", "skipped", "skipped", "skipped"]


def test_a_set_waits_for_files_that_are_missing_as_long_as_for_a_folder(make_watch, inbox, crops):
    write(inbox, crops, range(3))
    watch = make_watch(patience_s=60.0)
    found = list(Folders((inbox,), watch.plan.root, RuleBook().take).list())
    whole = watch._sets.of(found[0]).whole
    assert (whole.path.name, whole.files, whole.waits) == ("set_0.ome.tif", 4, True)
    assert watch._whole.look(whole, 0.0) == 60.0
    write(inbox, crops, [3])
    whole = watch._sets.of(found[0]).whole
    assert not whole.waits
    assert watch._whole.look(whole, 1.0) == 0.0


@pytest.mark.parametrize("touched", ["", "corrected", "judged"])
def test_what_describes_a_set_and_comes_after_its_files_were_run_counts_nothing_twice(
    make_watch, inbox, crops, run_once, touched
):
    points = HEAD + f'<BinaryOnly MetadataFile="{COMPANION}" UUID="{ID.format(9)}"/></OME>'
    write(inbox, crops, range(2), lambda number: points.format(ID.format(number)))
    watch = make_watch()
    root = watch.plan.root
    assert set(ended(run_once(watch)).values()) == {JobState.DONE}
    assert counted(root) == ["", ""]
    if touched == "corrected":
        (root / "set_1.corrections").write_text("")
    if touched == "judged":
        FieldLedger(root).review(["set_1"], FieldState.REJECTED)
    (inbox / COMPANION).write_text(described(2, 9), encoding="utf-8")
    late = ended(run_once(make_watch()))
    if touched:
        assert late == {COMPANION: JobState.FAILED}
        assert counted(root) == ["", ""]
        (job,) = watch.ledger.find([str(inbox / COMPANION)])
        assert "set_0.ome.tif, set_1.ome.tif" in job.error
        assert "counted twice" in job.error
        for number in range(2):
            shutil.rmtree(root / f"set_{number}")
        watch.ledger.update([job.source], state=JobState.WAITING)
        late = ended(run_once(make_watch()))
    assert late == {COMPANION: JobState.DONE}
    assert counted(root) == ["pos0", "pos1"]
    assert states(watch) == ["done", "skipped", "skipped"]
    assert touched or {record.position for record in FieldLedger(root).records()} == {"pos0", "pos1"}


def write_index(folder: Path, names: tuple[str, ...]) -> None:
    """Write the index of an IN Cell plate, whose images have names that say nothing."""
    images = "".join(
        f'<Image filename="{name}"><Well label="A - {n}"><Row number="1"/><Column number="{n}"/></Well>'
        f'<Identifier field_index="0" time_index="0" wave_index="0" z_index="0"/></Image>'
        for n, name in enumerate(names, 1)
    )
    text = (
        '<ImageStack version="1.3"><AutoLeadAcquisitionProtocol><Plate rows="8" columns="12"/><Wavelengths>'
        '<Wavelength index="0"><EmissionFilter name="DAPI" wavelength="455"/></Wavelength></Wavelengths>'
        f'</AutoLeadAcquisitionProtocol><Images number="{len(names)}">{images}</Images></ImageStack>'
    )
    (folder / "plate 7.xdce").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("is_judged", [False, True])
def test_a_plate_known_only_after_its_images_were_run_takes_their_place(make_watch, inbox, crops, run_once, is_judged):
    folder = inbox / "plate 7"
    folder.mkdir()
    for number in range(2):
        tifffile.imwrite(folder / f"im{number}.tif", crops[number])
    watch = make_watch()
    assert ended(run_once(watch)) == {"im0.tif": JobState.DONE, "im1.tif": JobState.DONE}
    root = Path(watch.ledger.jobs()[0].results)
    if is_judged:
        FieldLedger(root).review(["im1"], FieldState.ACCEPTED)
    write_index(folder, ("im0.tif", "im1.tif"))
    late = ended(run_once(make_watch()))
    if is_judged:
        assert late == {"plate 7": JobState.FAILED}
        (job,) = watch.ledger.find([str(folder)])
        assert "im0.tif, im1.tif of this plate" in job.error
        assert counted(root) == ["", ""]
    else:
        assert late == {"plate 7": JobState.DONE}
        assert states(watch) == ["done", "skipped", "skipped"]
        with (watch.plan.root / "plate 7" / "counts.csv").open(encoding="utf-8", newline="") as file:
            assert [row["well"] for row in csv.DictReader(file)] == ["A01", "A02"]
        assert sorted(path.parent.name for path in watch.plan.root.rglob("labels.tif")) != ["im0", "im1"]
    assert run_once(make_watch()) == []
