"""What the package of a converted network says of itself: only what its makers say and what was measured here."""

from __future__ import annotations

from dataclasses import dataclass

from napari_cellvino.core.errors import OptionError
from napari_cellvino.training.convert.adapt import AdaptedNetwork
from napari_cellvino.training.convert.describe import Config, PackageText
from napari_cellvino.training.convert.graph import (
    bytes_per_pixel,
    fixed_batch_size,
    fixed_image_size,
    input_channels,
    receptive_radius,
    size_multiple,
)
from napari_cellvino.training.convert.network_files import IR
from napari_cellvino.training.convert.selftest import normalised, sample_image

TILE, CROP = 512, 224  # px, unless the user says otherwise
LOOKED_AT = 384  # px: side of the image on which is measured how far a network looks
STEP = 16  # px: tiles and halos are multiples
USUAL_DIAMETER = 30.0  # px, where nobody says what the network knows best
REACH = 4.0  # objects of a quarter to four times that diameter are thought possible
FIXED_BYTES = 60_000_000


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes in px as the user says them; None where they are to be found out."""

    diameter: float | None = None
    tile: int | None = None
    halo: int | None = None


def package_text(adapted: AdaptedNetwork, name: str, source: str, sizes: Sizes) -> PackageText:
    """Return the description and the card of a converted network; ``source`` is the name of the file it came in."""
    info, assignment = adapted.info, adapted.assignment
    config = _config(adapted, name, sizes)
    return PackageText(
        name,
        info.title or name,
        info.version if info.version.replace(".", "").isdigit() else "0.1.0",
        info.description or f"Converted from {source}",
        _card(adapted, info.title or name, source, config),
        licence=info.licence,
        authors=info.authors or ("unknown",),
        cite=info.cite,
        tags=assignment.classes,
        config=config,
        multiple=size_multiple(adapted.network, adapted.stride),
        side=fixed_image_size(adapted.network),
        batch=fixed_batch_size(adapted.network),
    )


def _config(adapted: AdaptedNetwork, name: str, sizes: Sizes) -> Config:
    assignment, reference = adapted.assignment, sizes.diameter or USUAL_DIAMETER
    return {
        "name": name,
        "task": assignment.task,
        "head": {"name": assignment.head},
        "input_channels": input_channels(adapted.network),
        "stride": adapted.stride,
        "maps": list(assignment.maps),
        "classes": list(assignment.classes),
        "normalise": adapted.normalise.model_dump(),
        "diameter_px": {"reference": reference, "smallest": reference / REACH, "largest": reference * REACH},
        "tile": _tile(adapted, sizes),
        "halo": _halo(adapted, sizes),
        "bytes_fixed": FIXED_BYTES,
        "bytes_per_pixel": bytes_per_pixel(adapted.network),
        "tolerance": {},
        "weights": {"float": IR},
        "scores": [],
    }


def _tile(adapted: AdaptedNetwork, sizes: Sizes) -> int:
    tile = sizes.tile or (CROP if adapted.assignment.task == "mask" else TILE)
    if tile % STEP or tile % adapted.stride:
        raise OptionError(f"a tile of {tile} px does not do; use a multiple of {max(STEP, adapted.stride)} px")
    return tile


def _halo(adapted: AdaptedNetwork, sizes: Sizes) -> int:
    """Return what a tile needs round it: as said by the user or the makers, else as measured; a mask needs nothing."""
    if adapted.assignment.task == "mask":
        return 0
    said = adapted.info.halo if sizes.halo is None else sizes.halo
    if said is not None:
        return -(-said // STEP) * STEP
    image = normalised(sample_image(input_channels(adapted.network), LOOKED_AT), adapted.normalise)
    return receptive_radius(adapted.network, image, LOOKED_AT // 4)


def _card(adapted: AdaptedNetwork, title: str, source: str, config: Config) -> str:
    how = {"percentiles": "percentiles {low:g} and {high:g}", "mean_std": "mean and standard deviation"}
    words = how.get(adapted.normalise.method, "nothing").format(**config["normalise"])
    agreement = adapted.agreement
    checked = (
        f"differs from the makers' own test output by {agreement.rms:.2g} (root mean square) in float32"
        if agreement
        else "came without test tensors; what it gave before anything was changed is what it is checked against"
    )
    described = f"\n{adapted.info.description}\n" if adapted.info.description else ""
    return _CARD.format(
        title=title,
        described=described,
        form=adapted.form,
        source=source,
        maps=", ".join(config["maps"]),
        head=config["head"]["name"],
        words=words,
        checked=checked,
        reference=config["diameter_px"]["reference"],
        licence=adapted.info.licence or "not said: ask its makers before you pass it on",
        makers=", ".join(adapted.info.authors) or "not said",
    )


_CARD = """# {title}
{described}
Converted by CellVINO from {form} ({source}).

- Maps: {maps}; decoded by the head `{head}`.
- Images are normalised, channel by channel, by {words}.
- The network {checked}.
- Object diameter taken as the one it knows best: {reference:g} px.
- Makers: {makers}. Licence: {licence}.

How well it finds the cells of your images is not known: `cellvino evaluate` says so on a few that you labelled.
"""
