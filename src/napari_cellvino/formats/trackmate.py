"""TrackMate's XML: spots by frame, tracks as links of spots; opened in Fiji with *Load a TrackMate file*.

References
----------
https://imagej.net/plugins/trackmate, Ershov et al. 2022
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import Spacing
from napari_cellvino.formats.track_points import TrackPoints, points_of_graph
from napari_cellvino.tracking.frame_cells import diameter_of

VERSION = "7.11.1"  # of TrackMate, whose files these are like
_SPOT = ("QUALITY", "POSITION_X", "POSITION_Y", "POSITION_Z", "POSITION_T", "FRAME", "RADIUS", "VISIBILITY")


def write_trackmate(path: Path, points: TrackPoints, image: str = "") -> None:
    """Write tracks as TrackMate XML, in µm and s where these are known; ``image`` is the name of the film.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    root = ElementTree.Element("TrackMate", version=VERSION)
    space = "micron" if points.spacing.known else "pixel"
    time = "frame" if points.interval_s is None else "sec"
    model = ElementTree.SubElement(root, "Model", spatialunits=space, timeunits=time)
    _features(model)
    _spots(model, points)
    _tracks(model, points)
    _settings(ElementTree.SubElement(root, "Settings"), points, image)
    ElementTree.SubElement(root, "GUIState", state="ConfigureViews")
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(path, encoding="UTF-8", xml_declaration=True)


def _settings(settings: ElementTree.Element, points: TrackPoints, image: str) -> None:
    """Write what readers ask for beside the image: filters that let every spot and track through."""
    size = points.spacing
    pixel = {"pixelwidth": size.x or 1.0, "pixelheight": size.y or 1.0, "voxeldepth": size.z or 1.0}
    shape = {"filename": image, "folder": "", "width": 0, "height": 0, "nslices": 1}
    frames = {"nframes": int(points.frame.max(initial=-1)) + 1, "timeinterval": points.interval_s or 1.0}
    ElementTree.SubElement(settings, "ImageData", {k: str(v) for k, v in (shape | frames | pixel).items()})
    ElementTree.SubElement(settings, "DetectorSettings", DETECTOR_NAME="MANUAL_DETECTOR", RADIUS="1.0")
    ElementTree.SubElement(settings, "InitialSpotFilter", feature="QUALITY", value="0.0", isabove="true")
    ElementTree.SubElement(settings, "SpotFilterCollection")
    ElementTree.SubElement(settings, "TrackerSettings", TRACKER_NAME="MANUAL_TRACKER")
    ElementTree.SubElement(settings, "TrackFilterCollection")
    analysed = ElementTree.SubElement(settings, "AnalyzerCollection")
    for name in ("SpotAnalyzers", "EdgeAnalyzers", "TrackAnalyzers"):
        ElementTree.SubElement(analysed, name)


def _features(model: ElementTree.Element) -> None:
    declared = ElementTree.SubElement(model, "FeatureDeclarations")
    dimension = {"QUALITY": "QUALITY", "POSITION_T": "TIME", "RADIUS": "LENGTH"} | {
        f"POSITION_{axis}": "POSITION" for axis in "XYZ"
    }
    spots = ElementTree.SubElement(declared, "SpotFeatures")
    for name in _SPOT:
        whole = str(name in ("FRAME", "VISIBILITY")).lower()
        said = {"feature": name, "name": name.title(), "shortname": name.title(), "isint": whole}
        ElementTree.SubElement(spots, "Feature", said | {"dimension": dimension.get(name, "NONE")})
    edges = ElementTree.SubElement(declared, "EdgeFeatures")
    for name in ("SPOT_SOURCE_ID", "SPOT_TARGET_ID"):
        said = {"feature": name, "name": name.title(), "shortname": name.title(), "dimension": "NONE", "isint": "true"}
        ElementTree.SubElement(edges, "Feature", said)
    ElementTree.SubElement(declared, "TrackFeatures")


def _spots(model: ElementTree.Element, points: TrackPoints) -> None:
    held = ElementTree.SubElement(model, "AllSpots", nspots=str(len(points)))
    y, x, z = points.spacing.y or 1.0, points.spacing.x or 1.0, points.spacing.z or 1.0
    radii = diameter_of(points.sizes, points.dimensions) / 2
    for frame in np.unique(points.frame).tolist():
        there = ElementTree.SubElement(held, "SpotsInFrame", frame=str(frame))
        for n in np.flatnonzero(points.frame == frame).tolist():
            place = points.places[n]
            values = {
                "ID": n, "name": f"ID{n}", "QUALITY": 1.0, "FRAME": frame, "VISIBILITY": 1,
                "POSITION_X": place[-1] * x, "POSITION_Y": place[-2] * y,
                "POSITION_Z": place[0] * z if points.dimensions == 3 else 0.0,
                "POSITION_T": frame * (points.interval_s or 1.0), "RADIUS": radii[n] * x,
            }  # fmt: skip
            ElementTree.SubElement(there, "Spot", {key: _text(value) for key, value in values.items()})


def _tracks(model: ElementTree.Element, points: TrackPoints) -> None:
    """Write a track for each cell of the beginning with all its descendants, as TrackMate has them."""
    family: dict[int, list[tuple[int, int]]] = {}
    for one, two in points.edges():
        family.setdefault(_root(int(points.track[one]), points), []).append((one, two))
    held = ElementTree.SubElement(model, "AllTracks")
    for track, edges in sorted(family.items()):
        said = {"name": f"Track_{track}", "TRACK_ID": str(track), "TRACK_INDEX": str(track)}
        there = ElementTree.SubElement(held, "Track", said)
        for one, two in edges:
            ElementTree.SubElement(there, "Edge", SPOT_SOURCE_ID=str(one), SPOT_TARGET_ID=str(two))
    kept = ElementTree.SubElement(model, "FilteredTracks")
    for track in sorted(family):
        ElementTree.SubElement(kept, "TrackID", TRACK_ID=str(track))


def _root(track: int, points: TrackPoints) -> int:
    while track in points.parents:
        track = points.parents[track]
    return track


def read_trackmate(path: Path) -> TrackPoints:
    """Return the tracks in TrackMate's XML; spots without a track are tracks of one point.

    Raises
    ------
    ImageReadError
        If it is no such file, or cells merge in it.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    if "<!ENTITY" in text:
        raise ImageReadError(f"{path.name} declares XML entities, which TrackMate does not write; it is not read")
    try:
        root = ElementTree.fromstring(text)
        model, image = root.find("Model"), root.find("Settings/ImageData")
        if root.tag != "TrackMate" or model is None:
            raise ImageReadError(f"{path.name} is no TrackMate file: it begins with {root.tag!r}")
        return _points(path, model, {} if image is None else image.attrib)
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise ImageReadError(f"{path.name} is damaged or no TrackMate file: {error}") from error


def _points(path: Path, model: ElementTree.Element, image: dict[str, str]) -> TrackPoints:
    in_um = model.get("spatialunits", "pixel").lower() in ("micron", "microns", "µm", "um")
    x, y, z = (float(image.get(name, 1)) or 1.0 for name in ("pixelwidth", "pixelheight", "voxeldepth"))
    spots = [spot.attrib for spot in model.iter("Spot")]
    flat = all(float(spot.get("POSITION_Z", 0)) == 0 for spot in spots)
    axes = (("Y", y), ("X", x)) if flat else (("Z", z), ("Y", y), ("X", x))
    places = np.array([[float(s[f"POSITION_{axis}"]) / size for axis, size in axes] for s in spots])
    radii = np.array([float(spot.get("RADIUS", 0)) / x for spot in spots])
    sizes = np.pi * radii**2 if flat else 4 / 3 * np.pi * radii**3
    frame = np.array([int(float(spot["FRAME"])) for spot in spots], np.int64)
    index = {int(spot["ID"]): n for n, spot in enumerate(spots)}
    edges = [
        (index[int(e.attrib["SPOT_SOURCE_ID"])], index[int(e.attrib["SPOT_TARGET_ID"])]) for e in model.iter("Edge")
    ]
    edges = [(one, two) if frame[one] < frame[two] else (two, one) for one, two in edges]
    spacing = Spacing(None if flat else z, y, x) if in_um else Spacing()
    seconds = model.get("timeunits", "").lower() in ("sec", "s", "second", "seconds")
    interval = float(image["timeinterval"]) if seconds and "timeinterval" in image else None
    return points_of_graph(frame, places.reshape(-1, len(axes)), sizes, edges, spacing, interval, path.name)


def _text(value: object) -> str:
    return str(float(value)) if isinstance(value, (float, np.floating)) else str(value)
