"""The network that finds spots: two steps of fitting, and its package."""

import numpy as np
import pytest

from napari_cellvino.core.errors import ModelPackageError
from napari_cellvino.segmentation.spots.network import open_network
from napari_cellvino.training.spots.fit import SpotOptions, fit_spots
from napari_cellvino.training.spots.package import write_spot_network

pytestmark = [
    pytest.mark.filterwarnings("ignore:You are using the legacy TorchScript-based ONNX export:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The feature will be removed:DeprecationWarning"),
]


@pytest.mark.parametrize(("stacks", "planes"), [(False, 1), (True, 6)])
def test_network_is_fitted_and_written(stacks, planes, tmp_path):
    fitting, losses = fit_spots(SpotOptions(steps=2, stacks=stacks)), []
    while True:
        try:
            losses.append(next(fitting))
        except StopIteration as end:
            write_spot_network(end.value, tmp_path / "spots", steps=len(losses))
            break
    assert len(losses) == 2
    assert open_network(tmp_path / "spots")(np.zeros((1, planes, 32, 40), np.float32)).shape == (1, 3, 32, 40)
    (tmp_path / "spots" / "model.bin").write_bytes(b"")
    with pytest.raises(ModelPackageError, match=r"not the one that spots\.yaml is of"):
        open_network(tmp_path / "spots")
