"""The figures this project promises, measured: ``python -m benchmarks``. Ratios hold within one run, times do not."""

import napari_cellvino  # noqa: F401  (before anything imports OpenVINO: it is silent then)
