"""Fit the generalist ``cells``: real fields of every kind that may ship, mixed with synthetic ones.

``python -m napari_cellvino.training.shipped.generalist fit --data DATA --run RUN --start models/nuclei`` goes on where
it stopped; ``package`` writes the package of its weights, and ``rescore`` only measures the package in ``--out`` anew,
after what lies beside the network has changed. Several processes (``--rank``, ``--of``) fit copies that are averaged
now and then, so that no core waits for another.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import torch

from napari_cellvino.training.convert.build import build_package, rescore_package
from napari_cellvino.training.fit.fit import fit
from napari_cellvino.training.fit.networks import UNet
from napari_cellvino.training.fit.plan import load_plan
from napari_cellvino.training.fit.weights import fitted_network, pretrained_network
from napari_cellvino.training.shipped.generalist_sets import real_fields, validation_sets
from napari_cellvino.training.shipped.models import shipped_card_texts
from napari_cellvino.training.synthetic.shards import read_shards

MEETING = 20  # steps between two averages of networks that are fitted together


def fit_generalist(args: argparse.Namespace) -> None:
    """Fit, or go on fitting, and tell how it goes."""
    plan = load_plan(args.plan)
    images = list(real_fields(args.data, without=args.without))
    images += [field for folder in args.shards for field in read_shards(folder)]
    start = pretrained_network(args.start, plan) if args.start else None
    run, after = args.run, None
    if args.of > 1:  # every process has a run and crops of its own
        run, plan, after = (
            args.run / str(args.rank),
            plan.model_copy(update={"seed": 1000 * args.rank}),
            make_weight_averager(args),
        )
    for progress in fit(images, run, plan, start_from=start, after_step=after):
        if progress.saved or progress.step % 25 == 0:
            print(progress.describe(), flush=True)


def package_generalist(args: argparse.Namespace) -> None:
    """Choose the defaults on the validation fields, measure, and write the package."""
    plan, val = load_plan(args.plan), validation_sets(args.data)
    texts, net = shipped_card_texts("cells"), fitted_network(args.run, plan)
    for progress in build_package(net, plan, texts, args.out, val=val, shown=val, parameters=args.parameters):
        print(progress, flush=True)


def rescore_generalist(args: argparse.Namespace) -> None:
    """Measure the package that is there, and write its card."""
    texts, val = shipped_card_texts("cells"), validation_sets(args.data)
    for progress in rescore_package(args.out, load_plan(args.plan), texts, val):
        print(progress, flush=True)


def make_weight_averager(args: argparse.Namespace) -> Callable[[int, UNet], None]:
    """Return what averages the networks of all processes now and then (local SGD): each waits little for the others."""
    args.run.mkdir(parents=True, exist_ok=True)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{args.run.resolve()}/meeting", rank=args.rank, world_size=args.of
    )

    def after(step: int, net: UNet) -> None:
        if step % MEETING:
            return
        with torch.no_grad():
            for tensor in net.state_dict().values():
                if tensor.dtype.is_floating_point:
                    torch.distributed.all_reduce(tensor)
                    tensor /= args.of

    return after


def main() -> None:
    """Do one step from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=list(STEPS))
    parser.add_argument("--data", type=Path, required=True, help="folder of the packed sets")
    parser.add_argument("--run", type=Path, help="folder of checkpoints")
    parser.add_argument("--plan", type=Path, default=Path(__file__).parent / "plans" / "cells.yaml")
    parser.add_argument("--start", type=Path, help="package or run to start from")
    parser.add_argument("--shards", type=Path, nargs="*", default=[], help="folders of synthetic shards")
    parser.add_argument("--threads", type=int, default=1, help="on a busy machine one is faster than several that wait")
    parser.add_argument("--rank", type=int, default=0, help="number of this process")
    parser.add_argument("--of", type=int, default=1, help="processes that fit together, averaging their networks")
    parser.add_argument("--without", nargs="*", default=[], help="sets to leave out")
    parser.add_argument("--out", type=Path, default=Path("models") / "cells", help="folder of the package")
    parser.add_argument("--parameters", type=json.loads, help="the head's defaults as JSON, where they are not chosen")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    STEPS[args.step](args)


STEPS = {"fit": fit_generalist, "package": package_generalist, "rescore": rescore_generalist}


if __name__ == "__main__":
    main()
