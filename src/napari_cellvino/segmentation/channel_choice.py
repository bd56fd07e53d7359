"""Which channel a model looks at where nobody named one: the one that shows what the model was made for.

A model of fluorescent nuclei that is given the first channel finds actin in one laboratory and nuclei in the next, and
both give a number. So a channel whose name, dye or wavelength says "nuclei" comes first, then one that is blue. What
was chosen is said and recorded; where nothing says it, that is said too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.dyes import Dye
from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import ALL_CHANNELS, Stack, channel_index
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.model_package import ModelSpec
from napari_cellvino.model_package.spec import Taught
from napari_cellvino.segmentation.dye_light import stain_shares
from napari_cellvino.segmentation.spots.channel_of_spots import channel_of_spots

_NUCLEAR = re.compile(
    r"dapi|hoechst|\bh?33[23]\d\d\b|draq ?[57]|nuc(lei|lear|leus|blue|spot|red|green)|\bnuc\b|\bdna\b|\bh2b\b|sytox|"
    r"to-?pro|\bsir-?dna\b|spy\d{3}-dna|propidium|\bpi\b|7-?aad|\bvybrant dyecycle",
    re.IGNORECASE,
)
_NEAR_UV = re.compile(r"(?<!\d)(3[5-9]\d|40[0-8]|44\d|45\d|46[0-5])(\.\d+)?(?!\d)")  # excitation, emission in nm
_BLUE = re.compile(r"\bblue\b|#?0000ff", re.IGNORECASE)
_TRANSMITTED = re.compile(
    r"phase|\bph\d?\b|bright ?-?field|\bbf\b|\bdic\b|trans(mitted|mission)?\b|\btl\b|\btd\d?\b|\bt-?pmt\b|\bmono\b",
    re.IGNORECASE,
)
_NAMELESS = re.compile(r"(channel|ch|c)?[ _-]?\d+", re.IGNORECASE)
_DARK = 0.35  # of the brightest value: a merge of fluorescent channels has a background darker than that
_SOMETHING = 0.08  # of the brightest value: a colour that reaches less far above the background is empty
EVERY_PX = 2  # of a colour picture is looked at for brown
_SOME_BROWN, _MOSTLY_BROWN, _SOME_BLUE = 0.1, 0.5, 0.02  # shares of the tissue
_DIFFERENT = 0.05  # share of the brightest value by which colours of a grey picture may differ


@dataclass(frozen=True, slots=True)
class ChannelChoice:
    """A channel for a recipe (empty: as it comes), what to say of it, and whether it is a guess.

    ``command`` is how the command line takes another.
    """

    channel: str = ""
    said: str = ""
    guess: bool = False
    command: str = "--channel takes another"

    @property
    def notices(self) -> tuple[str, ...]:
        """What the command line says; nothing where nothing was chosen."""
        return (f"{self.said}; {self.command}",) if self.said else ()

    @property
    def doubts(self) -> tuple[str, ...]:
        """The notices of a choice that is a guess."""
        return self.notices if self.guess else ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """The notices of a choice that is sure, which only say what was done."""
        return () if self.guess else self.notices


def choose_channel(stack: Stack, spec: ModelSpec) -> ChannelChoice:
    """Return the channel that a model looks at where the user names none.

    Of a colour picture, pixels are looked at: of a merge of fluorescent channels, a model of nuclei takes blue, and of
    tissue under a brown stain, a model of histology takes the blue dye.

    Raises
    ------
    ImageValueError
        If the channel that shows it is one whose file is missing: any other would give a number that looks right.
    """
    _check_absent(stack, spec)
    if spec.taught is not None:
        return ChannelChoice() if stack.rgb else taught_channel(stack.channels, spec.taught)
    if spec.input_channels != 1 or (stack.shape.c == 1 and not stack.absent):
        return ChannelChoice()
    if stack.rgb:
        if spec.stain == "nuclei":
            return _of_colours(stack)
        return _of_dyes(stack) if spec.sees_dyes else ChannelChoice()
    return by_name(stack.channels, stack.hints, spec, numbers=stack.channel_numbers)


def choose_unless_named(stack: Stack, recipe: Recipe, spec: ModelSpec | None) -> ChannelChoice:
    """Return the choice of `choose_channel`; none where the recipe names a channel or no model looks at one."""
    return ChannelChoice() if recipe.channel or spec is None else choose_channel(stack, spec)


def _check_absent(stack: Stack, spec: ModelSpec) -> None:
    """Raise ImageValueError where a missing channel is the one that a model looks at."""
    texts = [*stack.channels, *stack.hints]
    for sign in _signs(spec):
        lost = next((name for name in stack.absent if sign.search(_words(name))), None)
        if any(sign.search(_words(text)) for text in texts):
            return
        if lost is not None:
            raise ImageValueError(
                f"the file of channel {lost} of {stack.origin.name} is missing, and {spec.name} looks at that one; "
                "copy it beside the others, or name another with --channel"
            )


def _signs(spec: ModelSpec) -> tuple[re.Pattern[str], ...]:
    """Return what tells the channel of a model, the surest first."""
    if spec.taught is not None:
        return tuple(re.compile(re.escape(_words(name)), re.IGNORECASE) for name in spec.taught.channels)
    return {"nuclei": (_NUCLEAR, _NEAR_UV, _BLUE), "transmitted": (_TRANSMITTED,)}.get(spec.stain, ())


def by_name(
    channels: tuple[str, ...], hints: tuple[str, ...], spec: ModelSpec, *, numbers: tuple[int, ...] = ()
) -> ChannelChoice:
    """Return the channel that its name, or what else the file says of it, gives to a model."""
    signs = _signs(spec)
    shown = "transmitted light" if spec.stain == "transmitted" else spec.stain
    number = (numbers or (1,))[0]
    if not signs or (len(channels) == 1 and number == 1):
        return ChannelChoice()
    for sign in signs:
        for texts, where in ((channels, "its name"), (hints, "what the file says of it")):
            at = next((c for c, text in enumerate(texts) if sign.search(_words(text))), None)
            if at is not None:
                said = f"channel {channels[at]} is taken for {shown}, by {where}"
                return ChannelChoice(channels[at] if at or number > 1 else "", said, guess=sign is _BLUE)
    said = f"{_named(number, channels[0])} is taken: no name of {', '.join(channels)} tells which of them shows {shown}"
    return ChannelChoice("", said, guess=True)


def taught_channel(channels: tuple[str, ...], taught: Taught) -> ChannelChoice:
    """Return the channel of the name that a model was taught on, or all channels where it was taught on several."""
    if len(taught.channels) > 1:
        return ChannelChoice(ALL_CHANNELS)
    names = [name.casefold() for name in channels]
    wanted = taught.channels[0]
    if len(channels) == 1:
        return ChannelChoice()
    if wanted.casefold() in names:
        at = names.index(wanted.casefold())
        return ChannelChoice(channels[at] if at else "", f"channel {channels[at]} is taken, as the model was taught on")
    names_said = ", ".join(channels)
    said = f"{_named(1, channels[0])} is taken: no name of {names_said} is {wanted}, which the model was taught on"
    return ChannelChoice("", said, guess=True)


def _named(number: int, name: str) -> str:
    """Return number and name of a channel; a name that is no more than the number is not said twice."""
    return f"channel {number}" + ("" if name.casefold() == f"channel {number}" else f" {name}")


def choose_spot_channel(stack: Stack, recipe: Recipe) -> ChannelChoice:
    """Return the channel of the spots: the recipe's, else the first that shows neither nuclei nor transmitted light.

    Of channels that have numbers for names, it is the one that shows far more spots than the others, if there is one.

    Raises
    ------
    ImageValueError
        If the image has no channel of the recipe's name.
    """
    named = recipe.spot_channel or ("" if recipe.model else recipe.channel)
    index = channel_index(stack, named)
    if index is None:
        return ChannelChoice("grey")
    if named or stack.shape.c == 1:
        return ChannelChoice(stack.channels[index])
    cells = channel_index(stack, recipe.channel) if recipe.model else None
    hints = stack.hints or ("",) * stack.shape.c
    texts = [f"{_words(name)} {_words(hint)}" for name, hint in zip(stack.channels, hints, strict=True)]
    others = [
        c for c, text in enumerate(texts) if c != cells and not (_NUCLEAR.search(text) or _TRANSMITTED.search(text))
    ]
    by_pixels = None
    if len(others) > 1 and all(_NAMELESS.fullmatch(stack.channels[c]) for c in others):
        by_pixels = channel_of_spots(stack, others)
    chosen = stack.channels[by_pixels if by_pixels is not None else others[0] if others else index]
    said = f"spots are sought in channel {chosen}, of {', '.join(stack.channels)}"
    said += ", which shows most of them" if by_pixels is not None else ""
    return ChannelChoice(chosen, said, guess=len(others) != 1, command="--spot-channel takes another")


def with_channel(recipe: Recipe, choice: ChannelChoice) -> Recipe:
    """Return a recipe with the channel chosen, unless it names one."""
    if recipe.channel or not choice.channel:
        return recipe
    return recipe.model_copy(update={"channel": choice.channel})


def _words(text: str) -> str:
    """Return a name with its parts apart: ``w1_DAPI`` is two words."""
    return re.sub(r"[_/|]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text))


def _of_colours(stack: Stack) -> ChannelChoice:
    """Return blue where a colour picture is a merge of fluorescent channels and blue is not empty."""
    colours = [_low_and_high(stack.plane(z=stack.shape.z // 2, c=c)) for c in range(3)]
    brightest = max(high for _, high in colours)
    low, high = colours[2]
    dark = all(background < _DARK * brightest for background, _ in colours)
    different = max(abs(high - colours[c][1]) + abs(low - colours[c][0]) for c in (0, 1)) > _DIFFERENT * brightest
    if not (brightest > 0 and dark and different and high - low > _SOMETHING * brightest):
        return ChannelChoice()
    blue = stack.channels[2]
    others = any(colours[c][1] - colours[c][0] > _SOMETHING * brightest for c in (0, 1))
    said = f"are the nuclei {blue.lower()} in this colour picture? {blue} is taken"
    return (
        ChannelChoice(blue, said, guess=True, command="--channel grey takes all colours") if others else ChannelChoice()
    )


def _of_dyes(stack: Stack) -> ChannelChoice:
    """Return haematoxylin where most of the tissue is brown: a stain that is in nuclei only covers less."""
    z = stack.shape.z // 2
    shares = stain_shares(np.stack([stack.plane(z=z, c=c)[::EVERY_PX, ::EVERY_PX] for c in range(3)]))
    if shares.blue < _SOME_BLUE or shares.brown < _SOME_BROWN:
        return ChannelChoice()
    said = f"a brown stain (DAB) lies on {100 * shares.brown:.0f} % of the tissue"
    if shares.brown < _MOSTLY_BROWN:
        other = f"--channel {Dye.HAEMATOXYLIN} takes the blue ones"
        return ChannelChoice("", f"{said}: nuclei are sought in all colours, brown or blue", command=other)
    said += ": nuclei are sought in the blue one (haematoxylin) alone"
    return ChannelChoice(Dye.HAEMATOXYLIN.value, said, guess=True, command="--channel grey takes all colours")


def _low_and_high(pixels: NDArray[np.generic]) -> tuple[float, float]:
    low, high = np.percentile(pixels[::4, ::4].astype(np.float32), (30, 99.5))
    return float(low), float(high)
