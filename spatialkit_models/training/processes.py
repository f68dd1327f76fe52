"""Processes and devices that a training run goes on: where it runs, and when it is to stop."""

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
    "agreed",
    "asked_to_stop",
    "default_workers",
    "device_name",
    "launched",
    "leave_signals",
]


def launched(device: str, precision: str) -> Fabric:
    """Fabric on one device, or among the processes that torchrun has started."""
    from lightning_fabric import Fabric

    _keep_memory()
    if device == "cuda" and not torch.cuda.is_available():
        raise OptionError("device 'cuda' is not there: torch finds no CUDA device")
    here = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    on_cuda = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    autocast = precision == "bfloat16" or (precision == "auto" and on_cuda)
    fabric = Fabric(
        accelerator="cuda" if on_cuda else "cpu",
        devices=here,
        num_nodes=int(os.environ.get("WORLD_SIZE", 1)) // here,
        precision="bf16-mixed" if autocast else "32-true",
    )
    fabric.launch()
    return fabric


def _keep_memory() -> None:
    """Keep what is freed for the next step: glibc would give it back and ask for it anew.

    Of a step on a CPU this was a half.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
        if mallopt is not None:
            mallopt(-1, -1)  # M_TRIM_THRESHOLD: never
            mallopt(-4, 0)  # M_MMAP_MAX: no block apart from the heap


def agreed(fabric: Fabric, stop: bool, elapsed: float) -> tuple[bool, float]:
    """Whether one process is to stop, and the time of the slowest: the same for all."""
    if fabric.world_size == 1:
        return stop, elapsed
    # float32 is what all devices have; a millisecond in a day's run is beyond it, but equal.
    both = torch.tensor([float(stop), elapsed], device=fabric.device)
    both = torch.as_tensor(fabric.all_reduce(both, reduce_op="max"))
    return bool(both[0] > 0.0), float(both[1])


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Note SIGTERM and Ctrl-C instead of dying of them; the second one is obeyed at once."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # only the main thread may handle signals
        return
    asked: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def note(number: int, frame: Any) -> None:
        asked.append(number)
        signal.signal(number, before[signal.Signals(number)] or signal.SIG_DFL)

    for number in before:
        signal.signal(number, note)
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


def leave_signals(worker: int) -> None:
    """Let workers live until the loop is done with them, also if all processes are signalled."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def default_workers() -> int:
    """Cores that are left beside the processes of this machine, at most 8 for each."""
    if sys.platform == "linux":
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    here = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    return max(0, min(8, cores // here - 1))


def device_name(device: torch.device) -> str:
    """Name of a CUDA device, or "cpu"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
