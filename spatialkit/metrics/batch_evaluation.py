"""Evaluation of many pairs, serially, in processes or on a cluster."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from spatialkit.batch import WorkerProcesses, run_batch
from spatialkit.errors import OptionError
from spatialkit.layouts import AmbisonicFormat, Layout, get_format
from spatialkit.metrics.definitions import select_metrics
from spatialkit.metrics.evaluation import evaluate
from spatialkit.metrics.results import Results
from spatialkit.validation import as_count, shown

__all__ = ["evaluate_batch"]

OWN_OPTIONS = ("layout", "sample_rate", "stems", "azimuth", "elevation")


def evaluate_batch(
    pairs: Iterable[Any],
    *,
    executor: Executor | None = None,
    jobs: int | None = None,
    layout: str | Layout | AmbisonicFormat | None = None,
    sample_rate: float | None = None,
    binaural: bool = False,
    metrics: str | Iterable[str] | None = None,
) -> Results:
    """Evaluate many pairs; a pair that fails has an error in its row and stops nothing.

    Parameters
    ----------
    pairs : iterable
        Each pair is a tuple (reference, estimate) or a mapping with these keys: arrays of one item,
        `Audio` or paths, as for `evaluate`. A mapping may also have the options layout,
        sample_rate, stems, azimuth and elevation of `evaluate`; other keys, such as "system", are
        columns of the results. For arrays with a batch axis: ``zip(references, estimates)``.
    executor : concurrent.futures.Executor, optional
        Executor that runs the evaluations: threads, processes, or a cluster, such as
        ``dask.distributed.Client(...).get_executor()``. It is not shut down.
    jobs : int, optional
        Number of worker processes to start instead. By default the pairs are evaluated serially in
        this process.
    layout, sample_rate, binaural, metrics
        As for `evaluate`, of all pairs that do not specify their own.

    Returns
    -------
    Results
        One row per pair, in the order of the pairs. Files have their path in the columns
        "reference" and "estimate", arrays the number of the pair.

    Raises
    ------
    OptionError
        If a pair is neither a tuple of two nor a mapping with reference and estimate, or another
        argument is not accepted.

    Examples
    --------
    >>> import numpy as np
    >>> references = np.random.default_rng(0).standard_normal((3, 2, 4000))
    >>> results = evaluate_batch(zip(references, 0.5 * references), metrics=["snr", "si_sdr"])
    >>> results["snr"].round(2)
    array([6.02, 6.02, 6.02])
    """
    if executor is not None and jobs is not None:
        raise OptionError("executor and jobs are mutually exclusive; jobs starts an executor")
    named = None if metrics is None else [metrics] if isinstance(metrics, str) else list(metrics)
    select_metrics(named)  # unknown names are wrong for all pairs
    options: dict[str, Any] = {
        "layout": None if layout is None else get_format(layout),
        **{"sample_rate": sample_rate, "binaural": binaural, "metrics": named},
    }
    count = None if jobs is None else as_count(jobs, "jobs")
    records = {}
    with _executor(executor, count) as workers:
        for record in run_batch(_evaluate, _jobs(pairs, options), executor=workers):
            number, names = record.job[:2]
            error = {"error": record.error} if record.error else {}
            records[number] = {**names, **error}, record.result or {}
    rows = [records[number] for number in sorted(records)]
    if any(names.get("error") for names, _ in rows):
        rows = [({**names, "error": names.get("error", "")}, scores) for names, scores in rows]
    return Results.from_rows(rows)


@contextmanager
def _executor(executor: Executor | None, jobs: int | None) -> Iterator[Executor | None]:
    if jobs is None or jobs == 1:
        yield executor
        return
    pool = WorkerProcesses(jobs)
    try:
        yield pool
    except BaseException:
        pool.kill()
        raise
    pool.shutdown()


def _jobs(
    pairs: Iterable[Any], options: Mapping[str, Any]
) -> Iterator[tuple[int, dict[str, str], dict[str, Any]]]:
    """Yield the number, the names and the arguments of each pair."""
    for number, pair in enumerate(pairs):
        given = _as_mapping(pair, number)
        names = {
            column: os.fspath(given[column])
            if isinstance(given[column], (str, os.PathLike))
            else str(number)
            for column in ("reference", "estimate")
        }
        own = {name: given[name] for name in OWN_OPTIONS if name in given}
        extra = {
            name: str(value)
            for name, value in given.items()
            if name not in (*names, *OWN_OPTIONS[1:])
        }
        extra.update({"layout": extra["layout"]} if "layout" in extra else {})
        arguments = {name: given[name] for name in names}
        yield number, {**names, **extra}, {**options, **arguments, **own}


def _as_mapping(pair: Any, number: int) -> dict[str, Any]:
    if isinstance(pair, Mapping):
        found = dict(pair)
    elif isinstance(pair, (tuple, list)) and len(pair) == 2:
        found = {"reference": pair[0], "estimate": pair[1]}
    else:
        raise OptionError(
            f"pair {number} must be a tuple (reference, estimate) or a mapping with these keys, "
            f"got {shown(pair)}"
        )
    missing = [name for name in ("reference", "estimate") if found.get(name) is None]
    if missing:
        raise OptionError(f"pair {number} has no {missing[0]}")
    return found


def _evaluate(job: tuple[int, dict[str, str], dict[str, Any]]) -> dict[str, float]:
    """Evaluate one pair, in any process."""
    scores = evaluate(**job[2])
    batches = [name for name, score in scores.items() if not isinstance(score, float)]
    if batches:
        raise OptionError("a pair must be one item, (channels, samples); pass one pair per item")
    return scores
