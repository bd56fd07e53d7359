"""How much memory a stack of 1 GB takes: the command itself, in a process of its own, watched from outside."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.figure import Figure
from benchmarks.scenes import write_large_stack

GOAL_GB = 1.5
COMMAND = "import sys; from napari_cellvino.cli import main; sys.exit(main())"
NEEDED_BYTES = 3 * 10**9
SAMPLE_EVERY_S = 0.005  # of the memory of a process: its highest is not told of a part of its life


def measure_memory() -> list[Figure]:
    """Return the peak memory of ``cellvino run`` on 40 planes x 3 channels x 2496 x 3328 px of uint8, ZCYX.

    The stack is written to the folder for temporary files and deleted afterwards.
    """
    with tempfile.TemporaryDirectory(prefix="cellvino-benchmark-") as name:
        folder = Path(name)
        free = shutil.disk_usage(folder).free
        if free < NEEDED_BYTES:
            raise SystemExit(f"{folder.parent} has {free / 1e9:.1f} GB free; the stack needs {NEEDED_BYTES / 1e9:.0f}")
        write_large_stack(folder / "stack.tif")
        start = time.perf_counter()
        peak, said = watched("run", [str(folder / "stack.tif"), "--out", str(folder / "out"), "--json"])
        seconds = time.perf_counter() - start
    return [
        Figure("peak memory of the command", peak / 1e9, "GB", GOAL_GB),
        Figure("whole command", seconds, "s"),
        Figure("cells", float(str(json.loads(said)["fields"][0]["count"]))),
    ]


def watched(command_name: str, arguments: list[str]) -> tuple[int, str]:
    """Return the most bytes that a command of ``cellvino`` held, and what it printed."""
    command = [sys.executable, "-c", COMMAND, command_name, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as child:
        peak = 0
        while child.poll() is None:  # it prints little, and at its end: the pipe does not fill
            peak = max(peak, _resident(child.pid))
            time.sleep(SAMPLE_EVERY_S)
        said = child.stdout.read() if child.stdout else ""
    if child.returncode:
        raise SystemExit(f"cellvino {command_name} ended with {child.returncode}: {said}")
    return peak, said


def peak_bytes() -> int:
    """Return the most bytes that this process held in memory so far, or holds now where the system forgets."""
    return _peak_of(psutil.Process())


def _resident(pid: int) -> int:
    """Return the most bytes a process and its children held in memory so far, or hold now where the system forgets."""
    try:
        process = psutil.Process(pid)
        return sum(_peak_of(p) for p in (process, *process.children(recursive=True)))
    except psutil.NoSuchProcess:
        return 0


def _peak_of(process: psutil.Process) -> int:
    status = Path(f"/proc/{process.pid}/status")
    if status.exists():
        lines = status.read_text(encoding="utf-8").splitlines()
        return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)
    held = process.memory_info()
    return int(getattr(held, "peak_wset", held.rss))
