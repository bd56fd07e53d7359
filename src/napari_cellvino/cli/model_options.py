"""Options of the commands that deal with models and servers."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_server(parser: argparse.ArgumentParser) -> None:
    """Add the choice of a server, which runs the network instead of a device here."""
    add = parser.add_argument_group("servers").add_argument
    served = "server that runs the network, as grpc://host:9000 or https://host/MODEL/versions/1; pixels go there"
    add("--engine", metavar="ADDRESS", help=served)
    add("--engine-fallback", default="", metavar="D", help="device here that goes on where it does not answer")


def add_models(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``cellvino models``."""
    parser.add_argument(
        "action", nargs="?", choices=["check", "back", "encrypt"],
        help="check: verify files and run the test tensors; back: to the version before of a model of your own; "
        "encrypt: write a copy whose weights are encrypted",
    )  # fmt: skip
    parser.add_argument("name", nargs="?", help="the model (default of check: all)")
    add = parser.add_argument_group("encrypt").add_argument
    add("--out", type=Path, metavar="DIR", help="folder for the encrypted package")
    add("--key-file", type=Path, metavar="FILE", help="file of the key: 64 hexadecimal digits, or a pass phrase")
    add("--key-env", metavar="VARIABLE", help="environment variable that holds the key")
    add("--keyring", action="store_true", help="the key that the system's keyring has for it; made where there is none")


def add_export_model(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``cellvino export-model``."""
    add = parser.add_argument
    add("name", metavar="NAME", help="model package: a name or a folder")
    add(
        "--for",
        dest="server",
        choices=["ovms", "mlserver", "bentoml"],
        required=True,
        help="ovms: OpenVINO Model Server, and others like it; mlserver: MLServer; bentoml: a service that counts the "
        "cells of image files",
    )
    add("--out", type=Path, required=True, metavar="DIR", help="folder to make")
    add("--precision", choices=["fast", "int8"], default="fast", help="the weights (default: fast, the float ones)")
