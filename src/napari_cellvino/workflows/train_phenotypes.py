"""From labelled fields to a model of phenotypes, scored on a plate that it did not see."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_cellvino.core.errors import OptionError

if TYPE_CHECKING:
    from napari_cellvino.training.phenotype.fields import LabelledField
    from napari_cellvino.training.phenotype.fit import PhenotypeOptions
    from napari_cellvino.training.phenotype.package import PhenotypeSpec


@dataclass(frozen=True, slots=True)
class PhenotypeProgress:
    """A step and its loss."""

    step: int
    steps: int
    loss: float


def train_phenotypes(
    dataset: Path, out: Path, options: PhenotypeOptions
) -> Generator[PhenotypeProgress, None, PhenotypeSpec]:
    """Yield progress, write the model into ``out``, and return what is known of it.

    Where fields are of two plates or more, the last one by name is held out, and says how well it does. Of several
    processes (``torchrun``) the first one writes.

    Raises
    ------
    TrainingDataError
        If the set cannot be used.
    ModelPackageError
        If OpenVINO says something else than torch.
    OutputError
        If the folder cannot be written.
    """
    from napari_cellvino.training.phenotype.fields import read_fields
    from napari_cellvino.training.phenotype.fit import fit_phenotypes
    from napari_cellvino.training.phenotype.package import PhenotypeSpec, open_phenotypes, write_phenotypes

    fields = read_fields(dataset)
    plates = sorted({field.plate for field in fields})
    held_out = plates[-1] if len(plates) > 1 else ""
    taught = [field for field in fields if not held_out or field.plate != held_out]
    fitting, step = fit_phenotypes(taught, options), 0
    while True:
        try:
            loss = next(fitting)
        except StopIteration as end:
            fitted = end.value
            break
        step += 1
        yield PhenotypeProgress(step, options.steps, loss)
    spec = PhenotypeSpec(
        classes=fitted.classes, channels=len(fields[0].pixels), fields=len(taught), steps=options.steps
    )
    if int(os.environ.get("RANK", "0")):
        return spec
    write_phenotypes(fitted.network, spec, out, taught[0].pixels)
    if held_out:
        unseen = [field for field in fields if field.plate == held_out]
        accuracy = score(unseen, out)
        spec = open_phenotypes(out).spec.model_copy(update={"held_out": held_out, "accuracy": accuracy})
        write_phenotypes(fitted.network, spec, out, taught[0].pixels)
    return spec


def score(fields: Sequence[LabelledField], model: Path) -> float:
    """Return the share of fields that a model gives their own class.

    Raises
    ------
    OptionError
        If there is none.
    """
    from napari_cellvino.training.phenotype.package import open_phenotypes

    if not fields:
        raise OptionError("there is no field to score")
    known = open_phenotypes(model)
    right = [known.spec.classes[int(known.look(f.pixels).probabilities.argmax())] == f.kind for f in fields]
    return sum(right) / len(right)
