"""Batches of commands that generate folders of data."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from spatialkit.commands import batches, toolkit

__all__ = ["generate"]


def generate(
    function: Callable[[Any], dict[str, Any]],
    work: Sequence[Any],
    names: Sequence[str],
    out: Path,
    *,
    unit: str,
    jobs: int,
    as_json: bool,
) -> int:
    """Run a function on all jobs, print the records or their summary, return the exit status.

    Parameters
    ----------
    function : callable
        Function of a job that returns the fields of its record.
    work, names : sequence
        Jobs, and their names for error messages.
    out : Path
        Folder that is generated.
    unit : str
        What a job makes, for the progress bar.
    jobs : int
        Number of processes.
    as_json : bool
        Print the records as JSON.
    """
    with batches.workers(jobs, len(work)) as executor:
        runs = batches.run_jobs(function, work, executor, names=names, unit=unit, quiet=as_json)
        records = [record for _, record in runs]
    if as_json:
        toolkit.print_json(records)
    else:
        toolkit.print_line(f"{os.fspath(out)}: {batches.summarize(records)}")
    return 1 if any(record["status"] == "failed" for record in records) else 0
