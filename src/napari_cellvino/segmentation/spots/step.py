"""The step of a pipeline that finds spots in one channel: in every plane of a stack, or in its projection."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.image import Plane, Stack, ZMode, channel_index
from napari_cellvino.core.progress import Progress
from napari_cellvino.core.recipe import Recipe, SpotPlanes
from napari_cellvino.core.spots import Spots
from napari_cellvino.segmentation.channel_choice import ChannelChoice, choose_spot_channel
from napari_cellvino.segmentation.heads import Parameter
from napari_cellvino.segmentation.plane_reading import read_ahead
from napari_cellvino.segmentation.prepare import input_channel, network_inputs
from napari_cellvino.segmentation.spots.detect import find_spots
from napari_cellvino.segmentation.spots.network import shipped_networks
from napari_cellvino.segmentation.spots.threshold import choose_brightness

SIGMA_PER_FWHM = 1 / 2.3548
NO_PARTICLES = 0.28  # of the response of spots, that is left round them; particles leave up to 0.26, once 0.29
WIDEST_UM, WIDEST_PX = (
    1.0,
    8.0,
)  # full width that diffraction-limited particles have at most; in px where no scale is known
MOSTLY_SEEN = 0.05  # share of the image, at most, where typical spots may be missing untold
MOSTLY_APART = 0.13  # of the spots, at most, that may hide another one untold
TOO_DIM = 0.3  # of the typical light, below which spots are no group of their own
MOSTLY_TAKEN = 3.0  # times as many as the spots, at most, that dimmer places may be untold
UNSURE, FEW = 1.6, 10  # times as many as are certain, and more than these, that may be spots untold
MOSTLY_NOISE = 0.7  # of the spots, that may be noise: they are doubtful then; dim ones of 3 times the noise have 0.3

SPOT_PARAMETERS = (
    Parameter(
        "spot_diameter", "Spot diameter", 0.0, 0.0, 20.0, 0.1, "px",
        "Full width of a spot at half its brightness; 0 learns it from the field",
    ),
    Parameter(
        "spot_score", "Spot score", 0.0, 0.0, 100.0, 0.1,
        help="Standard deviations of the noise that a spot stands out at least; 0 leaves it to the field",
    ),
    Parameter(
        "spot_brightness", "Spot brightness", 0.0, 0.0, 1e6, 1.0,
        help="Least response of a spot in grey values, as in spots_curve.csv; 0 leaves it to the field",
    ),
    Parameter(
        "spot_share", "Spot share", 0.0, 0.0, 1.0, 0.05,
        help="Share of the response of the brightest tenth that a spot has at least, where all are of one kind; 0: any",
    ),
    Parameter(
        "spot_network", "Spot network", 1.0, 0.0, 1.0, 1.0,
        help="1 lets a small network see spots where noise and width are as it learnt, 0 takes the filter everywhere",
    ),
)  # fmt: skip
PAIR_DISTANCE = Parameter(
    "pair_distance", "Pair distance", 2.0, 0.1, 50.0, 0.1, "px",
    "How far spots of two channels lie apart at most to be a pair",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SpotStep:
    """What a recipe asks for of spots; an empty ``channel`` is chosen by the names of the channels."""

    planes: SpotPlanes
    channel: str = ""
    partner: str = ""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Adjustable parameters."""
        return (*SPOT_PARAMETERS, PAIR_DISTANCE) if self.partner else SPOT_PARAMETERS


def spot_step_of(recipe: Recipe) -> SpotStep | None:
    """Return the step that a recipe asks for, None where it asks for none."""
    return None if recipe.spots is None else SpotStep(recipe.spots, recipe.spot_channel, recipe.spot_partner)


def check_spots(recipe: Recipe) -> None:
    """Raise OptionError where a recipe asks for neither cells nor spots, or for what only cells have."""
    if recipe.model:
        return
    if recipe.spots is None:
        raise OptionError("the recipe names no model and asks for no spots: there is nothing to find; name a model")
    if recipe.outline or recipe.whole_cells is not None:
        raise OptionError("without a model no cells are found that could be outlined or grown; name a model")
    if recipe.z_choice.joined:
        raise OptionError("without a model there are no cells to join in 3D; leave --z out, spots are found in 3D")


def with_spot_channel(recipe: Recipe, stack: Stack) -> tuple[Recipe, ChannelChoice]:
    """Return a recipe with the channel of the spots named, and how that was chosen.

    Without a model, it is the channel of the whole recipe.

    Raises
    ------
    ImageValueError
        If the image has no such channel.
    """
    if recipe.spots is None:
        return recipe, ChannelChoice()
    choice = choose_spot_channel(stack, recipe)
    named = recipe.model_copy(update={"spot_channel": choice.channel, "spot_partner": _partner(stack, recipe, choice)})
    return (named if recipe.model else named.model_copy(update={"channel": choice.channel})), choice


def _partner(stack: Stack, recipe: Recipe, choice: ChannelChoice) -> str:
    """Return the name of the channel whose spots are compared with those of another one, empty where none is."""
    index = channel_index(stack, recipe.spot_partner) if recipe.spot_partner else None
    if index is None:
        return ""
    if stack.channels[index] == choice.channel:
        raise OptionError(f"spots of {choice.channel} are compared with those of another channel; name that")
    return stack.channels[index]


def search_spots(
    stack: Stack, plane: Plane, recipe: Recipe, values: Mapping[str, float]
) -> Generator[Progress, None, Spots]:
    """Yield progress and return the spots of a field; ``recipe`` names their channel.

    Raises
    ------
    ImageValueError
        If the image has no such channel.
    """
    index = channel_index(stack, recipe.spot_channel)
    way = recipe.z_choice
    if recipe.spots is SpotPlanes.STACK and stack.shape.z > 1 and way.way is not ZMode.PLANE:
        image = yield from _read_stack(stack, index, recipe.frame)
        distance = None
        if stack.spacing.z and stack.spacing.x:
            distance = stack.spacing.z / stack.spacing.x
    else:
        grey = index is None and input_channel(stack, recipe.channel, len(plane.inputs)) is None
        seen = plane.inputs if grey and len(plane.inputs) == 1 else network_inputs(plane.pixels, index, 1)
        image, distance = seen[0], None
    found = find_spots(
        image,
        sigma_px=values["spot_diameter"] * SIGMA_PER_FWHM or None,
        least_score=values["spot_score"] or None,
        least_brightness=values["spot_brightness"] or None,
        least_share=values["spot_share"],
        z_over_x=distance,
        networks=shipped_networks() if values["spot_network"] else None,
    )
    told = (_describe(found, values), *_describe_groups(found))
    doubts = (
        *_describe_larger(found),
        *_describe_noise(found),
        *_describe_unlike(found, stack.spacing.x, given=bool(values["spot_diameter"])),
        *_describe_between(found),
        *_describe_blind(found),
        *_describe_crowd(found),
        *_describe_left_out(found),
    )
    return replace(found, channel=recipe.spot_channel, remarks=told, notices=doubts)


def _read_stack(stack: Stack, index: int | None, frame: int) -> Generator[Progress, None, NDArray[np.generic]]:
    """Return the planes (Z, Y, X) of the channel of the spots, read one by one."""
    count = stack.shape.z
    wanted = range(stack.shape.c) if index is None else (index,)
    dtype = np.dtype(np.float32) if index is None else stack.dtype
    image = np.empty((count, stack.shape.y, stack.shape.x), np.uint8 if dtype.kind == "b" else dtype)
    for z, pixels in enumerate(read_ahead(stack, frame - 1, range(count), wanted)):
        image[z] = network_inputs(pixels, None if index is None else 0, 1)[0]
        yield Progress("planes of spots", z + 1, count)
    return image


def _describe(found: Spots, values: Mapping[str, float]) -> str:
    """Return how the spots were told from the rest."""
    across = found.sigma[1] / SIGMA_PER_FWHM
    seen = "seen by the network" if found.by_network else "found by the filter"
    width = f"spots of {across:.1f} px" + ("" if values["spot_diameter"] else " (learnt)")
    chosen = "chosen by the field" if not (values["spot_score"] or values["spot_brightness"]) else "as given"
    least = f"score {found.least_score:.1f}" if found.least_score else f"{100 * found.least_likely:.0f} % likely"
    least += f" and brightness {found.least_brightness:.4g}" if found.least_brightness else ""
    dimmer = f"; {found.left_out:,} dimmer places are left out as grain or granules" if found.left_out else ""
    noise = "" if found.may_be_noise is None else f", up to {100 * found.may_be_noise:.0f} % may be noise"
    return f"{len(found):,} {width}, {seen}, from {least} ({chosen}){noise}{dimmer}"


def _describe_left_out(found: Spots) -> tuple[str, ...]:
    """Return what to do where most of what stands out of the noise was left out for being dim."""
    if found.left_out <= MOSTLY_TAKEN * len(found):
        return ()
    return (
        f"{len(found):,} spots are far brighter than {found.left_out:,} dimmer places, which were taken for grain or "
        "granules: if these are the spots, and the bright ones dust or hot pixels, give spot_brightness "
        f"(from {found.curve[0, 0]:.3g} on all are taken)",
    )


def _describe_groups(found: Spots) -> tuple[str, ...]:
    """Return how many spots are brighter than the others, where they are two groups."""
    bright = choose_brightness(found.intensity[found.intensity > TOO_DIM * found.typical_intensity])
    brighter = found.intensity >= bright
    if bright == 0 or not 0 < brighter.sum() < len(found):
        return ()
    times = float(np.median(found.intensity[brighter]) / np.median(found.intensity[~brighter]))
    return (
        f"{brighter.sum():,} of the spots are a group of their own, {times:.1f} times as bright as the others "
        "(transcription sites, or several on each other?); spot_brightness takes them alone",
    )


def _describe_noise(found: Spots) -> tuple[str, ...]:
    """Return what to do where spots are not told from noise or grain by how bright they are."""
    if found.may_be_noise is None or found.may_be_noise < MOSTLY_NOISE:
        return ()
    number = f"{found.may_be_noise * len(found):,.0f} of the {len(found):,} spots"
    return (
        f"up to {number} may be noise or grain, such as speckle or texture: dimmer places go on without a gap; "
        "look at qc.png, and give spot_brightness if the brighter ones are meant",
    )


def _describe_unlike(found: Spots, pixel_um: float | None, *, given: bool) -> tuple[str, ...]:
    """Return what to do where what was found does not look like diffraction-limited particles."""
    if found.left_over is not None and found.left_over >= NO_PARTICLES:
        return (
            f"the {len(found):,} spots do not look like particles: with a Gaussian taken off each, "
            f"{100 * found.left_over:.0f} % of its response is left round it, as of nuclei, granules or texture; "
            "look at qc.png, choose the channel of the spots, or name a model that outlines cells",
        )
    across = found.sigma[1] / SIGMA_PER_FWHM
    if given or not len(found) or across * (pixel_um or WIDEST_UM / WIDEST_PX) < WIDEST_UM:
        return ()
    width = f"{across:.1f} px" + (f" ({across * pixel_um:.2g} µm)" if pixel_um else "")
    return (
        f"the {len(found):,} spots are {width} wide, more than particles at the limit of diffraction: "
        "if they are nuclei or cells, name a model that outlines these; if they are meant, give their spot_diameter",
    )


def _describe_between(found: Spots) -> tuple[str, ...]:
    """Return between which numbers that of the spots is where many are neither certain nor ruled out."""
    if found.between is None or found.between[1] <= max(UNSURE * found.between[0], found.between[0] + FEW):
        return ()
    fewest, most = found.between
    return (
        f"there are between {fewest:,} and {most:,} spots, {len(found):,} were taken: {fewest:,} are at least 80 % "
        f"likely, {most:,} at least 20 %, as noise or texture is as strong as many of them; "
        "look at qc.png, and give spot_score or spot_brightness if you know better",
    )


def _describe_blind(found: Spots) -> tuple[str, ...]:
    """Return in how much of an image a typical spot would not be seen."""
    if found.blind < MOSTLY_SEEN:
        return ()
    return (
        f"{len(found):,} spots may be too few: in {100 * found.blind:.0f} % of the image texture, or a crowd of spots, "
        "is nearly as strong as a typical spot, and dimmer ones are not seen there",
    )


def _describe_crowd(found: Spots) -> tuple[str, ...]:
    """Return how many spots may be missing where they crowd."""
    if found.hidden < MOSTLY_APART:
        return ()
    return (
        f"{len(found):,} spots may be too few: they crowd, and {100 * found.hidden:.0f} % of them may have another one "
        f"so near that both were counted as one; by their light there are about {found.by_intensity:,.0f} "
        "(spots_by_intensity), which is too few, too, where the light of a crowd is taken for background",
    )


def _describe_larger(found: Spots) -> tuple[str, ...]:
    """Return what to do where there are bright things larger than the spots that were sought."""
    if not found.beyond:
        return ()
    across = found.beyond / SIGMA_PER_FWHM
    return (f"bright things of {across:.0f} px are larger than the spots sought: give their spot_diameter",)
