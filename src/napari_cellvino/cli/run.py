"""``cellvino run``: images and plates in, results out."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache

from napari_cellvino.cli.planned_inputs import print_plans
from napari_cellvino.cli.plates import check_images, check_plate_choices, run_plate_input, selection_of
from napari_cellvino.cli.progress_report import Reporter
from napari_cellvino.cli.recipe_options import engines_from
from napari_cellvino.cli.run_kinds import KindPipelines, planned
from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.plate import choose_fields
from napari_cellvino.core.progress import finish
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.engines.remote.address import is_address
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.service.rules import InputKind
from napari_cellvino.service.summary import write_summary
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.storage.ledger import Job, JobState
from napari_cellvino.workflows.batch_tables import write_batch_tables
from napari_cellvino.workflows.cluster import ClusterExecutor, cluster_client
from napari_cellvino.workflows.executor import ExecutorMaker, LateExecutor, RunEvent, ThreadsExecutor
from napari_cellvino.workflows.path_map import PathMap
from napari_cellvino.workflows.process_start import collecting_seldom
from napari_cellvino.workflows.processes import ProcessPool
from napari_cellvino.workflows.run_field import FieldWorker
from napari_cellvino.workflows.run_fields import RunResult
from napari_cellvino.workflows.run_folder import describe_inputs, run_folder
from napari_cellvino.workflows.run_inputs import RunInputs
from napari_cellvino.workflows.worker_count import Resources, bytes_of_worker, choose_workers


def run(options: argparse.Namespace) -> int:
    """Run the recipe on all inputs, or track the films; 0 when every field was done, else 1."""
    if options.track:
        from napari_cellvino.cli.track import track_films

        return track_films(options.inputs, options)
    with collecting_seldom():
        return _run_all(options)


def _run_all(options: argparse.Namespace) -> int:
    pipelines = KindPipelines.of_options(options)
    inputs = pipelines.inputs(options)
    check_plate_choices(inputs, pipelines.of(InputKind.PLATE), options)
    check_images(inputs, pipelines.of(InputKind.IMAGES), options)
    if options.dry_run:
        print_plans(planned(inputs, pipelines, options), as_json=options.json)
        return 0
    for plate in inputs.unread:
        print(f"{plate.path}: failed: {plate.error}", file=sys.stderr)
    used = pipelines.used(inputs)
    with engines_from(options, *(one.recipe for one in used)) as engines, _executor(inputs, used, options) as executor:
        results = list(_runs(inputs, pipelines, engines, executor, options))
    if len(inputs.roots) + len(inputs.unread) > 1:
        write_batch_tables(options.out, inputs.roots)
        write_summary(options.out.absolute(), _jobs(inputs, results), "cellvino run … --only failed")
    if options.json:
        infos = [result.info for result in results]
        told: dict[str, object] = {"run": infos[0]} if len(infos) == 1 else {"runs": infos}
        told |= {"unread": {str(plate.path): plate.error for plate in inputs.unread}} if inputs.unread else {}
        print(json_text({"fields": [o.row for result in results for o in result.outcomes], **told}), end="")
    return int(bool(inputs.unread) or any(result.failed for result in results))


def _jobs(inputs: RunInputs, results: Sequence[RunResult]) -> list[Job]:
    """Return what became of each plate, and of all images, for the page of the batch."""
    plates = [(str(plate.source.path), "plate") for plate in inputs.plates]
    films = [(", ".join(map(str, inputs.films)), "image")] if inputs.films else []
    sources = [*plates, *films, (", ".join(map(str, inputs.paths)), "image")]
    jobs = [
        Job(str(plate.path), "plate", state=JobState.FAILED, error=plate.error, attempts=1, ended=time.time())
        for plate in inputs.unread
    ]
    for (source, kind), root, result in zip(sources, inputs.roots, results, strict=False):
        failed = [o for o in result.outcomes if o.failed]
        cells = sum(o.count for o in result.outcomes)
        jobs.append(Job(
            source, kind, results=str(root.absolute()), state=JobState.FAILED if failed else JobState.DONE,
            error=str(failed[0].row["error"]) if failed else "", attempts=1, fields=len(result.outcomes),
            failed=len(failed), cells=cells, ended=time.time(),
        ))  # fmt: skip
    return jobs


def _runs(
    inputs: RunInputs,
    pipelines: KindPipelines,
    engines: EngineProvider,
    executor: ExecutorMaker,
    options: argparse.Namespace,
) -> Iterator[RunResult]:
    """Run the plates one after the other, then all films that have a recipe of their own, then all images."""
    for plate in inputs.plates:
        yield run_plate_input(plate, pipelines.of(InputKind.PLATE), engines, executor, options)
    if not options.json and (inputs.films or inputs.has_images):
        for said in describe_inputs(inputs.paths, pipelines.of(InputKind.IMAGES).recipe.pattern, inputs.listings):
            print(said, file=sys.stderr)
    for kind, files, root in (
        (InputKind.FILM, inputs.films, inputs.films_root),
        (InputKind.IMAGES, inputs.images, inputs.images_root),
    ):
        if files or (kind is InputKind.IMAGES and inputs.has_images):
            running = run_folder(
                files, pipelines.of(kind), root, engines, overwrite=options.overwrite, executor=executor,
                selection=selection_of(options), named=inputs.paths,
            )  # fmt: skip
            yield _told(running, len(files), options)


def _told(running: Generator[RunEvent, None, RunResult], files: int, options: argparse.Namespace) -> RunResult:
    """Run to the end, and tell how it goes."""
    reporter = Reporter(files, quiet=options.json, check=options.check_interrupts)
    result = finish(running, reporter.report)
    if len(result.outcomes) > 1 and not options.json:  # of one field they stand just above
        for notice in result.notices:
            print(notice, file=sys.stderr)
    reporter.end(result.outcomes)
    return result


@contextmanager
def _executor(inputs: RunInputs, pipelines: Sequence[Pipeline], options: argparse.Namespace) -> Iterator[ExecutorMaker]:
    """Yield what runs the fields: a cluster, this process, or several where that is worth it or asked for."""
    served = [pipeline for pipeline in pipelines if is_address(pipeline.recipe.device)]
    if options.cluster:
        if served:
            raise OptionError("the workers of a cluster run the network themselves; leave out --cluster or the server")
        paths = PathMap.parse(options.map)
        begun: list[ClusterExecutor] = []
        with cluster_client(options.cluster) as (client, threads):

            def on_cluster(worker: FieldWorker) -> ClusterExecutor:
                begun.append(ClusterExecutor(client, worker, paths, threads))
                return begun[-1]

            yield on_cluster
        if any(executor.is_lost for executor in begun):
            print("the scheduler of the cluster was lost; this computer did the rest", file=sys.stderr)
        return
    if options.map:
        raise OptionError("--map says where files lie on a cluster; name that with --cluster")
    with ExitStack() as pools:

        @cache
        def chosen() -> ExecutorMaker:
            return _on_this_computer(inputs, (served or pipelines)[0], options, pools)

        yield lambda worker: LateExecutor(lambda: chosen()(worker))


def _on_this_computer(
    inputs: RunInputs, largest: Pipeline, options: argparse.Namespace, pools: ExitStack
) -> ExecutorMaker:
    """Return what runs the fields here: this process, or several, which end with ``pools``."""
    plates = [choose_fields(plate.source.plate, options.wells, options.fields) for plate in inputs.plates]
    has, fields = Resources.here(), sum(map(len, plates)) + len(inputs.images) + len(inputs.films)
    workers = choose_workers(options.workers, fields, largest, has)
    if workers == 1:
        return ThreadsExecutor
    threads = max(1, has.cores // workers)
    if not options.json:
        size = workers * bytes_of_worker(largest) / 1e9
        print(f"{workers} processes of {threads} thread(s), about {size:.1f} GB of memory", file=sys.stderr)
    return pools.enter_context(ProcessPool(workers, threads)).executor
