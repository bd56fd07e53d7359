"""``cellvino models``: what is installed, and whether it does what it promises."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from napari_cellvino.errors import CellvinoError
from napari_cellvino.jobs.check import ModelCheck, check_model
from napari_cellvino.package import find_package, list_packages


def run(options: argparse.Namespace) -> int:
    """List the models, or check them; 1 when a check fails."""
    return _check(options) if options.action == "check" else _list(options)


def _list(options: argparse.Namespace) -> int:
    listed = list_packages()
    if options.json:
        print(json.dumps([_record(p.folder, p.spec, p.problem) for p in listed], indent=1))
        return 0
    for package in listed:
        spec = package.spec
        about = f"{spec.version:8} {spec.title}: {spec.description}" if spec else f"cannot be used: {package.problem}"
        print(f"{package.name:16} {about}")
    return 0


def _record(folder: object, spec: object, problem: str) -> dict[str, object]:
    found = spec.model_dump(mode="json") if hasattr(spec, "model_dump") else None
    return {"folder": str(folder), "spec": found, "problem": problem}


def _check(options: argparse.Namespace) -> int:
    names = [options.name] if options.name else [str(p.folder) for p in list_packages()]
    checks: list[ModelCheck] = []
    failed = False
    for name in names:
        try:
            checks += check_model(find_package(name))
        except CellvinoError as error:
            failed = True
            print(error, file=sys.stderr)
            if options.name and not options.json:
                raise
    if options.json:
        print(json.dumps([asdict(c) | {"ok": c.ok} for c in checks], indent=1))
    for check in checks if not options.json else ():
        print(
            f"{check.model} {check.precision} on {check.device} ({check.number_type}): "
            f"{'ok' if check.ok else 'WRONG'}, differs by {check.difference:.2g} (allowed {check.tolerance:.2g})"
        )
    return int(failed or not all(c.ok for c in checks))
