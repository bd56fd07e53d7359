"""``cellvino service``: have the system run a watch whenever the user is logged in."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from napari_cellvino.core.errors import OptionError, OutputError
from napari_cellvino.service.system_service import System, service_file, shown_command, this_system, write_service
from napari_cellvino.service.watch import Watch
from napari_cellvino.service.watch_events import WatchPlan
from napari_cellvino.storage.json_text import json_text

CONSOLE = "oem" if sys.platform == "win32" else "utf-8"  # what the system's own commands write
_PATHS = ("--out", "--rules", "--recipe", "--log-file")


def run(options: argparse.Namespace) -> int:
    """Show the service, and with ``--yes`` install or remove it."""
    system = System(options.system) if options.system else this_system()
    arguments = _absolute(options.watch)
    service = service_file(arguments, system, home=Path.home())
    command = service.start if options.action == "install" else service.remove
    if options.json:
        print(json_text({"file": str(service.path), "text": service.text, "command": list(command)}), end="")
    else:
        print(f"{service.path}\n\n{service.text}\n{shown_command(command, system)}")
    if not options.yes:
        print("nothing was changed; type it again with --yes to do so", file=sys.stderr)
        return 0
    if options.action == "install":
        _check(arguments)
        write_service(service)
    _execute(command)
    if options.action == "remove":
        service.path.unlink(missing_ok=True)
    return 0


def _absolute(words: list[str]) -> list[str]:
    """Return the words of a watch with absolute paths, as the system begins it in another folder."""
    done: list[str] = []
    folders = True
    for before, word in zip(["", *words], words, strict=False):
        folders = folders and not word.startswith("-")
        is_path = folders or before in _PATHS
        done.append(str(Path(word).expanduser().absolute()) if is_path else word)
    return ["watch", *done]


def _check(arguments: list[str]) -> None:
    """Raise where the watch could not begin: a service would fail where nobody sees it."""
    from napari_cellvino.cli.parser import make_parser
    from napari_cellvino.cli.watch import plan_of

    options = make_parser().parse_args(arguments)
    plan: WatchPlan = plan_of(options)
    Watch(plan)


def _execute(command: tuple[str, ...]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, encoding=CONSOLE, errors="replace", check=False)
    except OSError as error:
        raise OptionError(f"{command[0]} cannot be started here ({error}); type the command above yourself") from error
    if done.returncode:
        raise OutputError(f"{command[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
