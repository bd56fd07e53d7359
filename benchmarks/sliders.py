"""How long a slider takes to show new labels and what changed."""

from __future__ import annotations

import statistics
import time

from benchmarks.figure import Figure
from benchmarks.scenes import in_memory, nuclei_field
from napari_cellvino.core.progress import finish
from napari_cellvino.workflows.workspace import Workspace

GOAL_MS = 80.0


def measure_sliders(repeats: int) -> list[Figure]:
    """Return the median milliseconds of each parameter's change on a 1024 x 1024 field, new labels and changes."""
    workspace = Workspace()
    workspace.use_stack(in_memory(nuclei_field()))
    plan = workspace.pipeline()
    workspace.accept(finish(workspace.run()), plan)
    settled = workspace.values
    times: dict[str, list[float]] = {p.name: [] for p in workspace.parameters}
    for number in range(repeats):
        for p in workspace.parameters:
            step = 0.02 * (1 + number % 5) * (p.high - p.low)
            value = settled[p.name] - step if settled[p.name] - step >= p.low else settled[p.name] + step
            start = time.perf_counter()
            workspace.redecode(settled | {p.name: value})
            times[p.name].append(1000 * (time.perf_counter() - start))
    slowest = max(statistics.median(taken) for taken in times.values())
    each = [Figure(f"  {name}", statistics.median(taken), "ms") for name, taken in times.items()]
    return [Figure("slowest parameter", slowest, "ms", GOAL_MS), *each]
