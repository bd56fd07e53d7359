"""Fields one by one, without threads or processes of the product: what it does beside them is seen step by step."""

from __future__ import annotations

from collections.abc import Generator, Iterable

from napari_cellvino.core.progress import finish
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.workflows.executor import RunEvent
from napari_cellvino.workflows.field_task import FieldOutcome, FieldTask
from napari_cellvino.workflows.run_field import FieldWorker, run_field


class InlineExecutor:
    """Executes tasks one by one in the caller's thread."""

    def __init__(self, worker: FieldWorker) -> None:
        self._worker = worker

    def run(self, tasks: Iterable[FieldTask | FieldOutcome]) -> Generator[RunEvent, None, None]:
        """Yield progress and outcomes; see `Executor`."""
        for task in tasks:
            yield task if isinstance(task, FieldOutcome) else (yield from run_field(task, self._worker))


def run_field_alone(task: FieldTask) -> FieldOutcome:
    """Return the outcome of a field, run with its own engines, in this process or another one."""
    with EngineProvider() as engines:
        return finish(run_field(task, FieldWorker(engines)))
