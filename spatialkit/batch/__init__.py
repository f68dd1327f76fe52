"""Batches of jobs: serial, parallel or on a cluster."""

from spatialkit.batch.processes import WorkerProcesses
from spatialkit.batch.runner import JobStatus, Record, run_batch

__all__ = [
    "JobStatus",
    "Record",
    "WorkerProcesses",
    "run_batch",
]
