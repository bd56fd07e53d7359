from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from napari_cellvino.core.errors import ModelPackageError
from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.engine import EngineInfo
from napari_cellvino.model_package import ModelSpec
from napari_cellvino.model_package.spec import Diameter, HeadSpec
from napari_cellvino.quality.accuracy import match_field
from napari_cellvino.segmentation.heads import Decoded, head_for
from napari_cellvino.segmentation.heads.foreground import ForegroundHead
from napari_cellvino.segmentation.raw_maps import RawMaps

from ..scenes import discs, grid

HEAD = ForegroundHead()
DEFAULTS = {p.name: p.default for p in HEAD.parameters}
FACTS = EngineInfo("CPU", Precision.EXACT, "f32", "test")


def spec_with(*maps: str) -> ModelSpec:
    return ModelSpec(
        name="unet",
        title="",
        version="1",
        description="",
        licence="",
        task="instances",
        head=HeadSpec(name="foreground"),
        maps=maps,
        classes=("cell",),
        diameter_px=Diameter(reference=20, smallest=5, largest=80),
        tile=256,
        halo=32,
        bytes_per_pixel=100,
        tolerance={},
        weights={},
        sha256={},
    )


def decode(maps: np.ndarray, **values: float) -> Decoded:
    shape = maps.shape[1:]
    return HEAD.decode(RawMaps(maps, FACTS, 256, 1, shape, shape), DEFAULTS | values)


def boundaries(labels: np.ndarray) -> np.ndarray:
    """Where two objects meet."""
    highest, lowest = ndi.maximum_filter(labels, 3), ndi.minimum_filter(np.where(labels, labels, labels.max() + 1), 3)
    return (labels > 0) & (highest != lowest) & (ndi.minimum_filter(labels, 3) > 0)


@given(radius=st.floats(5, 14), seed=st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_touching_discs_come_back_one_by_one(radius: float, seed: int) -> None:
    truth = discs((120, 150), grid((120, 150), 2 * radius, jitter=0.1 * radius, seed=seed), radius)
    decoded = decode(0.9 * (truth > 0)[None].astype(np.float16))
    assert len(decoded.objects) == truth.max()
    assert match_field(truth, decoded.labels).matched[0] == truth.max()
    np.testing.assert_allclose(decoded.objects.score, 0.9, atol=1e-3)


def test_a_boundary_parts_what_no_waist_shows() -> None:
    truth = np.zeros((60, 80), np.int32)
    truth[10:40, 10:30], truth[10:40, 30:60] = 1, 2
    cells, edge = (truth > 0).astype(np.float16), boundaries(truth).astype(np.float16)
    assert len(decode(cells[None]).objects) == 1
    parted = decode(np.stack([cells, edge]))
    assert match_field(truth, parted.labels).matched[-1] == 2
    assert (parted.labels > 0).sum() == (truth > 0).sum(), "pixels on the boundary belong to a cell too"


def test_large_and_small_cells_are_split_alike() -> None:
    for radius in (6.0, 24.0):
        near, far = ([(60.0, 60.0), (60.0, 60.0 + radius * apart)] for apart in (0.8, 1.7))
        for centres, count in ((near, 1), (far, 2)):
            cells = (discs((120, 160), centres, radius) > 0)[None].astype(np.float16)
            assert len(decode(cells).objects) == count


def test_the_sliders_do_what_they_say() -> None:
    yy, xx = np.mgrid[:60, :60]
    hill = np.clip(1 - np.hypot(yy - 30, xx - 30) / 25, 0, 1)[None].astype(np.float16)
    areas = [decode(hill, outline=level, confidence=0.0).objects.area_px[0] for level in (0.2, 0.5, 0.8)]
    assert areas == sorted(areas, reverse=True)
    assert len(decode(hill, confidence=0.95).objects) == 0
    assert len(decode(hill, confidence=0.0, smallest=2000.0).objects) == 0
    two = (discs((60, 80), [(30, 25), (30, 40)], 11) > 0)[None].astype(np.float16)
    assert [len(decode(two, split=split).objects) for split in (0.0, 1.0)] == [1, 2]


@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_any_maps_give_honest_labels(data: st.DataObject) -> None:
    shape = (data.draw(st.integers(1, 50)), data.draw(st.integers(1, 50)))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    maps = ndi.gaussian_filter(rng.random((data.draw(st.integers(1, 2)), *shape)), (0, 1.5, 1.5)).astype(np.float16)
    decoded = decode(maps, confidence=0.0, smallest=0.0)
    for number in range(1, len(decoded.objects) + 1):
        own = decoded.labels == number
        assert ndi.label(own)[1] == 1
        assert own.sum() == decoded.objects.area_px[number - 1]
    assert decoded.labels.max(initial=0) == len(decoded.objects)


def test_maps_of_a_resized_plane_come_back_at_its_size() -> None:
    maps = (discs((40, 50), [(20, 20)], 10) > 0)[None].astype(np.float16)
    kept = HEAD.keep(RawMaps(maps, FACTS, 256, 1, (80, 100), (40, 50)))
    assert kept.maps.shape == (1, 80, 100)
    assert len(HEAD.decode(kept, DEFAULTS).objects) == 1


def test_models_with_other_maps_are_refused() -> None:
    assert head_for(spec_with("foreground")).name == head_for(spec_with("foreground", "boundary")).name == "foreground"
    for maps in (("boundary",), ("foreground", "offset_y"), ("foreground", "boundary", "background"), ()):
        with pytest.raises(ModelPackageError, match="maps"):
            head_for(spec_with(*maps))
