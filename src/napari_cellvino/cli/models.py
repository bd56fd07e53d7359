"""``cellvino models``: what is installed, and whether it passes its self-test."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import asdict

from napari_cellvino.core.errors import CellvinoError, OptionError
from napari_cellvino.engines.selftest import ModelCheck, check_model
from napari_cellvino.model_package import ModelSpec, find_package, list_packages, open_package
from napari_cellvino.model_package.encrypt_package import encrypt_package
from napari_cellvino.model_package.encryption import keep_in_keyring, read_key_file
from napari_cellvino.model_package.install import go_back
from napari_cellvino.model_package.registry import ListedPackage
from napari_cellvino.storage.json_text import json_text


def run(options: argparse.Namespace) -> int:
    """List the models, check them, go back to a version before, or encrypt one; 1 when a check fails."""
    if options.action == "encrypt":
        return _encrypt(options)
    if options.action == "back":
        return _go_back(options)
    return _check(options) if options.action == "check" else _list(options)


def _go_back(options: argparse.Namespace) -> int:
    if not options.name:
        raise OptionError("name the model of your own to go back from: cellvino models back NAME")
    label = find_package(go_back(options.name)).label
    print(json_text({"model": label}) if options.json else f"back to {label}")
    return 0


def _encrypt(options: argparse.Namespace) -> int:
    if not options.name or options.out is None:
        raise OptionError("name the model and a folder: cellvino models encrypt NAME --out DIR --key-file FILE")
    package = find_package(options.name)
    made = encrypt_package(package, _secret(options, package.spec.name), options.out)
    print(json_text({"folder": made.folder, "sha256": made.sha256}) if options.json else f"written to {made.folder}")
    return 0


def _secret(options: argparse.Namespace, name: str) -> bytes:
    """Return the key to encrypt with."""
    if sum((options.key_file is not None, options.key_env is not None, options.keyring)) != 1:
        raise OptionError("say where the key is: --key-file FILE, --key-env VARIABLE or --keyring, one of them")
    if options.key_file is not None:
        return read_key_file(options.key_file)
    if options.keyring:
        return keep_in_keyring(name)
    key = os.environ.get(options.key_env, "")
    if not key:
        raise OptionError(f"--key-env: there is no environment variable {options.key_env}, or it is empty")
    return key.encode()


def _list(options: argparse.Namespace) -> int:
    listed = list_packages()
    if options.json:
        print(json_text([_record(p) for p in listed]), end="")
        return 0
    for package in listed:
        spec = package.spec
        about = _about(spec) if spec else f"cannot be used: {package.problem}"
        print(f"{package.name:16} {about}")
    return 0


def _about(spec: ModelSpec) -> str:
    return f"{spec.version:8} {spec.title}: {spec.description} ({spec.describe_task()})"


def _record(package: ListedPackage) -> dict[str, object]:
    spec = package.spec.model_dump(mode="json") if package.spec else None
    return {"folder": package.folder, "spec": spec, "problem": package.problem}


def _check(options: argparse.Namespace) -> int:
    checks, problems = (check_model(find_package(options.name)), []) if options.name else _check_all()
    for problem in problems:
        print(problem, file=sys.stderr)
    if options.json:
        print(json_text([asdict(c) | {"ok": c.ok} for c in checks]), end="")
    else:
        print("\n".join(map(_format, checks)))
    return int(bool(problems) or not all(c.ok for c in checks))


def _check_all() -> tuple[list[ModelCheck], list[CellvinoError]]:
    """Return the checks of all models that can be used, and what is wrong with the others."""
    checks: list[ModelCheck] = []
    problems: list[CellvinoError] = []
    for listed in list_packages():
        try:
            checks += check_model(open_package(listed.folder))
        except CellvinoError as error:
            problems.append(error)
    return checks, problems


def _format(check: ModelCheck) -> str:
    return (
        f"{check.model} {check.precision} on {check.device} ({check.number_type}): "
        f"{'ok' if check.ok else 'WRONG'}, differs by {check.difference:.2g} (allowed {check.tolerance:.2g})"
    )
