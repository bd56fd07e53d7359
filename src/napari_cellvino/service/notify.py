"""Tell a program of this computer that the jobs of a watch have ended: a command, or an address on localhost.

Nothing is told unless a rule book names one of them, and nothing leaves this computer by it.
"""

from __future__ import annotations

import json
import logging
import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import closing
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, field_validator

from napari_cellvino.storage.ledger import Job, JobState

_logger = logging.getLogger(__name__)

LOCAL = ("localhost", "127.0.0.1", "::1")
PATIENCE_S = 20.0


def _words(command: object) -> object:
    """Return the words of a command that was written in one line; of a program whose path has spaces, that."""
    if not isinstance(command, str):
        return command
    return (command,) if shutil.which(command) else tuple(shlex.split(command, posix=os.name != "nt"))


class Notify(BaseModel):
    """Who is told: a command, which gets a line of JSON on its standard input, and an address that gets it by POST."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: Annotated[tuple[str, ...], BeforeValidator(_words)] = ()
    webhook: str = ""

    @field_validator("webhook")
    @classmethod
    def _is_of_this_computer(cls, text: str) -> str:
        split = urlsplit(text)
        if text and (split.scheme != "http" or split.hostname not in LOCAL):
            raise ValueError(f"{text!r} is not on this computer; give http://localhost:PORT/…, or a command")
        return text


def message(jobs: Sequence[Job]) -> dict[str, object]:
    """Return what is told of jobs that ended: how many of each state, cells, and the first failures."""
    failed = [job for job in jobs if job.state is JobState.FAILED]
    return {
        "jobs": {state.value: n for state in JobState if (n := sum(job.state is state for job in jobs))},
        "fields": sum(job.fields for job in jobs),
        "cells": sum(job.cells for job in jobs),
        "failed": [{"source": job.source, "error": job.error} for job in failed[:10]],
    }


def notify(whom: Notify, jobs: Sequence[Job]) -> None:
    """Tell of jobs that ended; who cannot be reached is named in the log, and the watch goes on."""
    line = json.dumps(message(jobs), ensure_ascii=False) + "\n"
    if whom.command:
        _run(whom.command, line)
    if whom.webhook:
        _post(whom.webhook, line)


def _run(command: Sequence[str], line: str) -> None:
    try:
        subprocess.run(command, input=line, encoding="utf-8", timeout=PATIENCE_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        _logger.warning("watch: %s was not told: %s", command[0], error)


def _post(address: str, line: str) -> None:
    """Send a line to an address of this computer, through no proxy and to no other one that it names."""
    from http.client import HTTPConnection, HTTPException  # with all of SSL: a run would wait for it at every start

    to = urlsplit(address)
    try:
        connection = HTTPConnection(str(to.hostname), to.port, timeout=PATIENCE_S)
        with closing(connection):
            path = (to.path or "/") + (f"?{to.query}" if to.query else "")
            connection.request("POST", path, line.encode(), {"Content-Type": "application/json"})
            answer = connection.getresponse()
        if answer.status // 100 != 2:
            _logger.warning("watch: %s was not told: it answered %d %s", address, answer.status, answer.reason)
    except (OSError, HTTPException, ValueError) as error:
        _logger.warning("watch: %s was not told: %s", address, error)
