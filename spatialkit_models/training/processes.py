"""Devices, processes and stop signals of a training run."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from spatialkit.errors import OptionError
from spatialkit.interrupts import GRACE, SIGNALS

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = [
    "default_workers",
    "device_name",
    "launch_fabric",
    "stop_requested",
    "synchronize",
]


def launch_fabric(device: str, precision: str) -> Fabric:
    """Set up Fabric on one device, or among the processes that torchrun has started."""
    from lightning_fabric import Fabric

    _keep_memory()
    if device == "cuda" and not torch.cuda.is_available():
        raise OptionError("device 'cuda' is not available: torch finds no CUDA device; use 'cpu'")
    local = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    on_cuda = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    autocast = precision == "bfloat16" or (precision == "auto" and on_cuda)
    fabric = Fabric(
        accelerator="cuda" if on_cuda else "cpu",
        devices=local,
        num_nodes=int(os.environ.get("WORLD_SIZE", 1)) // local,
        precision="bf16-mixed" if autocast else "32-true",
    )
    fabric.launch()
    return fabric


def _keep_memory() -> None:
    """Keep freed memory for the next step, instead of returning it to the operating system.

    Without this, glibc spends half of a step on a CPU on returning and requesting memory.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
        if mallopt is not None:
            mallopt(-1, -1)  # M_TRIM_THRESHOLD: never
            mallopt(-4, 0)  # M_MMAP_MAX: no separate mappings


def synchronize(fabric: Fabric, stop: bool, elapsed: float) -> tuple[bool, float]:
    """Return, equal in all processes, whether any is to stop and the longest elapsed time."""
    if fabric.world_size == 1:
        return stop, elapsed
    # float32 exists on all devices; its rounding (ms in a run of a day) is equal in all processes.
    both = torch.tensor([float(stop), elapsed], device=fabric.device)
    both = torch.as_tensor(fabric.all_reduce(both, reduce_op="max"))
    return bool(both[0] > 0.0), float(both[1])


@contextmanager
def stop_requested() -> Iterator[Callable[[], int]]:
    """Record the first signal instead of ending; a later one has its usual effect, after `GRACE`.

    Yields
    ------
    callable
        Returns the number of the signal, 0 for none.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0  # only the main thread may handle signals
        return
    received: list[int] = []
    since = 0.0
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def record(number: int, frame: Any) -> None:
        nonlocal since
        if not received:
            since = time.monotonic()
            received.append(number)
        elif time.monotonic() - since > GRACE:
            restore()
            signal.raise_signal(number)

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)

    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # as with nohup
            signal.signal(number, record)
    try:
        yield lambda: received[0] if received else 0
    finally:
        restore()


def default_workers() -> int:
    """Return the number of cores per training process of this machine, less one, at most 8."""
    if sys.platform == "linux":
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    local = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    return max(0, min(8, cores // local - 1))


def device_name(device: torch.device) -> str:
    """Return the name of a CUDA device, or "cpu"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
