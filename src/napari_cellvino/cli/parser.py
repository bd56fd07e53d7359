"""The parser of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path

from napari_cellvino.cli.answer_options import add_answer_commands, add_plot
from napari_cellvino.cli.batch_options import add_batch_choices, add_recipes
from napari_cellvino.cli.model_options import add_export_model, add_models, add_server
from napari_cellvino.cli.teach_options import TEACH, add_teach
from napari_cellvino.cli.track_options import add_film_commands, add_track_flag


class _Version(argparse.Action):
    """Prints the version; looking it up takes longer than all of ``--help``, so it waits until it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print the version and leave."""
        from napari_cellvino import __version__

        print(f"cellvino {__version__}")
        parser.exit()


def make_parser() -> argparse.ArgumentParser:
    """Return the parser; ``command`` of its result is a function that takes the result and returns an exit code."""
    parser = argparse.ArgumentParser(
        prog="cellvino", description="Find, outline and count cells with OpenVINO.", allow_abbrev=False
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and leave")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_run(commands)
    _add_choices(add_film_commands(partial(_command, commands)))
    _add_suggest(commands)
    _add_watch(commands)
    _add_jobs(commands)
    _add_service(commands)
    _add_lists(commands)
    _add_evaluate(commands)
    _add_benchmark(commands)
    add_teach(_command(commands, "teach", "teach", TEACH))
    _add_train(commands)
    _add_convert(commands)
    _add_quantize(commands)
    _add_export(commands)
    add_export_model(_command(commands, "export-model", "export_model", "write a model as a server takes it"))
    _add_plot(commands)
    _add_report(commands)
    add_answer_commands(partial(_command, commands))
    _add_import(commands)
    return parser


def _late(module: str) -> Callable[[argparse.Namespace], int]:
    """Return a command that is imported when it is called: ``run`` of a module of this package."""

    def command(options: argparse.Namespace) -> int:
        run = import_module(f"napari_cellvino.cli.{module}").run
        options.check_interrupts()
        return int(run(options))

    return command


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, module: str, text: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.add_argument(
        "-v", "--verbose", action="count", default=0, help="log what is done; -vv: every stage with its seconds"
    )
    parser.add_argument("--log-file", type=Path, metavar="PATH", help="append the whole log to this file")
    parser.set_defaults(command=_late(module))
    return parser


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "run", "run_ahead", "count the cells of images and save labels, tables and pictures")
    parser.add_argument(
        "inputs",
        nargs="+",
        type=Path,
        metavar="INPUT",
        help="image files, folders of images, plates, as many as you like",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    add_recipes(parser)
    text = "begin with a recipe of this name: spots, gonzalez2019 (cells in dark field and the particles in them)"
    parser.add_argument("--pipeline", metavar="NAME", help=text)
    parser.add_argument("--overwrite", action="store_true", help="replace results made with other choices")
    parser.add_argument(
        "--outline", metavar="NAME", help="second model, which outlines the cells that a detection model finds"
    )
    add_batch_choices(parser)
    add_track_flag(parser)
    _add_plate_choices(parser)
    _add_choices(parser)
    add_server(parser)


def _add_watch(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "watch folders, and run by rules what is written into them, until it is stopped"
    parser = _command(commands, "watch", "watch", text)
    add = parser.add_argument
    add("folders", nargs="+", type=Path, metavar="FOLDER", help="folders, watched to any depth")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for results, ledger and summary.html")
    add("--rules", type=Path, metavar="FILE", help="what is run on which input (default: the choices here, on all)")
    add("--recipe", type=Path, metavar="FILE", help="choices saved by the window or an earlier run")
    add("--dry-run", action="store_true", help="print what each input would get, and why")
    add("--once", action="store_true", help="end when everything that is there is done")
    add("--settle", type=float, default=5.0, metavar="S", help="a file is written when it stood still so long (5 s)")
    add("--patience", type=float, default=120.0, metavar="S", help="the same for a plate or image folder (120 s)")
    add("--every", type=float, default=10.0, metavar="S", help="list the folders so often, at least (10 s)")
    _add_choices(parser)
    add_server(parser)


def _add_jobs(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "list the jobs of a watch, or the fields of a run, and decide what is run again, accepted or rejected"
    parser = _command(commands, "jobs", "jobs", text)
    add = parser.add_argument
    actions = ["list", "show", "retry", "rerun", "cancel", "accept", "reject", "pause", "resume", "summary"]
    add("action", choices=actions, help="rerun: with another recipe; pause: begin nothing further; summary: its page")
    add("results", type=Path, metavar="DIR", help="folder that 'cellvino watch' or 'cellvino run' writes to")
    add("input", nargs="*", metavar="INPUT", help="inputs, by path or name; with --fields the names of fields")
    add("--fields", action="store_true", help="the fields in DIR, which every run enters there")
    add("--csv", type=Path, metavar="FILE", help="write the list as a table")
    states = ["waiting", "running", "done", "failed", "skipped", "cancelled", "accepted", "rejected"]
    add("--state", action="append", default=[], choices=states, help="jobs in this state; repeatable")
    add("--recipe", type=Path, metavar="FILE", help="what rerun runs instead")


def _add_service(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "have the system run a watch whenever you are logged in; shows what it would do, and does it with --yes"
    parser = _command(commands, "service", "service", text)
    add = parser.add_argument
    add("action", choices=["install", "remove"])
    add("--yes", action="store_true", help="do it")
    add("--system", choices=["systemd", "launchd", "windows"], help="what runs services (default: what is here)")
    add("watch", nargs=argparse.REMAINDER, metavar="WATCH", help="what is typed behind 'cellvino watch'")


def _add_plate_choices(parser: argparse.ArgumentParser) -> None:
    """Add what is chosen of a plate."""
    add = parser.add_argument_group("plates").add_argument
    add("--wells", default="", metavar="A01:H12", help="wells to run, as A01:H12,P24 (default: all)")
    add("--fields", default="", metavar="N", help="fields to run of each well, as 1,3:5 (default: all)")
    add("--layout", type=Path, metavar="FILE.csv", help="well,compound,dose,control (default: what DIR has of it)")
    add("--ring", type=int, metavar="PX", help="ring around each cell for ring_ratio_* (default: 5 px)")
    add("--labels-back", action="store_true", help="write label images into a plate that is OME-Zarr")
    _add_folder_choices(parser)


def _add_folder_choices(parser: argparse.ArgumentParser) -> None:
    """Add how the files of a folder are taken."""
    add = parser.add_argument_group("files and folders").add_argument
    level = "level of a pyramid to read, as slide scanners write them; 0 (the default) is the full resolution"
    add("--level", type=_level, metavar="N", help=level)
    add("--region", metavar="Y0:Y1,X0:X1", help="rows and columns to read, in px of that level, as 0:2000,1000:3000")
    taken = "take a folder as a plate, or as a folder of images (default: as what lies in it says)"
    add("--plate", action=argparse.BooleanOptionalAction, default=None, help=taken)
    add("--acquisition", metavar="N", help="which one, by number or name, of an OME-Zarr plate that was imaged twice")
    doubled = "files of one field, channel, plane and time: take the first, or make the others fields of their own"
    add("--keep-doubles", choices=("first", "both"), help=doubled)
    text = (
        "what the names in a folder mean, as {well}_s{field}_w{channel}.tif for a plate that no reader knows, or "
        "{field}_z{z}_ch{channel}.tif where channels, planes or times are files"
    )
    add("--pattern", metavar="NAMES", help=text)


def _add_choices(parser: argparse.ArgumentParser) -> None:
    """Add the choices of a recipe; what is not given comes from the recipe file or the defaults."""
    parser.add_argument("--model", metavar="NAME", help="model package: a name or a folder (default: nuclei)")
    parser.add_argument("--device", metavar="D", help="AUTO, CPU, GPU, NPU, … as 'cellvino devices' lists them")
    parser.add_argument(
        "--precision", metavar="P", help="auto (default: INT8 where it costs no accuracy), fast, exact or int8"
    )
    parser.add_argument(
        "--channel", metavar="NAME|N", help="channel by name, or by number from 1; of RGB grey, haematoxylin or DAB"
    )
    parser.add_argument(
        "--z",
        metavar="mip|mean|focus|plane:K|3d",
        help="maximum or mean projection, sharpest plane, plane K from 1, or every plane joined to 3D objects",
    )
    parser.add_argument("--frame", type=_frame, metavar="N|all", help="time point, from 1; all: each is a field")
    parser.add_argument(
        "--whole-cells",
        choices=["none", "expand", "propagate"],
        help="make whole cells of nuclei: expanded by a distance, or grown over --cell-channel",
    )
    parser.add_argument("--cell-channel", metavar="NAME|N", help="channel that shows cytoplasm or membrane")
    sought = "find spots too: in every plane of a stack, in 3D, or in the projection that cells are found in"
    parser.add_argument("--spots", choices=["none", "stack", "projection"], help=sought)
    parser.add_argument("--spot-channel", metavar="NAME|N", help="channel that shows the spots")
    parser.add_argument("--spot-partner", metavar="NAME|N", help="second channel with spots: pairs of both are counted")
    parser.add_argument("--axes", metavar="AXES", help="dimensions of the file, where its metadata have none, as CYX")
    parser.add_argument("--pixel-size", type=float, metavar="UM", help="µm per pixel, where the file has none")
    parser.add_argument("--diameter", type=float, metavar="PX", help="typical object diameter in the image, in px")
    parser.add_argument(
        "--set", action="append", default=[], metavar="PARAM=VALUE", help="a parameter of the model's head; repeatable"
    )


def _frame(text: str) -> int:
    """Return a time point; 0 stands for all of them."""
    return 0 if text == "all" else _one_frame(text)


def _add_suggest(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "say which model suits an image: all of them look at a crop, and what they find is compared"
    parser = _command(commands, "suggest", "suggest", text)
    add = parser.add_argument
    add("image", type=Path, metavar="IMAGE", help="an image; of a file with several fields, the first")
    add("--model", action="append", default=[], metavar="NAME", help="a model to try; repeatable (default: all)")
    add("--picture", type=Path, metavar="FILE.png", help="write what every model finds as a picture")
    add("--device", metavar="D", help="AUTO, CPU, GPU, NPU, … as 'cellvino devices' lists them")
    add("--frame", type=_one_frame, default=1, metavar="N", help="time point, from 1")
    add("--axes", metavar="AXES", help="dimensions of the file, where its metadata have none, as CYX")
    add("--level", type=_level, default=0, metavar="N", help="level of a pyramid to look at; 0: the full resolution")
    add("--region", default="", metavar="Y0:Y1,X0:X1", help="rows and columns to look at, in px of that level")


def _level(text: str) -> int:
    """Return a level of a pyramid."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no level; they are numbered from 0, the full resolution")
    return int(text)


def _one_frame(text: str) -> int:
    """Return a time point."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no time point; they are numbered from 1")
    return int(text)


def _add_lists(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    info = _command(commands, "info", "info", "print the metadata of image files, plates and models")
    info.add_argument("inputs", nargs="+", type=Path, metavar="INPUT")
    _add_folder_choices(info)
    _command(commands, "devices", "devices", "list the devices that can run models here")
    text = "list the models, check one with its own test tensors, go back, or encrypt one"
    add_models(_command(commands, "models", "models", text))


def _add_evaluate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "score results against the truth (RESULTS TRUTH), or a model on a labelled set (SET --model NAME)"
    parser = _command(commands, "evaluate", "evaluate", text)
    add = parser.add_argument
    add("folder", type=Path, metavar="RESULTS|SET", help="results of 'cellvino run', label TIFFs, or a labelled set")
    add("truth", nargs="?", type=Path, metavar="TRUTH", help="masks, as for import, or tables of boxes")
    add("--min-area", type=int, default=0, metavar="PX", help="leave out smaller labels, both sides")
    add("--model", metavar="NAME", help="run this model over the labelled set: images/ with labels/ or boxes/")
    add("--split", choices=["all", "test", "val", "train"], default="all", help="fields of one split (default: all)")
    add(
        "--where",
        action="append",
        default=[],
        metavar="COLUMN=VALUE",
        help="fields with this value in the manifest; repeatable",
    )
    add("--precision", choices=["all", "fast", "exact", "int8"], default="all", help="(default: all the model has)")
    add("--device", default="AUTO", metavar="D", help="as 'cellvino devices' lists them (default: AUTO)")
    add("--diameter", type=float, metavar="PX", help="typical object diameter in the images, in px")
    add("--markdown", action="store_true", help="print the table in Markdown, for a model card")


def _add_benchmark(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "benchmark", "benchmark", "time devices and precisions on an image, with their counts")
    parser.add_argument("input", nargs="?", type=Path, metavar="INPUT", help="an image (default: the shipped sample)")
    parser.add_argument("--repeats", type=int, default=5, metavar="N")
    _add_choices(parser)


def _add_train(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "train a model on labelled images, going on from one that is there (needs the train extra)"
    parser = _command(commands, "train", "train", text)
    add = parser.add_argument
    text = "phenotype: of whole fields, images/ with classes.csv (image,class,plate)"
    add("--task", choices=["cells", "phenotype"], default="cells", help=f"what is learnt; {text} (default: cells)")
    add("dataset", type=Path, metavar="DATASET_DIR", help="images/ with labels/ (or boxes/), and optionally splits.csv")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for the new model; checkpoints go to DIR.run")
    add("--base", metavar="NAME", help="model to go on from: a name or a folder (default: nuclei)")
    add("--plan", type=Path, metavar="FILE", help="plan (YAML) of a fresh network, instead of --base")
    add("--epochs", type=int, default=20, metavar="N", help="times to go over the images (default: 20)")
    add("--steps", type=int, metavar="N", help="steps to fit, instead of --epochs")
    add("--crop", type=int, default=192, metavar="PX", help="of a phenotype: crops to learn from (default: 192)")
    add("--batch", type=int, metavar="N", help="crops a step (default: the plan's)")
    add("--seed", type=int, default=0, metavar="N", help="the same seed draws the same crops (default: 0)")
    add("--device", choices=["cpu", "cuda"], default="cpu")
    add("--install", action="store_true", help="put the new model among your own, unless it is no better")
    add("--progress", type=Path, metavar="FILE", help="append the progress to this file, as lines of JSON")


def _add_convert(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "make a model of a network that others made: ONNX, PyTorch, TensorFlow, OpenVINO or bioimage.io"
    parser = _command(commands, "convert", "convert", text)
    add = parser.add_argument
    add("network", type=Path, metavar="MODEL", help="a file or folder: .onnx, .pt, SavedModel, .xml, bioimage.io")
    add("--name", default="", help="what to call the model (default: after its file)")
    add("--out", type=Path, metavar="DIR", help="folder for the package (default: among your own models)")
    add("--overwrite", action="store_true", help="replace a package that is there")
    add("--architecture", default="", metavar="FILE.py:CLASS", help="code that builds the network of PyTorch weights")
    add("--channels", type=int, metavar="N", help="channels that a PyTorch network takes (default: tried)")
    add("--head", default="", metavar="HEAD", help="foreground, centre_offset, grid or mask (default: foreground)")
    add("--maps", default="", metavar="A,B,…", help="what the network's channels are, in order, as foreground,boundary")
    add("--classes", default="", metavar="A,B,…", help="classes of what it finds (default: cell)")
    add("--activation", choices=["none", "sigmoid", "softmax"], default="", help="what makes its output probabilities")
    add(
        "--normalise",
        choices=["percentiles", "mean_std", "none"],
        default="",
        help="how images are normalised, where the model has no rule (default: percentiles)",
    )
    add("--diameter", type=float, metavar="PX", help="object diameter that the network knows best (default: 30)")
    add("--tile", type=int, metavar="PX", help="largest tile (default: 512; of a mask: its crop, 224)")
    add("--halo", type=int, metavar="PX", help="what a tile needs round it (default: measured)")


def _add_quantize(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "add INT8 weights to a model, unless they find the cells less well (needs the train extra)"
    parser = _command(commands, "quantize", "quantize", text)
    add = parser.add_argument
    add("name", metavar="NAME", help="model package: a name or a folder")
    add("--calibration", type=Path, required=True, metavar="DIR", help="images/ like yours, with labels/ or boxes/")
    add("--max-drop", type=float, default=0.005, metavar="X", help="largest loss of accuracy (default: 0.005)")
    add("--out", type=Path, metavar="DIR", help="folder for the new package (default: the model's own)")
    add("--tiles", type=int, default=96, metavar="N", help="tiles to calibrate on, at most (default: 96)")
    add("--diameter", type=float, metavar="PX", help="typical object diameter in the images, in px")
    add(
        "--unchecked",
        action="store_true",
        help="accept images without labels: the accuracy of the result is then unknown",
    )


def _add_export(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "write results as files that other programs read, or as a training set"
    parser = _command(commands, "export", "export", text)
    add = parser.add_argument
    add("results", type=Path, metavar="RESULTS", help="folder that 'cellvino run' wrote, or that of one field")
    add("--to", action="append", default=[], metavar="FORMAT[,FORMAT]", help="formats; an unknown one lists them all")
    add("--out", type=Path, required=True, metavar="DIR", help="each format gets a folder of its name in there")
    add("--overwrite", action="store_true", help="replace an earlier export")
    add("--all-fields", action="store_true", help="also fields that were not reviewed to the last cell, for training")
    add("--groups", type=Path, metavar="CSV", help="columns id, group: fields of one animal stay in one split")
    add("--for", dest="trainer", choices=["cellpose", "stardist"], help="export for it, and print how to train there")
    add("--map", action="append", default=[], metavar="OLD=NEW", help="where the images lie now: /old/folder=/new")


def _add_plot(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "draw a histogram and a box plot per group of saved results: counts, sizes, intensities, …"
    add_plot(_command(commands, "plot", "plot", text))


def _add_report(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "report the corrections: counts, cells added, deleted, split and merged, and the accuracy of the model"
    parser = _command(commands, "report", "correction_report", text)
    add = parser.add_argument
    add("results", type=Path, metavar="RESULTS", help="corrected results")
    add(
        "--model-results",
        type=Path,
        metavar="DIR",
        help="the same fields as the model left them (default: what is kept of that in RESULTS)",
    )
    add("--out", type=Path, metavar="FILE.html", help="(default: corrections.html in RESULTS); the .json is next to it")
    add("--overwrite", action="store_true", help="replace an earlier report")


def _add_import(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "take masks, ROIs or boxes that others made as results to correct, export or train on"
    parser = _command(commands, "import", "import_masks", text)
    add = parser.add_argument
    kinds = "label image, _seg.npy, ROI zip, GeoJSON, COCO, YOLO, labelme, VIA, Label Studio, OME-Zarr; a folder"
    add("masks", type=Path, metavar="MASKS", help=kinds)
    add("--image", action="append", type=Path, required=True, metavar="IMAGE", help="image or folder; repeatable")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    add("--channel", default="", metavar="NAME|N", help="channel they were made on, by name or number from 1")
    add(
        "--z",
        default="mip",
        metavar="mip|plane:K|3d",
        help="what they lie on: the projection (default), one plane of a stack, or 3d: all its planes, in 3D",
    )
    add("--frame", type=_frame, default=1, metavar="N|all", help="time point, from 1; all: each is a field")
    add("--axes", metavar="AXES", help="dimensions of the image, where its metadata have none, as CYX")
    add("--pixel-size", type=float, metavar="UM", help="µm per pixel, where the image has none")
    add("--outlines-in", choices=("px", "um"), default="px", help="unit of outlines in GeoJSON (default: px)")
    add("--overwrite", action="store_true", help="replace other results")
