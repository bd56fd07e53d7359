"""The files of the service say what was typed, whatever signs are in it."""

from __future__ import annotations

import plistlib
import xml.etree.ElementTree as ET
from pathlib import Path

from napari_cellvino.service.system_service import System, service_file, write_service

ARGUMENTS = ["watch", '/data/50 % "new" & <old>/$x', "--out", "/data/results"]


def made(system, tmp_path):
    service = service_file(ARGUMENTS, system, home=tmp_path, python="/opt/python")
    write_service(service)
    return service


def test_systemd_unit_escapes_what_stands_for_something(tmp_path):
    service = made(System.SYSTEMD, tmp_path)
    text = service.path.read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("ExecStart="))
    assert r'"/data/50 %% \"new\" & <old>/$$x"' in line
    assert service.path.is_relative_to(tmp_path / ".config" / "systemd" / "user")


def test_launchd_agent_holds_the_words(tmp_path):
    service = made(System.LAUNCHD, tmp_path)
    with service.path.open("rb") as file:
        agent = plistlib.load(file)
    assert agent["ProgramArguments"] == ["/opt/python", "-m", "napari_cellvino.cli", *ARGUMENTS]
    assert agent["RunAtLoad"] is True


def test_windows_task_is_well_formed(tmp_path):
    service = made(System.WINDOWS, tmp_path)
    tree = ET.fromstring(service.path.read_bytes().decode("utf-16").split("?>", 1)[1])
    space = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
    assert tree.findtext(f".//{space}Command") == "/opt/python"
    assert "--out /data/results" in (tree.findtext(f".//{space}Arguments") or "")
    assert service.start[0] == "schtasks"


def test_command_shows_and_changes_nothing_unasked(cellvino_main, tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.chdir(tmp_path)
    text = cellvino_main("service", "--system", "systemd", "install", "in", "--out", "out", "--model", "nuclei")
    assert f'"watch" "{tmp_path}/in" "--out" "{tmp_path}/out" "--model" "nuclei"' in text
    assert not (tmp_path / ".config").exists()
