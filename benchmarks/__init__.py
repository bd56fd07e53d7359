"""The figures this project promises, measured: ``python -m benchmarks``. Ratios hold within one run, times do not."""
