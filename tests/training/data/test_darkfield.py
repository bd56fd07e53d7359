from __future__ import annotations

import numpy as np
from scipy import ndimage as ndi

from napari_cellvino.training.data.darkfield import simulate_field


def test_a_field_is_made_again_from_its_seed_and_its_cells_shine() -> None:
    first, again = simulate_field(3, (240, 320)), simulate_field(3, (240, 320))
    assert first.image.shape == (240, 320, 3)
    assert first.image.dtype == np.uint8
    np.testing.assert_array_equal(first.image, again.image)
    labels = first.true_labels()
    assert labels.max() >= 3
    grey = first.grey()
    rim = ndi.binary_dilation(labels > 0) & ~ndi.binary_erosion(labels > 0, iterations=3)
    assert grey[rim].mean() > 1.5 * grey[labels == 0].mean()
