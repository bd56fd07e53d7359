"""Carry out the steps of deploy/Containerfile where no container engine is, and run what they make: ``make container``.

Each ``FROM`` is a copy of a small Debian of the same release, made by debootstrap, with Debian's Python instead of that
of the image; ``COPY``, ``RUN``, ``ENV``, ``WORKDIR`` and ``USER`` are done in it by chroot. In the end the command of
the image runs on a sample, as its user, without a network, and must count what this environment counts.

It takes root, 4 GB of disk and some minutes.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
CONTAINERFILE = ROOT / "deploy" / "Containerfile"
PACKAGES = "python3-venv,ca-certificates"
SAMPLE = "A01_s1.ome.tif"


@dataclass(slots=True)
class Stage:
    """An image that is being made: its files, and what the next command runs with."""

    files: Path
    env: dict[str, str] = field(default_factory=lambda: {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"})
    folder: str = "/"
    user: str = "0:0"
    entry: list[str] = field(default_factory=list)

    def at(self, path: str) -> Path:
        """Return where a path of the image lies here."""
        return self.files / os.path.normpath(os.path.join(self.folder, path)).lstrip("/")

    def run(self, words: Sequence[str], *, offline: bool = False, **env: str) -> str:
        """Run a command in the image, and return what it prints."""
        asked = ["chroot", "--userspec", self.user, self.files, "/bin/sh", "-c"]
        line = f"cd {shlex.quote(self.folder)} && exec {shlex.join(words)}"
        away = ["unshare", "--net"] if offline else []
        return subprocess.run(
            [*away, *asked, line], env=self.env | env, check=True, encoding="utf-8", stdout=subprocess.PIPE
        ).stdout


def main() -> None:
    """Make the image, and run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the files are made and kept")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        raise SystemExit("this takes root and debootstrap: apt-get install debootstrap")
    if options.inside is not None:
        _prove(options.inside)
        return
    with tempfile.TemporaryDirectory(prefix="cellvino-image-") as made:  # removed when all mounts have gone
        folder = (options.keep or Path(made)).absolute()
        child = ["unshare", "--mount", sys.executable, __file__, "--inside", folder]
        raise SystemExit(subprocess.call(child))


def _prove(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    stage = _made(folder)
    stage.env["HOME"] = "/tmp"
    out = stage.at("out")
    out.mkdir(parents=True, exist_ok=True)
    os.chown(out, *map(int, stage.user.split(":")))
    sample = next((ROOT / "sample_data").rglob(SAMPLE))
    shutil.copy(sample, stage.at(SAMPLE))
    uid = stage.run(["id", "-u"]).strip()
    assert uid == stage.user.split(":")[0] != "0", uid
    words = ["run", SAMPLE, "--out", "out", "--device", "CPU", "--json"]
    there = json.loads(stage.run([*stage.entry, *words], offline=True))["fields"]
    here = _here(sample, folder / "here")
    assert [row["count"] for row in there] == here, (there, here)
    print(f"{CONTAINERFILE.name}: all steps done; user {uid}, offline: {here[0]} cells in {SAMPLE}, as here")


def _here(sample: Path, out: Path) -> list[int]:
    command = [sys.executable, "-m", "napari_cellvino.cli", "run", sample, "--out", out, "--device", "CPU"]
    subprocess.run(command, check=True, cwd=ROOT)
    with (out / "counts.csv").open(encoding="utf-8", newline="") as file:
        return [int(row["count"]) for row in csv.DictReader(file)]


def _instructions() -> Iterator[tuple[str, str]]:
    lines = [line for line in CONTAINERFILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    for line in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        if line:
            word, rest = line.split(maxsplit=1)
            yield word, rest


def _made(folder: Path) -> Stage:
    """Carry out all instructions, and return the last image."""
    stages, stage = dict[str, Stage](), Stage(folder)
    for word, rest in _instructions():
        print(f"{word} {rest}", flush=True)
        if word == "FROM":
            name = rest.partition(" AS ")[2] or "last"
            stage = stages[name] = _started(folder, name, release=rest.split()[0].rpartition("-")[2])
        elif word == "WORKDIR":
            stage.folder = rest
            stage.at(rest).mkdir(parents=True, exist_ok=True)
        elif word == "COPY":
            _copy(stage, shlex.split(rest), stages)
        elif word == "RUN":
            print(stage.run(["/bin/sh", "-c", rest], **_pip_choices()), end="")
        elif word == "ENV":
            for name, value in (pair.split("=", 1) for pair in shlex.split(rest)):
                stage.env[name] = value.replace("$PATH", stage.env["PATH"])
        elif word == "USER":
            stage.user = rest
        elif word == "ENTRYPOINT":
            stage.entry = json.loads(rest)
    return stage


def _started(folder: Path, name: str, release: str) -> Stage:
    """Return a new image: a copy of a small Debian, with what a container sees of the computer."""
    base, files = folder / "debian", folder / name
    if not base.is_dir():
        debian = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", release, base]
        subprocess.run(debian, check=True, stdout=subprocess.DEVNULL)
        (base / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    shutil.rmtree(files, ignore_errors=True)
    subprocess.run(["cp", "-a", base, files], check=True)
    subprocess.run(["mount", "-t", "proc", "proc", files / "proc"], check=True)
    for seen in ("dev", "sys"):
        subprocess.run(["mount", "--rbind", f"/{seen}", files / seen], check=True)
    shutil.copy("/etc/resolv.conf", files / "etc/resolv.conf")
    named = re.findall(r"/[\w./-]+", " ".join(_pip_choices().values()))
    for given in sorted({"/".join(Path(path).parts[1:3]) for path in named if os.path.exists(path)}):
        target = files / given
        target.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "--bind", "-o", "ro", f"/{given}", target], check=True)
    return Stage(files)


def _pip_choices() -> dict[str, str]:
    """Return the choices of pip here, as where it finds packages, as variables of the environment."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    told = subprocess.run(command, check=True, encoding="utf-8", stdout=subprocess.PIPE).stdout
    found = dict(re.findall(r"^(?:global|:env:)\.([\w-]+)='(.*)'$", told, re.MULTILINE))
    return {f"PIP_{name.upper().replace('-', '_')}": value for name, value in found.items()}


def _copy(stage: Stage, words: list[str], stages: dict[str, Stage]) -> None:
    """Copy files into an image, from the project or from another image."""
    given = words[0].removeprefix("--from=") if words[0].startswith("--from=") else ""
    *sources, target = words[1:] if given else words
    into = stage.at(target)
    for source in sources:
        path = stages[given].at(source) if given else ROOT / source
        if path.is_dir():
            shutil.copytree(path, into, symlinks=True, dirs_exist_ok=True)
        else:
            into.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, into)


if __name__ == "__main__":
    main()
