import io
import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from napari_cellvino import track
from napari_cellvino.annotation import EditSession
from napari_cellvino.annotation.tools.mark import accept
from napari_cellvino.cli import main
from napari_cellvino.cli.film_bar import FilmBar
from napari_cellvino.cli.track_options import LINKING
from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.image import MetadataOverrides, Spacing
from napari_cellvino.core.link_options import LinkOptions
from napari_cellvino.core.progress import Progress, finish
from napari_cellvino.core.recipe import make_recipe
from napari_cellvino.formats.ctc_tracks import read_ctc
from napari_cellvino.formats.track_formats import TRACK_FORMATS, read_track_points
from napari_cellvino.results.kept_looks import KeptLooks
from napari_cellvino.tracking.frame_cells import frame_cells
from napari_cellvino.tracking.track_edits import delete_track, link, unlink
from napari_cellvino.workflows.film import open_film
from napari_cellvino.workflows.film_label_files import pair_labels
from napari_cellvino.workflows.film_labels import open_labels
from napari_cellvino.workflows.frame_names import describe_series, times_of
from napari_cellvino.workflows.track_film import open_tracks, save_tracks
from napari_cellvino.workflows.watched_frames import CellLooks
from tests.tracking.film_maker import dividing_film

FORMATS = ",".join(TRACK_FORMATS)


def write_frames(folder: Path, frames: list[NDArray[np.generic]], name: str = "t{:02d}.tif") -> Path:
    folder.mkdir()
    for number, frame in enumerate(frames):
        tifffile.imwrite(folder / name.format(number), frame)
    return folder


def pictures(labels: list[NDArray[np.int32]]) -> list[NDArray[np.generic]]:
    return [(100 + 50 * frame + number).astype(np.uint16) for number, frame in enumerate(labels)]


@pytest.fixture
def film(tmp_path: Path) -> tuple[Path, Path]:
    labels = dividing_film()
    images = write_frames(tmp_path / "film", pictures(labels))
    return images, write_frames(tmp_path / "masks", [frame.astype(np.uint16) for frame in labels])


def run(*words: object) -> int:
    return main(["track", *map(str, words)])


def test_a_folder_of_frames_with_masks_becomes_tracks(film: tuple[Path, Path], tmp_path: Path) -> None:
    images, masks = film
    assert run(images, "--masks", masks, "--out", tmp_path / "out", "--interval", 60, "--pixel-size", 0.5) == 0
    tracks, files = read_ctc(tmp_path / "out" / "film" / "ctc")
    assert len(files) == 7
    assert [len(d) for d in tracks.divisions.values()] == [2]
    for file, mask in zip(files, sorted(masks.iterdir()), strict=True):
        np.testing.assert_array_equal(tifffile.imread(file) > 0, tifffile.imread(mask) > 0)
    lineage = pd.read_csv(tmp_path / "out" / "film" / "lineage.csv").set_index("track")
    assert lineage["ended"].tolist() == ["end of film", "division", "end of film", "end of film"]
    assert lineage.loc[2, "life_min"] == 2
    assert lineage.loc[3, "speed_um_per_min"] == pytest.approx(0.5, rel=0.02)  # 1 px of 0.5 µm in a minute
    assert lineage.loc[3, "straightness"] == pytest.approx(1)
    cells = pd.read_csv(tmp_path / "out" / "film" / "tracks.csv")
    assert cells.query("track == 1 and frame == 2")["mean_Channel 1"].item() == 152
    frames = pd.read_csv(tmp_path / "out" / "film" / "frames.csv")
    assert frames["divisions"].tolist() == [0, 0, 0, 1, 0, 0, 0]
    assert frames["cells"].tolist() == [2, 2, 2, 3, 3, 3, 3]
    for name in ("film.png", "lineage.png"):
        assert (tmp_path / "out" / "film" / name).stat().st_size > 10_000
    assert pd.read_csv(tmp_path / "out" / "film" / "doubts.csv").empty
    summary = json.loads((tmp_path / "out" / "film" / "film.json").read_text())
    assert summary["divisions_per_cell_and_hour"] == pytest.approx(1 / 14 * 60)  # 6 + 2 + 3 + 3 minutes


def test_one_file_with_a_label_stack_gives_the_same(film: tuple[Path, Path], tmp_path: Path) -> None:
    images, masks = film
    for folder in (images, masks):
        stack = np.stack([tifffile.imread(path) for path in sorted(folder.iterdir())])
        tifffile.imwrite(
            tmp_path / f"{folder.name}.tif", stack, imagej=True, metadata={"axes": "TYX", "finterval": 30.0}
        )
    run(images, "--masks", masks, "--out", tmp_path / "a")
    assert run(tmp_path / "film.tif", "--masks", tmp_path / "masks.tif", "--out", tmp_path / "b") == 0
    one, two = (tmp_path / name / "film" / "ctc" for name in "ab")
    assert (one / "res_track.txt").read_text() == (two / "res_track.txt").read_text()
    assert json.loads((tmp_path / "b" / "film" / "film.json").read_text())["interval_s"] == 30


def test_tracks_are_written_for_other_programs(film: tuple[Path, Path], tmp_path: Path) -> None:
    images, masks = film
    assert (
        run(
            images,
            "--masks",
            masks,
            "--out",
            tmp_path / "a",
            "--to",
            FORMATS,
            "--strips",
            2,
        )
        == 0
    )
    assert [p.name for p in sorted((tmp_path / "a" / "film" / "strips").iterdir())] == [
        "track_0001.png",
        "track_0003.png",
    ]
    for name, _ in TRACK_FORMATS.values():
        held = read_track_points(tmp_path / "a" / "film" / name)
        assert (len(held), len(held.edges())) == (18, 16)
        if name in ("trackmate.xml", "btrack.h5"):  # read back onto the label images, of which one misses a cell
            table = tifffile.imread(masks / "t01.tif")
            tifffile.imwrite(masks / "t01.tif", np.where(table == 1, 0, table))
            again = track(images, masks=masks, tracks=tmp_path / "a" / "film" / name)
            assert [len(d) for d in again.linked.tracks.divisions.values()] == [2]
            assert sorted(len(nodes) for nodes in again.linked.tracks.nodes.values()) == [3, 4, 4, 6]
            assert any("1 of the 18 points" in said for said in again.notices)
    assert run(images, "--masks", masks, "--out", tmp_path / "b", "--to", "hdf") == 2


def test_results_are_not_replaced_unasked(film: tuple[Path, Path], tmp_path: Path) -> None:
    images, masks = film
    assert run(images, "--masks", masks, "--out", tmp_path / "out") == 0
    assert run(images, "--masks", masks, "--out", tmp_path / "out") == 1
    assert run(images, "--masks", masks, "--out", tmp_path / "out", "--overwrite") == 0


def test_odd_frames_are_named(film: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images, masks = film
    tifffile.imwrite(images / "t01.tif", np.zeros((160, 160), np.uint16))
    tifffile.imwrite(masks / "t01.tif", np.zeros((160, 160), np.uint16))
    tifffile.imwrite(images / "t05.tif", tifffile.imread(images / "t04.tif"))
    tifffile.imwrite(images / "t06.tif", np.ones((150, 160), np.uint16) + np.eye(150, 160, dtype=np.uint16))
    assert run(images, "--masks", masks, "--out", tmp_path / "out") == 0
    said = capsys.readouterr().err
    assert "frame 2: of one value only" in said
    assert "frame 6: the same picture" in said
    assert "frame 7: of another size" in said
    tracks, _ = read_ctc(tmp_path / "out" / "film" / "ctc")
    assert len(tracks.nodes) == 4


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:3000])


@pytest.mark.parametrize(
    ("which", "cells", "said"),
    [
        ("film/t03.tif", 18, "frame 4: a picture that is damaged: intensities are not measured there"),
        ("film/t00.tif", 18, "frame 1: a picture that is damaged"),
        ("masks/t03.tif", 15, "frame 4 is damaged, no cells are known there, and cells are followed over the gap: t03"),
    ],
)
def test_over_a_damaged_frame_the_film_goes_on(
    film: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    which: str,
    cells: int,
    said: str,
) -> None:
    images, masks = film
    cut_short(tmp_path / which)
    assert run(images, "--masks", masks, "--out", tmp_path / "out", "--strips", "1") == 0
    assert said in capsys.readouterr().err
    out = tmp_path / "out" / "film"
    rows, tracks = pd.read_csv(out / "tracks.csv"), read_ctc(out / "ctc")[0]
    assert (len(rows), len(tracks.nodes), len(tracks.divisions)) == (cells, 4, 1)
    lost = int(which[-5])
    assert rows.loc[rows["frame"] == lost, "mean_Channel 1"].isna().all()
    assert rows.loc[rows["frame"] != lost, "mean_Channel 1"].notna().all()
    assert not np.asarray(open_film(images).as_stack().plane(t=lost, c=0, z=0)).any() or which.startswith("masks")
    for path in masks.iterdir():
        cut_short(path)
    assert run(images, "--masks", masks, "--out", tmp_path / "none") == 1
    assert "cut short" in capsys.readouterr().err


def test_label_images_of_volumes_may_miss_the_first_frame(tmp_path: Path) -> None:
    stacks = [np.stack([frame, frame]) for frame in dividing_film()]
    images = write_frames(tmp_path / "film", [np.stack([p, p]) for p in pictures(dividing_film())])
    masks = write_frames(tmp_path / "masks", [stack.astype(np.uint16) for stack in stacks])
    (masks / "t00.tif").unlink()
    assert run(images, "--masks", masks, "--out", tmp_path / "out") == 0
    held = tifffile.imread(tmp_path / "out" / "film" / "ctc" / "mask000.tif")
    assert (held.shape, int(held.max())) == (stacks[0].shape, 0)


def test_a_missing_frame_counts_in_time(film: tuple[Path, Path], tmp_path: Path) -> None:
    images, masks = film
    (images / "t04.tif").unlink()
    opened = open_film(images)
    assert opened.times == (0, 1, 2, 3, 5, 6)
    assert any("1 frame is missing" in said for said in opened.notices)
    assert open_labels(masks, opened).notices == ("1 label image is of no frame of the film and left out",)


def files(*numbers: int) -> list[Path]:
    return [Path(f"masks/mask{number:03d}.tif") for number in numbers]


@pytest.mark.parametrize(
    ("masks", "frames", "count", "expected"),
    [
        ((0, 1, 2), (0, 1, 2), 3, [0, 1, 2]),
        ((1, 2, 3), (0, 1, 2), 3, [1, 2, 3]),  # counted from another number
        ((0, 2), (0, 1, 2, 3), 4, [0, None, 2, None]),  # the last one is missing too
        ((1, 3), (), 3, [1, None, 3]),  # the film is one file, whose frames count from 1 then
        ((0, 1, 2, 3), (0, 3), 2, [0, 3]),
        ((0, 1, 3), (0, 2, 3), 3, None),  # as many, of other frames
        ((0, 1, 2), (0, 2, 5), 3, [0, 1, 2]),  # that only count the label images
        ((1, 2), (), 4, None),
    ],
)
def test_label_images_are_those_of_the_frames_with_their_numbers(
    masks: tuple[int, ...], frames: tuple[int, ...], count: int, expected: list[int | None] | None
) -> None:
    held = [Path(f"film/t{number:03d}.tif") for number in frames] or [Path("film.tif")]
    if expected is None:
        with pytest.raises(OptionError, match="one for each is needed"):
            pair_labels(files(*masks), held, count)
        return
    paired, said = pair_labels(files(*masks), held, count)
    assert [None if file is None else int(file.stem[4:]) for file in paired] == expected
    assert bool(said) == (None in expected or len(masks) > count or frames == (0, 2, 5))
    if frames == (0, 2, 5):
        with pytest.raises(OptionError, match="one for each is needed"):  # the label image of frame 2 may come yet
            pair_labels(files(*masks), held, count, growing=True)


@pytest.mark.parametrize(
    ("masks", "frames", "expected"),
    [
        (["b 1.5 late", "a 2.0 early"], ["a 2.0 early", "b 1.5 late", "c 2.0"], ["a 2.0 early", "b 1.5 late", None]),
        (["d1_h1", "d1_h2", "d2_h1"], ["d1_h2", "d2_h1"], ["d1_h2", "d2_h1"]),  # two numbers differ
        (["mask4"], ["t3", "t4"], [None, "mask4"]),  # a film that grows
    ],
)
def test_label_images_are_those_of_the_frames_with_their_names(
    masks: list[str], frames: list[str], expected: list[str | None]
) -> None:
    files = [Path(f"masks/{name}.png") for name in masks]
    paired, said = pair_labels(files, [Path(f"film/{name}.tif") for name in frames], len(frames))
    assert [None if file is None else file.stem for file in paired] == expected
    assert said


def test_numbers_that_are_not_of_cells_are_told(
    film: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels, noise = dividing_film(), np.random.default_rng(1).integers(0, 300, (7, 160, 160))
    binary = write_frames(tmp_path / "binary", [np.where(frame > 0, 255, 0).astype(np.uint8) for frame in labels])
    assert run(film[0], "--masks", binary, "--out", tmp_path / "a", "--follow", 0.1, "--settle", 0) == 0
    table = pd.read_csv(tmp_path / "a" / "film" / "frames.csv")
    assert table["cells"].tolist() == [len(np.unique(frame)) - 1 - (t == 3) for t, frame in enumerate(labels)]  # touch
    assert "connected parts are taken as the cells" in capsys.readouterr().err
    grey = write_frames(tmp_path / "grey", list(noise.astype(np.uint16)))
    assert run(film[0], "--masks", grey, "--out", tmp_path / "b") == 1
    assert "as grey values of a picture do" in capsys.readouterr().err
    for frame in labels:
        frame[2:8, 150:156] = 1
    several = track(np.stack(pictures(labels)), masks=np.stack(labels), axes="TYX")
    assert several.notices == (
        "5 labels of masks stand on pieces that lie apart, in 5 of 5 frames looked at: each is taken as one cell",
    )
    tifffile.imwrite(film[0] / "t06.tif", np.stack(pictures(labels)), metadata={"axes": "TYX"})
    assert run(film[0], "--masks", film[1], "--out", tmp_path / "c") == 1
    assert "t06.tif has 7 time points, and the others" in capsys.readouterr().err


def test_label_images_of_the_challenge_of_volumes_and_of_another_size(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = [frame.astype(np.uint16) for frame in dividing_film()[:3]]
    images = write_frames(tmp_path / "01", pictures(dividing_film()[:3]))
    masks = tmp_path / "01_ST" / "SEG"
    masks.mkdir(parents=True)
    for number, frame in enumerate(labels):  # three planes, which tifffile saves as colours unasked
        volume = np.stack([0 * frame, frame, frame])
        tifffile.imwrite(masks / f"man_seg{number:03d}.tif", volume, photometric="rgb", planarconfig="separate")
    assert run(images, "--masks", tmp_path / "01_ST", "--out", tmp_path / "out") == 0
    assert tifffile.imread(tmp_path / "out" / "01" / "ctc" / "mask001.tif").shape == (3, 160, 160)
    assert pd.read_csv(tmp_path / "out" / "01" / "frames.csv")["cells"].tolist() == [2, 2, 2]
    words = ("--model", "nuclei", "--feature-cost", 0.3, "--device", "CPU")
    assert run(images, "--masks", tmp_path / "01_ST", "--out", tmp_path / "c", *words) == 0
    assert "features did not count in 3 frames" in capsys.readouterr().err
    assert "features did not count in 3 frames" in (tmp_path / "c" / "01" / "film.json").read_text()
    np.save(tmp_path / "masks.npy", np.stack(labels)[:, :150])
    assert run(images, "--masks", tmp_path / "masks.npy", "--out", tmp_path / "b") == 0
    assert "frames 1, 2, 3: labels of another size than the picture" in capsys.readouterr().err


def test_the_folder_that_one_is_in_has_its_name(film: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(film[0])
    assert open_film(Path()).name == "film"


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"imagej": True, "metadata": {"axes": "TYX"}}, "the file is cut short: 4 of its 7 planes are there"),
        ({"ome": True, "metadata": {"axes": "CYX"}}, "7 channels and no time points: its channels are taken as time"),
        ({"names": "img_{}_c1.tif"}, "14 files are taken as 2 channels and 1 plane of 7 frames"),
    ],
)
def test_films_of_every_layout_have_their_frames(film: tuple[Path, Path], how: dict[str, object], said: str) -> None:
    path, frames = film[0].parent / "x.tif", np.stack(pictures(dividing_film()))
    if "names" in how:
        path = write_frames(film[0].parent / "x", [*frames], str(how["names"]))
        [tifffile.imwrite(path / f"img_{n}_c2.tif", frame) for n, frame in enumerate(frames)]
    else:
        tifffile.imwrite(path, frames, photometric="minisblack", **how)
    if "imagej" in how:
        with tifffile.TiffFile(path) as tif:
            begin = tif.pages.first.dataoffsets[0]
        path.write_bytes(path.read_bytes()[: begin + 4 * frames[0].nbytes + 9])
    opened = open_film(path)
    assert said in " ".join(opened.notices)
    assert (opened.count, opened.name) == (7, "x")
    stack, number = opened.frame(3)
    np.testing.assert_array_equal(stack.plane(t=number - 1), frames[3])
    shown = opened.as_stack()
    assert shown.shape[:3] == (7, 1 + ("names" in how), 1)
    assert len(open_labels(film[1], opened).labels(6)) == 160


def test_label_images_are_the_numbers_that_are_stored(film: tuple[Path, Path]) -> None:
    labels = [frame.astype(np.uint8) for frame in dividing_film()]
    darker = np.linspace(65535, 0, 256).astype(np.uint16)[None].repeat(3, 0)
    inverted = write_frames(film[0].parent / "m", [])
    opened = open_film(film[0])
    for number, frame in enumerate(labels):
        path = inverted / f"t{number:02d}.tif"
        if number % 3 == 0:
            tifffile.imwrite(path, frame, photometric="miniswhite")
        elif number % 3 == 1:
            tifffile.imwrite(path, frame, photometric="palette", colormap=darker)
        else:
            picture = Image.fromarray(frame, "P")
            picture.putpalette([7, 90, 3, 200, 1, 66] * 128)
            picture.save(path.with_suffix(".png"))
    given = open_labels(inverted, opened)
    for number, frame in enumerate(labels):
        np.testing.assert_array_equal(given.labels(number), frame)


def test_times_are_told_by_numbers_only_where_they_can_be() -> None:
    assert times_of(["a_t1", "a_t3", "a_t5"])[0] == (0, 1, 2)
    assert times_of(["a_t1", "a_t2", "a_t4"])[0] == (0, 1, 3)
    assert times_of(["x1_t1", "x2_t2", "x9_t3"])[0] == (0, 1, 2)
    assert times_of(["b", "c", "d"])[0] == (0, 1, 2)


def test_a_jump_of_the_numbers_is_said_where_they_count_frames() -> None:
    times, said = times_of([f"img_{number}" for number in (8, 9, 10, 11, 100)])
    assert times == (0, 1, 2, 3, 4)
    assert len(said) == 1
    assert "11 to 100" in said[0]
    assert times_of(["f_0958", "f_0959", "f_1000", "f_1001"]) == ((0, 1, 2, 3), ())  # a clock
    assert times_of(["f_095958", "f_095959", "f_100000"]) == ((0, 1, 2), ())
    assert times_of(["f_11", "f_47", "f_203", "f_229"]) == ((0, 1, 2, 3), ())  # no count


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ("snapshot.tif", "snapshot.tif is called unlike the others"),
        ("AVG_img_0.tif", "AVG_img_0.tif is called unlike the others"),
        ("img_002.tif", "img_2.tif, img_002.tif have the same number"),
    ],
)
def test_an_image_that_may_be_no_frame_is_said(odd: str, said: str) -> None:
    frames = [f"img_{number}.tif" for number in range(4)]
    assert describe_series(frames) == ()
    (notice,) = describe_series([*frames[:3], odd, *frames[3:]])  # names come by their numbers: 2, 002, 3
    assert notice.startswith(said)


def test_a_model_finds_the_cells_of_a_film(root: Path, tmp_path: Path) -> None:
    plane = tifffile.imread(root / "sample_data" / "nuclei_stack.ome.tif").max(0)
    frames = [np.roll(plane, 3 * t, 1)[:256, :256] for t in range(3)]
    tifffile.imwrite(tmp_path / "f.tif", np.stack(frames), imagej=True, metadata={"axes": "TYX"})
    assert main(["run", str(tmp_path / "f.tif"), "--track", "--out", str(tmp_path / "out"), "--device", "CPU"]) == 0
    cells = pd.read_csv(tmp_path / "out" / "f" / "tracks.csv")
    long = cells.groupby("track").filter(lambda held: len(held) == 3)
    assert long["track"].nunique() > 10
    steps = long.groupby("track")["x_px"].agg(lambda x: x.iloc[-1] - x.iloc[0])
    assert steps.median() == pytest.approx(6, abs=0.5)


def test_the_options_of_linking_are_those_of_python() -> None:
    assert sorted(LINKING.values()) == sorted(option.name for option in fields(LinkOptions))


def test_linking_is_a_step_of_the_recipe(film: tuple[Path, Path], tmp_path: Path) -> None:
    images, masks = film
    (tmp_path / "r.yaml").write_text("linking: {division: 9}\n")
    words = (images, "--masks", masks, "--recipe", tmp_path / "r.yaml", "--out")
    assert run(*words, tmp_path / "a") == 0
    assert run(*words, tmp_path / "b", "--division-cost", 0.4, "--gap", 1) == 0  # what is typed goes over it
    made = [json.loads((tmp_path / name / "film" / "film.json").read_text()) for name in "ab"]
    assert [one["divisions"] for one in made] == [0, 1]
    opened = open_tracks(tmp_path / "b" / "film").request
    assert (opened.recipe.linking, opened.masks) == (LinkOptions(gap=1), "masks")
    assert make_recipe(made[0]["recipe"]).linking == LinkOptions(division=9)
    made[1]["linking"] = {"division": 3.0}  # as it was written before the recipe had it
    del made[1]["recipe"]
    (tmp_path / "b" / "film" / "film.json").write_text(json.dumps(made[1]))
    assert open_tracks(tmp_path / "b" / "film").request.recipe.linking == LinkOptions(division=3)
    (tmp_path / "r.yaml").write_text("linking: {reech: 9}\n")
    assert run(*words, tmp_path / "c") == 2


def kept_features(folder: Path, labels: NDArray[np.int32]) -> NDArray[np.float64]:
    with KeptLooks(folder) as kept:
        placed = kept.of(5)
        assert placed is not None
        features = placed.of(frame_cells(labels)).features
    assert features is not None
    return features


def test_what_a_network_sees_is_kept_with_the_detections(film: tuple[Path, Path], tmp_path: Path) -> None:
    images, masks = film
    out = tmp_path / "out"
    words = (images, "--masks", masks, "--device", "CPU", "--out", out, "--feature-cost", 0.3, "--overwrite", "--model")
    assert run(*words, "nuclei") == 0
    opened = open_tracks(out / "film")
    assert (opened.request.recipe.model, opened.request.recipe.linking.features) == ("nuclei", 0.3)
    before = kept_features(out / "film", opened.annotation.pixels[5])
    assert before.shape == (3, 734)
    assert np.isfinite(before).all()
    EditSession(opened.annotation).commit(delete_track(opened.annotation, 1))
    with KeptLooks(out / "film") as kept:  # saved after a correction, they are still there
        finish(save_tracks(open_film(images), opened.annotation, np.zeros((7, 2)), opened.request, looks=kept.of))
    after = kept_features(out / "film", open_tracks(out / "film").annotation.pixels[5])
    np.testing.assert_array_equal(after, before[1:])
    with pytest.raises(OptionError, match="name a model"):
        CellLooks(make_recipe({"model": "", "linking": {"features": 0.3}}))


@pytest.mark.parametrize(("count", "cells", "said"), [(1, True, "one frame only"), (3, False, "no cells in any frame")])
def test_films_of_little_are_written(
    count: int, cells: bool, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = [frame * cells for frame in dividing_film()[:count]]
    images = write_frames(tmp_path / "film", pictures(labels))
    masks = write_frames(tmp_path / "masks", [frame.astype(np.uint16) for frame in labels])
    assert run(images, "--masks", masks, "--out", tmp_path / "out", "--to", FORMATS) == 0
    assert said in capsys.readouterr().err
    assert len(list((tmp_path / "out" / "film" / "ctc").glob("mask*.tif"))) == count
    assert len(pd.read_csv(tmp_path / "out" / "film" / "frames.csv")) == count
    assert pd.read_csv(tmp_path / "out" / "film" / "lineage.csv")["parent"].sum() == 0


def test_what_is_of_fields_is_refused_for_films(film: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", str(film[0]), "--track", "--out", str(film[0] / "out"), "--cluster", "local:2", "--wells", "A01"]
    assert main(words) == 2
    assert "--cluster, --wells: of fields that are run by themselves" in capsys.readouterr().err


def test_time_backwards_is_refused(film: tuple[Path, Path], tmp_path: Path) -> None:
    images, masks = film
    assert run(images, "--masks", masks, "--out", tmp_path / "out", "--interval", -5) == 2


def test_label_images_of_another_film_are_doubted(tmp_path: Path) -> None:
    labels, rng = dividing_film(), np.random.default_rng(0)
    noisy = [(frame + rng.normal(0, 10, frame.shape)).astype(np.uint16) for frame in pictures(labels)]
    film = open_film(write_frames(tmp_path / "film", noisy))
    own = write_frames(tmp_path / "own", [frame.astype(np.uint16) for frame in labels])
    others = [np.roll(frame, (-25, 20), (0, 1)).astype(np.uint16) for frame in labels]
    assert open_labels(own, film).notices == ()
    (said,) = open_labels(write_frames(tmp_path / "others", others), film).notices
    assert "the outlines of others lie on edges of the pictures hardly more than turned over" in said
    near = [np.roll(frame, (0, 8), (0, 1)).astype(np.uint16) for frame in labels]  # partly over their own cells
    (said,) = open_labels(write_frames(tmp_path / "near", near), film).notices
    assert "the outlines of near lie on edges of the pictures hardly more than moved by half a cell" in said


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("a_t0", "a_t1", "b_t0", "b_t1"), "called in 2 ways (a_t#, b_t#)"),
        (("s1_t0", "s1_t1", "s2_t0", "s2_t1"), "begins again at s2_t0.tif"),
        (("s1_t0", "s1_t1", "s1_t2", "s1_t3"), ""),
        (("d1_t8", "d1_t9", "d2_t10", "d2_t11"), ""),
    ],
)
def test_two_films_in_a_folder_are_told(tmp_path: Path, names: tuple[str, ...], said: str) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for name in names:
        tifffile.imwrite(folder / f"{name}.tif", np.zeros((8, 8), np.uint16))
    notices = [each for each in open_film(folder).notices if "folder of its own" in each]
    assert (len(notices), said in "".join(notices)) == (bool(said), True)


def test_a_terminal_tells_frames_a_second_though_they_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", terminal)
    with FilmBar("film") as bar:
        bar._bar.start_t -= 100
        bar._bar.last_print_t -= 100
        bar.report(Progress("frames", 4, 16))
    assert "4 of 16" in terminal.getvalue()
    assert "0.04 frames/s" in terminal.getvalue()


@pytest.mark.parametrize("accepted", [2, 3])
def test_families_of_accepted_tracks_stay(film: tuple[Path, Path], tmp_path: Path, accepted: int) -> None:
    images, masks = film
    run(images, "--masks", masks, "--out", tmp_path / "out")
    opened = open_tracks(tmp_path / "out" / "film")
    opened.annotation.apply(accept(opened.annotation, [accepted]))  # the mother, or one of two daughters
    finish(save_tracks(open_film(images), opened.annotation, np.zeros((7, 2)), opened.request))
    assert run(images, "--masks", masks, "--out", tmp_path / "out", "--overwrite") == 0
    tracks = open_tracks(tmp_path / "out" / "film").annotation
    families = [record.parent for record in tracks.records.values()]
    assert sorted(families)[:2] == [0, 0]
    (mother,) = set(families) - {0}
    assert len(families) == 4
    assert accepted in (mother, *(r.id for r in tracks.records.values() if r.parent == mother))


def lives(folder: Path) -> list[tuple[int, int, int]]:
    """The first and the last frame of each track."""
    table = pd.read_csv(folder / "lineage.csv")
    return list(zip(table["track"], table["first_frame"], table["last_frame"], strict=True))


def test_corrected_tracks_are_saved_and_kept_when_a_film_is_tracked_again(
    film: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images, masks = film
    folder = tmp_path / "out" / "film"
    run(images, "--masks", masks, "--out", tmp_path / "out", "--interval", 60)
    opened = open_tracks(folder)
    annotation = opened.annotation
    annotation.apply(link(annotation, 2, 3, 3))  # it did not divide: 3 is the cell, and 4 another one
    annotation.apply(unlink(annotation, 1, 5))
    annotation.apply(delete_track(annotation, 4))
    finish(save_tracks(open_film(images), annotation, np.zeros((7, 2)), opened.request))
    assert json.loads((folder / "film.json").read_text())["divisions"] == 0
    assert json.loads((folder / "film.json").read_text())["interval_s"] == 60
    assert run(images, "--masks", masks, "--out", tmp_path / "out", "--overwrite") == 0
    assert "kept as you corrected them: 4 tracks" in capsys.readouterr().err
    again = open_tracks(folder).annotation
    assert again.fingerprint() == annotation.fingerprint()
    assert pd.read_csv(folder / "lineage.csv")["track"].tolist() == [1, 2, 5]
    assert pd.read_csv(folder / "frames.csv")["cells"].tolist() == [2] * 7  # what was deleted does not come back
    spans = [(1, 0, 4), (2, 0, 6), (5, 5, 6)]
    assert lives(folder) == spans
    for held in (images, masks):  # the film has grown
        (held / "t07.tif").write_bytes((held / "t06.tif").read_bytes())
    follow = (images, "--masks", masks, "--out", tmp_path / "out", "--interval", 60, "--follow", 0.1, "--settle", 0)
    assert run(*follow) == 0
    grown = [(1, 0, 4), (2, 0, 7), (5, 5, 7)]
    assert lives(folder)[:3] == grown  # and a cell of the new frame that was deleted in those before
    records = open_tracks(folder).annotation
    assert dict(records.deleted) == dict(again.deleted)
    assert {t: records.records[t] for t in again.records} == dict(again.records)
    for held in (images, masks):
        (held / "t08.tif").write_bytes((held / "t06.tif").read_bytes())
    assert run(images, "--masks", masks, "--out", tmp_path / "out", "--overwrite") == 0
    assert "they go on in 1 further frame" in capsys.readouterr().err
    assert lives(folder)[:3] == [(track, first, last + (track > 1)) for track, first, last in grown]
    for held in (images, masks):
        for name in ("t07.tif", "t08.tif"):
            (held / name).unlink()
    for held in (images, masks):
        (held / "t06.tif").unlink()
    assert run(images, "--masks", masks, "--out", tmp_path / "out", "--overwrite") == 1


def test_frames_with_other_pixels_than_the_first_are_told(tmp_path: Path) -> None:
    for number in range(5):
        size = {"PhysicalSizeX": 0.5 if number < 3 else 0.25, "PhysicalSizeY": 0.5 if number < 3 else 0.25}
        pixels = np.zeros((16, 16), np.uint16 if number < 4 else np.uint8)
        tifffile.imwrite(tmp_path / f"t{number}.tif", pixels, ome=True, metadata={"axes": "YX", **size})
    size_told, type_told = open_film(tmp_path).notices
    assert size_told == "t3.tif says a pixel of 0.25 µm, and the first frame 0.5 µm, which is taken for all"
    assert type_told.startswith("t4.tif has pixels of uint8, and the first frame of uint16")
    said = MetadataOverrides(spacing=Spacing(None, 0.4, 0.4))
    assert len(open_film(tmp_path, said).notices) == 1
