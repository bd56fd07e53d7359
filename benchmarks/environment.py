"""Environments of their own for what is measured beside this project, made once."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from benchmarks.figure import NotMeasuredError


def environment(folder: Path, requirements: Sequence[str]) -> Path:
    """Return the Python that has the requirements, after installing them where that was not done before.

    Raises
    ------
    NotMeasuredError
        If they cannot be installed.
    """
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    ready = folder / ".ready"
    if ready.is_file() and ready.read_text(encoding="utf-8") == " ".join(requirements):
        return python
    print(f"installing {', '.join(requirements)} into {folder} …", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    done = subprocess.run([str(python), "-m", "pip", "install", "--quiet", *requirements], check=False)
    if done.returncode:
        raise NotMeasuredError(f"{', '.join(requirements)} could not be installed (pip says why above)")
    ready.write_text(" ".join(requirements), encoding="utf-8")
    return python
