"""Text in pictures: object numbers, the scale bar and the caption.

The font is the scalable one built into Pillow: the same on every computer, and no file to look for. It has little more
than ASCII, so other characters are spelled out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from napari_cellvino.core.objects import Objects
from napari_cellvino.figures.composite import Picture
from napari_cellvino.figures.palette import INK, PAPER, PLAIN, Colour, entries_of, ink, shades

SMALLEST, PLENTY, LARGEST = 9, 14, 28  # font sizes of numbers in px: just readable, well readable, on large objects
DIGIT = 0.62  # width of a digit, in font sizes
HALF, QUARTER = 0.5, 0.25  # font size in diameters of the object, at most: below PLENTY, and above
COVERED = 128  # opacity from which a number and its halo cover a pixel
MARGIN = 12  # px
IN_FONT = frozenset("©«°±·»‘’“”…™")  # noqa: RUF001
SPELLED = {"µ": "u", "μ": "u", "≥": ">=", "≤": "<=", "×": "x", "–": "-", "—": "-", "→": "->", "−": "-", "ß": "ss"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a caption."""

    text: str
    size: int = 14
    colour: Colour = PLAIN


@cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the built-in font at ``size`` px."""
    return ImageFont.load_default(size=size)


@lru_cache(maxsize=4096)
def text_width(text: str, size: int) -> float:
    """Return the width in px of a text in the built-in font: the captions of a plate's fields have the same words."""
    return float(font(size).getlength(text))


def number_sizes(objects: Objects, zoom: float) -> list[int]:
    """Return the font size (N,) at which each object's number fits into it; 0 where it would be too small to read."""
    diameter = np.sqrt(4 / np.pi * objects.area_px) * zoom
    digits = np.char.str_len(objects.id.astype(str))
    size = np.minimum(0.85 * diameter / (DIGIT * digits), HALF * diameter)
    size = np.minimum(size, np.clip(QUARTER * diameter, PLENTY, LARGEST))
    return [int(s) if s >= SMALLEST else 0 for s in size.tolist()]


def draw_numbers(picture: Picture, objects: Objects, *, zoom: float) -> None:
    """Draw each object's id at its centroid into a picture of either kind, where it fits."""
    (height, width), indexed = picture.shape[:2], picture.ndim == 2
    sizes = number_sizes(objects, zoom)
    for number, (y, x), size in zip(objects.id.tolist(), objects.centroid.tolist(), sizes, strict=True):
        if not size:
            continue
        letters, covered = number_stamp(number, size, indexed=indexed)
        high, wide = covered.shape[:2]
        top, left = round((y + 0.5) * zoom - high / 2), round((x + 0.5) * zoom - wide / 2)
        rows, columns = slice(max(top, 0), min(top + high, height)), slice(max(left, 0), min(left + wide, width))
        own = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
        np.copyto(picture[rows, columns], letters[own], where=covered[own])


@lru_cache(maxsize=8192)
def number_stamp(number: int, size: int, *, indexed: bool) -> tuple[Picture, NDArray[np.bool_]]:
    """Return a number in white on its black halo, of either kind of picture, and which pixels it covers.

    The next field of a plate has the same numbers. It is put together from its digits, of which there are fewer.
    """
    digits = [_digit_stamp(digit, size) for digit in str(number)]
    starts = np.rint(np.cumsum([0.0, *(advance for advance, _, _ in digits)])).astype(int).tolist()
    white, opaque = np.zeros((2, len(digits[0][1]), starts[-1] + 4), np.uint8)
    for start, (_, letter, halo) in zip(starts, digits, strict=False):
        columns = slice(start, start + letter.shape[1])
        np.maximum(white[:, columns], letter[:, : white.shape[1] - start], out=white[:, columns])
        np.maximum(opaque[:, columns], halo[:, : white.shape[1] - start], out=opaque[:, columns])
    covered = opaque >= COVERED
    return (entries_of(white), covered) if indexed else (white[..., None], covered[..., None])


@cache
def _digit_stamp(digit: str, size: int) -> tuple[float, NDArray[np.uint8], NDArray[np.uint8]]:
    """Return how far the next digit is in px, and the opacity (h, w) of a digit and of it with the halo round it."""
    advance = text_width(digit, size)
    drawn = []
    for stroke in (0, 1):
        stamp = Image.new("L", (round(advance) + 4, round(1.5 * size) + 4))
        ImageDraw.Draw(stamp).text(
            (2, stamp.height / 2), digit, fill=255, font=font(size), anchor="lm", stroke_width=stroke
        )
        drawn.append(np.asarray(stamp))
    return advance, drawn[0], drawn[1]


@lru_cache(maxsize=16)
def draw_scale_bar(um_per_px: float, *, width: int, scale: float = 1, indexed: bool = False) -> Picture:
    """Return a strip with a bar of a round length, at most a quarter of a picture ``width`` px wide."""
    length_um = round_length(width * um_per_px / 4)
    text, length = length_text(length_um), round(length_um / um_per_px)
    size, height = round(14 * scale), round(4 * scale)
    wide = max(length, round(font(size).getlength(text)))
    strip = Image.new("L", (wide + 2 * MARGIN, 2 * size + height + MARGIN))
    draw, right, bottom = ImageDraw.Draw(strip), strip.width - MARGIN, strip.height - MARGIN
    draw.rectangle((right - length, bottom - height, right - 1, bottom - 1), fill=255)
    draw.text((right - length / 2, bottom - height - 4), text, fill=255, font=font(size), anchor="mb")
    letters: NDArray[np.uint8] = np.asarray(strip)
    return shades(INK, indexed=indexed)[letters]


def round_length(at_most: float) -> float:
    """Return the largest of 1, 2 and 5 times a power of ten that is not more than ``at_most``."""
    power = 10.0 ** np.floor(np.log10(at_most))
    return float(max(step * power for step in (1, 2, 5) if step * power <= at_most * (1 + 1e-9)))


def length_text(um: float) -> str:
    """Return a length as text in nm, um (the font has no µ) or mm."""
    scale, unit = (1e-3, "mm") if um >= 1000 else (1.0, "um") if um >= 1 else (1e3, "nm")
    return f"{um * scale:.4g} {unit}"


def draw_caption(lines: Iterable[Line], *, width: int, scale: float = 1, indexed: bool = False) -> Picture:
    """Return a strip ``width`` px wide that holds the lines, wrapped where they are too long."""
    sized = [Line(spell(line.text), round(line.size * scale), line.colour) for line in lines]
    wrapped = [Line(text, line.size, line.colour) for line in sized for text in wrap(line, width=width - 2 * MARGIN)]
    steps = [round(line.size * 1.45) for line in wrapped]
    strip = np.empty((sum(steps) + 2 * MARGIN - 4, width, *([] if indexed else [3])), np.uint8)
    strip[:], top = ink(PAPER, indexed=indexed), MARGIN - 2
    for line, step in zip(wrapped, steps, strict=True):
        letters = _letters(line.text, line.size, step)[:, :width]
        strip[top : top + step, : letters.shape[1]] = shades(line.colour, indexed=indexed)[letters]
        top += step
    return strip


@lru_cache(maxsize=64)
def _letters(text: str, size: int, height: int) -> NDArray[np.uint8]:
    """Return the opacity (h, w) of a line of text behind its margin; most lines are those of the field before."""
    drawn = Image.new("L", (MARGIN + round(text_width(text, size)) + MARGIN, height))
    ImageDraw.Draw(drawn).text((MARGIN, height / 2), text, fill=255, font=font(size), anchor="lm")
    return np.asarray(drawn)


def spell(text: str) -> str:
    """Return ``text`` in the font's characters: ``β-catenin, 0.5 µm ≥`` as ``beta-catenin, 0.5 um >=``."""
    return "".join(_spelled(character) for character in text)


def _spelled(character: str) -> str:
    if character.isascii() or character in IN_FONT:
        return character
    if character in SPELLED:
        return SPELLED[character]
    greek = re.fullmatch(r"GREEK (?:SMALL|CAPITAL) LETTER (\w+)", unicodedata.name(character, ""))
    if greek:
        return greek[1].lower()
    return "".join(c for c in unicodedata.normalize("NFKD", character) if c.isascii()) or "?"


def wrap(line: Line, *, width: int) -> list[str]:
    """Return the text in lines no wider than ``width`` px, broken at spaces, or inside a word that is too long."""
    done: list[str] = []
    current = ""
    for piece in _pieces(line.text.split(), line.size, width):
        longer = f"{current} {piece}".strip()
        if current and text_width(longer, line.size) > width:
            done.append(current)
            longer = piece
        current = longer
    return [*done, current]


def _pieces(words: Sequence[str], size: int, width: int) -> Iterable[str]:
    """Yield the words, those wider than ``width`` px in pieces."""
    for word in words:
        start, fits = 0, text_width(word, size) <= width
        for end in range(2, 0 if fits else len(word) + 1):
            if text_width(word[start:end], size) > width and end - start > 1:
                yield word[start : end - 1]
                start = end - 1
        yield word[start:]
