"""Take the pictures of docs/night.md: a night at an instrument, from the first file to the page of the morning.

``python scripts/night_run.py FOLDER`` imitates an instrument that writes fields slowly into a folder of the day, one of
them cut off, while ``cellvino watch`` runs as a process of its own; in the morning one field is rejected and run again
with another recipe. Six earlier days are there from the start, so that the page can say what is unlike them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import napari
import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.gui.batch.batch_panel import BatchPanel
from napari_cellvino.gui.batch.field_table import WHERE
from napari_cellvino.gui.shell.demo import settle
from napari_cellvino.storage.ledger import ENDED, Job, JobState, Ledger

SIZE, PAGE_PX = (1280, 800), (1140, 1250)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DAYS, EACH_DAY, TONIGHT, SIDE = 6, 4, 8, 160
CHUNKS, PAUSE_S = 5, 0.2  # of a file that is written slowly
SURER = "model: nuclei\nchannel: '1'\ndevice: CPU\nparameters: {confidence: 0.8}\n"


def main() -> None:
    """Spend the night, and photograph the morning."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        inbox, out = Path(made) / "microscope", Path(made) / "results"
        _write_earlier_days(inbox)
        watch = subprocess.Popen(_command("watch", inbox, "--out", out, *_CHOICES))
        try:
            _wait(out, DAYS * EACH_DAY)
            _write_tonight(inbox)
            _wait(out, DAYS * EACH_DAY + TONIGHT)
            odd = str(inbox / _day(DAYS) / "field 4.tif")
            (Path(made) / "surer.yaml").write_text(SURER, encoding="utf-8")
            subprocess.run(_command("jobs", "reject", out, odd), check=True)
            subprocess.run(_command("jobs", "rerun", out, odd, "--recipe", Path(made) / "surer.yaml"), check=True)
            _wait(out, DAYS * EACH_DAY + TONIGHT)
        finally:
            watch.send_signal(signal.SIGINT)
            watch.wait()
        subprocess.run(_command("jobs", "list", out), check=True)
        _photograph_batch(out, folder / "night_batch.png")
        page = Path(made) / "page.html"
        text = (out / "summary.html").read_text(encoding="utf-8")
        page.write_text(text.replace(made, LAB), encoding="utf-8")
        _photograph_page(page, folder / "night_page.png")


LAB = "/lab"  # instead of the temporary folder
_CHOICES = ("--model", "nuclei", "--channel", "1", "--device", "CPU", "--settle", "1", "--every", "1")


def _command(*words: object) -> list[str]:
    return [sys.executable, "-m", "napari_cellvino.cli", *map(str, words)]


def _day(number: int) -> str:
    return f"2026-11-{number + 1:02d}"


def _wells() -> list[NDArray[np.uint16]]:
    return [tifffile.imread(path)[0] for path in sorted((shipped_folder("sample_data") / "plate").glob("*.ome.tif"))]


def _field(number: int, chance: np.random.Generator, light: float = 1.0) -> NDArray[np.uint16]:
    """Return a field (Y, X) with the light of the lamp that day."""
    wells = _wells()
    y, x = (int(corner) for corner in chance.integers(0, 96, 2))
    part = wells[number % len(wells)][y : y + SIDE, x : x + SIDE].astype(float)
    dark = np.percentile(part, 1)
    noisy = dark + (part - dark) * light + chance.normal(0, 2, part.shape)
    return np.clip(noisy, 0, 65535).astype(np.uint16)


def _write_earlier_days(inbox: Path) -> None:
    chance = np.random.default_rng(1)
    for day in range(DAYS):
        (inbox / _day(day)).mkdir(parents=True)
        for number in range(EACH_DAY):
            path = inbox / _day(day) / f"field {number + 1}.tif"
            tifffile.imwrite(path, _field(day + number, chance, chance.normal(1, 0.03)), compression="zlib")
            at = datetime.fromisoformat(f"{_day(day)}T12:00").timestamp() + number
            os.utime(path, (at, at))


def _write_tonight(inbox: Path) -> None:
    """Write the fields of the night in pieces, as over a slow network: the lamp is weak, and one file ends early."""
    chance, folder = np.random.default_rng(2), inbox / _day(DAYS)
    folder.mkdir()
    for number in range(TONIGHT):
        pixels = _field(number, chance, 0.45)
        if number == 3:  # a field at the rim of the well
            pixels[:, 16:] = pixels.min()
        with tempfile.TemporaryDirectory() as made:
            whole = Path(made) / "whole.tif"
            tifffile.imwrite(whole, pixels, compression="zlib")
            data = whole.read_bytes()
        data = data[: len(data) // 2] if number == 5 else data
        with (folder / f"field {number + 1}.tif").open("wb", buffering=0) as file:
            for start in range(0, len(data), len(data) // CHUNKS):
                file.write(data[start : start + len(data) // CHUNKS])
                time.sleep(PAUSE_S)
        at = datetime.fromisoformat(f"{_day(DAYS)}T23:00").timestamp() + number
        os.utime(folder / f"field {number + 1}.tif", (at, at))


def _wait(out: Path, count: int) -> None:
    """Wait until so many jobs have come to their end."""
    while True:
        jobs: list[Job] = Ledger(out).jobs()
        if len(jobs) == count and all(job.state in ENDED and job.state is not JobState.REJECTED for job in jobs):
            return
        time.sleep(0.5)


def _photograph_batch(out: Path, path: Path) -> None:
    viewer = napari.Viewer(title="CellVINO", show=True)
    viewer.window.resize(*SIZE)
    _, window = viewer.window.add_plugin_dock_widget("napari-cellvino", "CellVINO")
    settle(window)
    window.session.follow_batch(out)
    settle(window)
    panel = viewer.window.dock_widgets["Batch"].findChild(BatchPanel)
    panel.view.setColumnHidden(WHERE, True)  # the name of this computer
    panel.view.selectRow(len(panel.table.fields) - 1)
    settle(window)
    viewer.window.screenshot(str(path), canvas_only=False)
    viewer.close()


def _photograph_page(page: Path, path: Path) -> None:
    """Take a picture of a page with the browser of this computer."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise SystemExit(f"no browser to photograph the page with; install one of {', '.join(BROWSERS)}")
    size = f"--window-size={PAGE_PX[0]},{PAGE_PX[1]}"
    words = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        size,
        f"--screenshot={path.absolute()}",
    ]
    subprocess.run([browser, *words, page.as_uri()], check=True)


if __name__ == "__main__":
    main()
