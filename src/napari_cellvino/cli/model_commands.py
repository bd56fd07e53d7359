"""The commands that make models: teach, train, convert, quantize."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_cellvino.cli.command import add_command, one_frame


def add_teach(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare ``cellvino teach``."""
    text = "make a model of a few strokes: for cells that no model knows; needs no training extra"
    parser = add_command(commands, "teach", "teach", text)
    add = parser.add_argument
    add("images", nargs="+", type=Path, metavar="SET", help="images, or a folder of them (or of images/)")
    strokes = (
        "a TIFF per image with its name: 1 cell, 2 background, 3 between cells, 4 and more a cell of class 1, 2, …"
    )
    add("--strokes", type=Path, required=True, metavar="DIR", help=f"{strokes}; outlined cells in <name>_cells.tif")
    add("--out", type=Path, required=True, metavar="PACKAGE", help="folder for the model, to run with --model PACKAGE")
    add("--name", default="", metavar="NAME", help="what the model is called (default: as its folder)")
    add("--classes", default="", metavar="A,B", help="names of the classes of cells, as living,dead")
    add("--by", default="", metavar="WHO", help="who taught it, for the card")
    add("--channel", metavar="NAME|N", help="channel by name, or by number from 1; grey for RGB (default: all at once)")
    add("--z", metavar="mip|mean|focus|plane:K", help="what was painted on, of stacks; (Z, Y, X) strokes are on planes")
    add("--frame", type=one_frame, default=1, metavar="N", help="time point, from 1")
    add("--axes", metavar="AXES", help="dimensions of the file, where its metadata have none, as CYX")
    add("--diameter", type=float, metavar="PX", help="typical cell diameter in px (default: found out)")
    add("--device", metavar="D", help="AUTO, CPU, GPU, NPU, … as 'cellvino devices' lists them")
    add("--overwrite", action="store_true", help="replace the model in PACKAGE")


def add_train(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare ``cellvino train``."""
    text = "train a model on labelled images, going on from one that is there (needs the train extra)"
    parser = add_command(commands, "train", "train", text)
    add = parser.add_argument
    add("dataset", type=Path, metavar="DATASET_DIR", help="images/ with labels/ (or boxes/), and optionally splits.csv")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for the new model; checkpoints go to DIR.run")
    add("--base", metavar="NAME", help="model to go on from: a name or a folder (default: nuclei)")
    add("--plan", type=Path, metavar="FILE", help="plan (YAML) of a fresh network, instead of --base")
    add("--epochs", type=int, default=20, metavar="N", help="times to go over the images (default: 20)")
    add("--steps", type=int, metavar="N", help="steps to fit, instead of --epochs")
    add("--batch", type=int, metavar="N", help="crops a step (default: the plan's)")
    add("--seed", type=int, default=0, metavar="N", help="the same seed draws the same crops (default: 0)")
    add("--device", choices=["cpu", "cuda"], default="cpu")
    add("--install", action="store_true", help="put the new model among your own, unless it is no better")
    add("--progress", type=Path, metavar="FILE", help="append the progress to this file, as lines of JSON")


def add_convert(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare ``cellvino convert``."""
    text = "make a model of a network that others made: ONNX, PyTorch, TensorFlow, OpenVINO or bioimage.io"
    parser = add_command(commands, "convert", "convert", text)
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


def add_quantize(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare ``cellvino quantize``."""
    text = "add INT8 weights to a model, unless they find the cells less well (needs the train extra)"
    parser = add_command(commands, "quantize", "quantize", text)
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
