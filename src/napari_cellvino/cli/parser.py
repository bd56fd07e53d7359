"""What can be typed after ``cellvino``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from napari_cellvino import __version__


def make_parser() -> argparse.ArgumentParser:
    """Return the parser; ``command`` of its result is a function that takes the result and returns an exit code."""
    parser = argparse.ArgumentParser(
        prog="cellvino", description="Find, outline and count cells with OpenVINO.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"cellvino {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_run(commands)
    _add_looks(commands)
    _add_evaluate(commands)
    _add_benchmark(commands)
    return parser


def _late(module: str) -> Callable[[argparse.Namespace], int]:
    """Return a command that is imported when it is called: ``run`` of a module beside this one."""

    def command(options: argparse.Namespace) -> int:
        return int(import_module(f"napari_cellvino.cli.{module}").run(options))

    return command


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, module: str, text: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.set_defaults(command=_late(module))
    return parser


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "run", "run", "count the cells of images and save labels, tables and pictures")
    parser.add_argument("inputs", nargs="+", type=Path, metavar="INPUT", help="image files, or folders of images")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    parser.add_argument("--recipe", type=Path, metavar="FILE", help="choices saved by the window or an earlier run")
    parser.add_argument("--overwrite", action="store_true", help="replace results made with other choices")
    _add_choices(parser)


def _add_choices(parser: argparse.ArgumentParser) -> None:
    """Add the choices of a recipe; what is not given comes from the recipe file or the defaults."""
    parser.add_argument("--model", metavar="NAME", help="model package: a name or a folder (default: nuclei)")
    parser.add_argument("--device", metavar="D", help="AUTO, CPU, GPU, NPU, … as 'cellvino devices' lists them")
    parser.add_argument("--precision", metavar="P", help="fast, exact or int8")
    parser.add_argument("--channel", metavar="NAME|N", help="channel by name, or by number from 1; grey for RGB")
    parser.add_argument("--z", metavar="mip|plane:K", help="maximum projection, or plane K from 1")
    parser.add_argument("--frame", type=int, metavar="N", help="time point, from 1")
    parser.add_argument("--axes", metavar="AXES", help="what the file's dimensions are where it does not say, as CYX")
    parser.add_argument("--pixel-size", type=float, metavar="UM", help="µm per pixel, where the file does not say")
    parser.add_argument("--diameter", type=float, metavar="PX", help="typical object diameter in the image, in px")
    parser.add_argument(
        "--set", action="append", default=[], metavar="PARAM=VALUE", help="a parameter of the model's head; repeatable"
    )


def _add_looks(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    info = _command(commands, "info", "info", "say what is understood of image files")
    info.add_argument("inputs", nargs="+", type=Path, metavar="INPUT")
    _command(commands, "devices", "devices", "list the devices that can run models here")
    models = _command(commands, "models", "models", "list the models, or check one with its own test tensors")
    models.add_argument("action", nargs="?", choices=["check"], help="check: verify files and run the test tensors")
    models.add_argument("name", nargs="?", help="the model to check (default: all)")


def _add_evaluate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "evaluate", "evaluate", "score results against true label images")
    parser.add_argument("predicted", type=Path, metavar="PRED_DIR", help="results of 'cellvino run', or label TIFFs")
    parser.add_argument("truth", type=Path, metavar="TRUTH_DIR", help="label TIFFs of the same names")
    parser.add_argument("--min-area", type=int, default=0, metavar="PX", help="leave out smaller objects, both sides")


def _add_benchmark(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "benchmark", "benchmark", "time devices and precisions on an image, with their counts")
    parser.add_argument("input", nargs="?", type=Path, metavar="INPUT", help="an image (default: the shipped sample)")
    parser.add_argument("--repeats", type=int, default=5, metavar="N")
    _add_choices(parser)
