"""INT8 weights and activations by NNCF, after training: the only module that knows it.

NNCF reports its use to its makers; here it is told not to.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from types import ModuleType

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from napari_cellvino.core.errors import ModelPackageError
from napari_cellvino.training.convert.graph import last_line
from napari_cellvino.training.quantize.signal_stack import preserve_signal_stack

Tile = NDArray[np.float32]
Validate = Callable[[ov.CompiledModel, Sequence[int]], float]
RANKED = 8  # fields on which layers are ranked by the harm that their quantization does


def quantize_network(network: ov.Model, tiles: Sequence[Tile]) -> ov.Model:
    """Return an INT8 copy of a network, calibrated on tiles (1, C, tile, tile).

    Raises
    ------
    ModelPackageError
        If NNCF is missing or cannot quantize the network.
    """
    nncf = _nncf()
    with _quietly(), preserve_signal_stack():
        return nncf.quantize(
            network,
            nncf.Dataset(list(tiles)),
            preset=nncf.QuantizationPreset.MIXED,  # activations need not be symmetric: images are not
            target_device=nncf.TargetDevice.CPU,
            subset_size=len(tiles),
        )


def quantize_with_accuracy_control(
    network: ov.Model, tiles: Sequence[Tile], validate: Validate, fields: int, *, max_drop: float
) -> ov.Model:
    """Return a copy in which the layers that lose most stay as they were, until it drops by no more than ``max_drop``.

    Parameters
    ----------
    network
        The float network, (N, C, Y, X) of any size.
    tiles
        What to calibrate on, (1, C, tile, tile) each.
    validate
        Returns the accuracy, higher is better, of a compiled network on some of ``fields`` fields, by number; it is
        called many times.
    fields
        How many fields there are to validate on.
    max_drop
        The largest loss of accuracy that is accepted.

    Raises
    ------
    ModelPackageError
        If NNCF is missing or cannot quantize the network.
    """
    nncf = _nncf()
    from nncf.quantization.advanced_parameters import AdvancedAccuracyRestorerParameters

    def measure(compiled: ov.CompiledModel, numbers: Iterable[int]) -> tuple[float, None]:
        return validate(compiled, [int(number) for number in numbers]), None

    with _quietly(), preserve_signal_stack():
        return nncf.quantize_with_accuracy_control(
            network,
            calibration_dataset=nncf.Dataset(list(tiles)),
            validation_dataset=nncf.Dataset(list(range(fields))),
            validation_fn=measure,
            max_drop=max_drop,
            preset=nncf.QuantizationPreset.MIXED,
            target_device=nncf.TargetDevice.CPU,
            subset_size=len(tiles),
            advanced_accuracy_restorer_parameters=AdvancedAccuracyRestorerParameters(
                ranking_subset_size=min(RANKED, fields)
            ),
        )


def _nncf() -> ModuleType:
    """Return NNCF, silent."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it thinks of the versions it finds
            import nncf
    except ImportError:
        raise ModelPackageError("quantizing needs the train extra: pip install 'napari-cellvino[train]'") from None
    nncf.set_log_level(logging.ERROR)
    module: ModuleType = nncf
    return module


@contextmanager
def _quietly() -> Iterator[None]:
    """Swallow the progress bars that NNCF prints, and say in a sentence what it cannot do."""
    try:
        with redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (RuntimeError, ValueError) as error:
        raise ModelPackageError(f"the network cannot be quantized: {last_line(error)}") from error
