"""Fit the weights by which a model chooses its zoom (`zoom_evidence`): ridge regression to F1 at each zoom.

``python -m napari_cellvino.training.shipped.zoom_weights collect --data DATA --rows ROWS`` appends one row an image
(and goes on where it stopped); ``… fit --rows ROWS … --plan PLAN`` prints what is gained on kinds that the weights were
not fitted on, and writes them into the plan; ``generalist rescore`` takes them from there into the package. Rows of an
earlier state of the network, which had not seen such images yet, tell how it sees what it does not know.
Needs no torch.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.segmentation.zoom_evidence import choose_zoom, predicted_f1, zoom_numbers
from napari_cellvino.training.shipped.zoom_rows import ZoomRow, collect_rows

HELD_BACK = 200.0  # the ridge: how strongly weights of standardised numbers are held back
LESS = ("number", "density", "score", "ridge", "top", "agree_coarser", "agree_finer", "surety", "edges", "contrast",
        "seen", "apart")  # fmt: skip
DIGITS = 4
PLAN = Path(__file__).parent / "plans" / "cells.yaml"

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class KindScore:
    """Mean F1 on the ``images`` of a kind: by the estimate by size, by weights fitted without it, at the best zoom."""

    kind: str
    images: int
    usual: float
    chosen: float
    best: float


def fit_weights(rows: Sequence[ZoomRow], held_back: float = HELD_BACK) -> dict[str, float]:
    """Return the weights of the evidence by name, ``one`` the constant.

    Each kind counts as the root of its number of images. Numbers are standardised, then weights are held back.
    """
    tables = [_weighed(row) for row in rows]
    numbers: Numbers = np.concatenate([np.stack(list(table.values()), axis=1) for table in tables])
    truth: Numbers = np.concatenate([np.asarray(row.f1, np.float64) for row in rows])
    kinds = [row.kind for row in rows]
    share: Numbers = np.concatenate([np.full(len(row.f1), kinds.count(row.kind) ** -0.5) for row in rows])
    share /= share.mean()
    middle = np.average(numbers, axis=0, weights=share)
    scale = np.sqrt(np.average((numbers - middle) ** 2, axis=0, weights=share)) + 1e-6
    standard, mean = (numbers - middle) / scale, np.average(truth, weights=share)
    both = standard.T * share
    slopes = np.linalg.solve(both @ standard + held_back * np.eye(len(middle)), both @ (truth - mean)) / scale
    return {"one": float(mean - slopes @ middle), **dict(zip(tables[0], slopes.tolist(), strict=True))}


def leave_kinds_out(rows: Sequence[ZoomRow], held_back: float = HELD_BACK) -> list[KindScore]:
    """Return what is reached on each kind by weights that were fitted on the others."""
    scores = []
    for kind in sorted({row.kind for row in rows}):
        own = [row for row in rows if row.kind == kind]
        weights = fit_weights([row for row in rows if row.kind != kind], held_back)
        reached = zip(*((row.usual_f1, chosen_f1(row, weights), max(row.f1)) for row in own), strict=True)
        scores.append(KindScore(kind, len(own), *(float(np.mean(values)) for values in reached)))
    return scores


def chosen_f1(row: ZoomRow, weights: dict[str, float]) -> float:
    """Return F1 of an image as the search runs it, at the zoom that `choose_zoom` takes or by the estimate by size."""
    best = choose_zoom(predicted_f1(row.evidence, row.away, weights), row.away)
    return row.usual_f1 if best is None else row.f1[best]


def describe(scores: Iterable[KindScore]) -> str:
    """Return a table of a line a kind, and the mean over kinds."""
    scores = list(scores)
    means = (float(np.mean([getattr(one, name) for one in scores])) for name in ("usual", "chosen", "best"))
    lines = [f"{'kind':14} images  by size  kind left out  best zoom"]
    for one in [*scores, KindScore("mean", sum(one.images for one in scores), *means)]:
        lines.append(f"{one.kind:14} {one.images:6d} {one.usual:8.3f} {one.chosen:14.3f} {one.best:10.3f}")
    return "\n".join(lines)


def write_weights(plan: Path, weights: dict[str, float]) -> None:
    """Put weights into the plan of a model, in place of those that are there; ValueError where it has none."""
    text = plan.read_text(encoding="utf-8")
    block = "  weights:\n" + "".join(f"    {name}: {value:.{DIGITS}g}\n" for name, value in weights.items())
    text, changed = re.subn(r"^  weights:\n(?:    \w+: .*\n)+", block, text, count=1, flags=re.MULTILINE)
    if not changed:
        raise ValueError(f"{plan} has no weights under diameter_px to put these in place of")
    plan.write_text(text, encoding="utf-8")


def read_rows(path: Path) -> list[ZoomRow]:
    """Return the rows of a file of JSON lines; none where there is no file."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [ZoomRow(**json.loads(line)) for line in lines]


def _weighed(row: ZoomRow) -> dict[str, Numbers]:
    """Return the numbers (zooms,) that are weighed, by name; of those that a zoom lacks to the best, `LESS`."""
    numbers = zoom_numbers(row.evidence, row.away)
    left = {f"{name}_less" for name in row.evidence[0] if name not in LESS} | {"one"}
    return {name: values for name, values in numbers.items() if name not in left}


def main() -> None:
    """Do one step from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["collect", "fit"])
    parser.add_argument("--rows", type=Path, nargs="+", required=True, help="file of JSON lines, one an image")
    parser.add_argument("--data", type=Path, help="folder of the packed sets")
    parser.add_argument("--package", type=Path, default=Path("models") / "cells", help="model whose zooms are weighed")
    parser.add_argument("--plan", type=Path, default=PLAN, help="plan that gets the weights")
    parser.add_argument("--held-back", type=float, default=HELD_BACK, help="how strongly weights are held back")
    parser.add_argument("--most", type=int, help="images to collect in this call")
    args = parser.parse_args()
    rows = [row for path in args.rows for row in read_rows(path)]
    if args.step == "fit":
        print(describe(leave_kinds_out(rows, args.held_back)))
        write_weights(args.plan, fit_weights(rows, args.held_back))
        return
    if args.data is None:
        parser.error("collect needs --data")
    with args.rows[0].open("a", encoding="utf-8") as file:
        for number, row in enumerate(collect_rows(args.data, args.package, {one.name for one in rows}), 1):
            file.write(json.dumps(asdict(row)) + "\n")
            file.flush()
            print(f"{number}: {row.name}: {row.usual_f1:.2f} by size, at best {max(row.f1):.2f}", flush=True)
            if number == args.most:
                return


if __name__ == "__main__":
    main()
