"""``cellvino train --task phenotype``: a model of the phenotypes of whole fields."""

from __future__ import annotations

import argparse
import sys

from napari_cellvino.storage.json_text import json_text
from napari_cellvino.workflows.train_phenotypes import train_phenotypes

STEPS = 1000  # of simulated plates: 400 tell only half of the fields of a plate that was not seen
EVERY = 20  # steps that are told


def run(options: argparse.Namespace) -> int:
    """Train, and say how well a plate was told that was held out."""
    from napari_cellvino.training.phenotype.fit import PhenotypeOptions

    batch = options.batch or PhenotypeOptions().batch
    asked = PhenotypeOptions(options.steps or STEPS, batch, options.crop, seed=options.seed)
    work = train_phenotypes(options.dataset, options.out, asked)
    while True:
        try:
            event = next(work)
        except StopIteration as end:
            spec = end.value
            break
        if event.step % EVERY == 0 and not options.json:
            print(f"step {event.step:,} of {event.steps:,}  loss {event.loss:.4f}", file=sys.stderr)
    if options.json:
        print(json_text({"model": options.out} | spec.model_dump(mode="json")), end="")
        return 0
    known = f"; of plate {spec.held_out}, held out, {100 * spec.accuracy:.0f} % right" if spec.held_out else ""
    print(f"{', '.join(spec.classes)} learnt from {spec.fields} fields{known}\n{options.out}")
    return 0
