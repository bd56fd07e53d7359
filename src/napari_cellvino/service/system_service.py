"""The watch as a service of the system, begun when the user logs in: systemd, launchd or a Windows task.

The file, and the command that puts it to work, are shown before anything is written.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from xml.sax.saxutils import escape

from napari_cellvino.storage.atomic import atomic_path

NAME = "cellvino-watch"


class System(StrEnum):
    """What runs services."""

    SYSTEMD = "systemd"
    LAUNCHD = "launchd"
    WINDOWS = "windows"


@dataclass(frozen=True, slots=True)
class ServiceFile:
    """A file that describes the service, and the commands that start it and stop it for good."""

    path: Path
    text: str
    start: tuple[str, ...]
    remove: tuple[str, ...]


def this_system() -> System:
    """Return what runs services here."""
    return {"win32": System.WINDOWS, "darwin": System.LAUNCHD}.get(sys.platform, System.SYSTEMD)


def service_file(arguments: Sequence[str], system: System, *, home: Path, python: str = sys.executable) -> ServiceFile:
    """Return the service that runs ``cellvino`` with arguments, as ``watch FOLDER --out DIR``.

    Parameters
    ----------
    arguments
        Of the command line; their paths must be absolute.
    system
        What runs it.
    home
        The home folder of the user, which the file goes into.
    python
        The interpreter that CellVINO is installed in.
    """
    command = (python, "-m", "napari_cellvino.cli", *arguments)
    return _MAKERS[system](command, home)


def write_service(service: ServiceFile) -> None:
    """Write the file; `OutputError` if it cannot be."""
    with atomic_path(service.path) as part:
        part.write_text(service.text, encoding="utf-16" if service.path.suffix == ".xml" else "utf-8")


def _systemd(command: Sequence[str], home: Path) -> ServiceFile:
    path = home / ".config" / "systemd" / "user" / f"{NAME}.service"
    text = (
        "[Unit]\nDescription=CellVINO counts what is written into watched folders\n\n"
        f"[Service]\nExecStart={' '.join(_systemd_word(word) for word in command)}\n"
        "Restart=on-failure\nRestartSec=60\nNice=10\nKillSignal=SIGTERM\nTimeoutStopSec=600\n\n"
        "[Install]\nWantedBy=default.target\n"
    )
    start = ("systemctl", "--user", "enable", "--now", f"{NAME}.service")
    return ServiceFile(path, text, start, ("systemctl", "--user", "disable", "--now", f"{NAME}.service"))


def _systemd_word(word: str) -> str:
    """Return a word as systemd reads it: ``%`` and ``$`` stand for something there."""
    quoted = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{quoted}"'


def _launchd(command: Sequence[str], home: Path) -> ServiceFile:
    path = home / "Library" / "LaunchAgents" / f"org.{NAME}.plist"
    words = "".join(f"    <string>{escape(word)}</string>\n" for word in command)
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" '
        '"http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n<plist version="1.0"><dict>\n'
        f"  <key>Label</key><string>org.{NAME}</string>\n"
        f"  <key>ProgramArguments</key><array>\n{words}  </array>\n"
        "  <key>RunAtLoad</key><true/>\n  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>\n"
        "  <key>LowPriorityIO</key><true/>\n</dict></plist>\n"
    )
    return ServiceFile(path, text, ("launchctl", "load", "-w", str(path)), ("launchctl", "unload", "-w", str(path)))


def _windows(command: Sequence[str], home: Path) -> ServiceFile:
    path = home / f"{NAME}.xml"
    text = (
        '<?xml version="1.0" encoding="UTF-16"?>\n'
        '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">\n'
        "  <Triggers><LogonTrigger><Enabled>true</Enabled></LogonTrigger></Triggers>\n"
        "  <Settings><MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>"
        "<ExecutionTimeLimit>PT0S</ExecutionTimeLimit><RestartOnFailure><Interval>PT1M</Interval><Count>99</Count>"
        "</RestartOnFailure><DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries></Settings>\n"
        f"  <Actions><Exec><Command>{escape(command[0])}</Command>"
        f"<Arguments>{escape(subprocess.list2cmdline(command[1:]))}</Arguments></Exec></Actions>\n</Task>\n"
    )
    start = ("schtasks", "/Create", "/TN", NAME, "/XML", str(path), "/F")
    return ServiceFile(path, text, start, ("schtasks", "/Delete", "/TN", NAME, "/F"))


_MAKERS = {System.SYSTEMD: _systemd, System.LAUNCHD: _launchd, System.WINDOWS: _windows}


def shown_command(words: Sequence[str], system: System) -> str:
    """Return a command as it is typed."""
    return subprocess.list2cmdline(words) if system is System.WINDOWS else shlex.join(words)
