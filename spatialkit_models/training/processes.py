"""Devices, processes and stop signals of a training run."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from spatialkit.errors import OptionError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = [
    "default_workers",
    "device_name",
    "ignore_signals",
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
def stop_requested() -> Iterator[Callable[[], bool]]:
    """Record the first SIGTERM or Ctrl-C instead of ending; the second has its usual effect."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # only the main thread may handle signals
        return
    received: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def record(number: int, frame: Any) -> None:
        received.append(number)
        signal.signal(number, before[signal.Signals(number)] or signal.SIG_DFL)

    for number in before:
        signal.signal(number, record)
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


def ignore_signals(worker: int) -> None:
    """Ignore stop signals in a worker: the loop ends its workers after the current step."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


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
