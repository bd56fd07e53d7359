"""How programs name the masks that they leave beside images, so that no mask is counted as an image.

A name that only one program gives is a mask by itself. Others (``a_mask.tif``) are also what people call images; they
are masks only where the image of the rest of the name lies beside them.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

_OWN_NAMES = (  # Cellpose, ilastik, StarDist in Fiji, Labkit
    re.compile(r"(?P<image>.+)_cp_(masks|outlines|flows)", re.IGNORECASE),
    re.compile(r"(?P<image>.+?)_(Object Identities|Simple Segmentation|Object Predictions|Probabilities)"),
    re.compile(r"(Label Image of |segmentation of )(?P<image>.+)", re.IGNORECASE),
)
_WITH_IMAGE = (  # Cellpose, QuPath, Cell-ACDC, CellProfiler, and people
    re.compile(
        r"(?P<image>.+?)[-_ .](masks?|labels?|label[-_ ]?(image|img|mask)|segm?|segmentation|segmented|seg[-_]?mask"
        r"|outlines?|overlay|flows?|instances?|rois?|ground[-_ ]?truth|gt|pred(iction)?s?|probabilities|prob)",
        re.IGNORECASE,
    ),
    re.compile(
        r"(?P<image>.+?)[-_ ](nuclei|nucleus|nuclear|cells?|cyto(plasm)?)"
        r"[-_ ](masks?|labels?|seg(mentation)?|outlines?)",
        re.IGNORECASE,
    ),
    re.compile(r"(?P<image>.+)_(Nuclei|Cells|Cytoplasm|IdentifyPrimaryObjects|IdentifySecondaryObjects)Objects?"),
    re.compile(r"(?P<image>.+)_(Nuclei|Cytoplasm)"),
    re.compile(r"(masks?|labels?|segm?|segmentation|gt)[-_ ](of[-_ ])?(?P<image>.+)", re.IGNORECASE),
)
_CELLINSIGHT = re.compile(
    r"(?P<field>.+_[A-Z]{1,2}\d{2}f\d{2,})o(?P<channel>\d+)", re.IGNORECASE
)  # o beside d: objects
_SUFFIX = re.compile(r"(\.ome)?\.[A-Za-z0-9]{2,5}$", re.IGNORECASE)


def image_of_mask(name: str, names: Collection[str]) -> str | None:
    """Return the name, without its ending, of the image that a file is the mask of; None where it is no mask.

    Parameters
    ----------
    name
        The file's name.
    names
        Names of the files beside it.
    """
    stem = _stem(name)
    for pattern in _OWN_NAMES:
        if found := pattern.fullmatch(stem):
            return _stem(found["image"])
    for pattern in _WITH_IMAGE:
        found = pattern.fullmatch(stem)
        if found and _stem(found["image"]).casefold() in _stems(frozenset(names)):
            return _stem(found["image"])
    if found := _CELLINSIGHT.fullmatch(stem):
        image = f"{found['field']}d{found['channel']}"
        return image if image.casefold() in _stems(frozenset(names)) else None
    return None


@lru_cache(maxsize=2)
def _stems(names: frozenset[str]) -> frozenset[str]:
    """Return the names without their endings; of one folder they are asked for with each of its files."""
    return frozenset(_stem(name).casefold() for name in names)


def _stem(name: str) -> str:
    """Return a name without the ending of an image file; ``36.ome`` is what is left of one, too."""
    return _SUFFIX.sub("", name).removesuffix(".ome")
