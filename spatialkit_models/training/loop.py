"""Training loop of all models.

A run can be killed at any moment. After resumption it continues exactly as without the
interruption: examples and noise are functions of the seed and the step, and the checkpoint contains
everything else.
"""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from spatialkit.errors import OptionError, SpatialkitError
from spatialkit.interrupts import end_with_parent, ignore_signals, signals_blocked
from spatialkit.validation import as_choice, as_count, as_number
from spatialkit_models.training.config import TrainingConfig
from spatialkit_models.training.processes import (
    default_workers,
    device_name,
    launch_fabric,
    stop_requested,
    synchronize,
)
from spatialkit_models.training.report import Meter, Report
from spatialkit_models.training.run_directory import RunDirectory, TrainingState
from spatialkit_models.training.task import Examples, Task

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["TrainingError", "TrainingResult", "train"]

DEVICES = ("auto", "cpu", "cuda")
# Adam's decay rates. An average of squared gradients over 50 steps suits runs of minutes.
BETAS = (0.9, 0.98)


class TrainingError(SpatialkitError, RuntimeError):
    """Training has to end: a loss, gradient or score is not finite."""


@dataclass(frozen=True)
class TrainingResult:
    """State of a run when `train` returns.

    Parameters
    ----------
    step : int
        Number of steps done in all.
    elapsed : float
        Time they took, including validation, s.
    finished : bool
        True if the run is complete, False if it was stopped and can be resumed.
    best_step : int
        Step of the saved weights; 0 if no step improved on the initial weights.
    best : dict
        Validation metrics of the saved weights.
    audio_per_second : float
        Seconds of training audio per second, in this process's part of the run.
    waiting : float
        Ratio of that time spent waiting for data, 0 to 1.
    stop_signal : int
        Number of the signal that this process received; 0 if none.
    """

    step: int
    elapsed: float
    finished: bool
    best_step: int
    best: dict[str, float]
    audio_per_second: float
    waiting: float
    stop_signal: int


def train(
    task: Task,
    out: str | Path,
    config: TrainingConfig | None = None,
    *,
    resume: bool = False,
    workers: int | None = None,
    device: str = "auto",
    checkpoint_every: float = 60.0,
) -> TrainingResult:
    """Train the network of a task with AdamW and save the averaged weights that validate best.

    Started by ``torchrun``, each process trains on its part of each batch, on its own device;
    ``out`` must be the same directory for all. Ctrl-C, SIGTERM and SIGHUP end the run after the
    current step, with a checkpoint. On Linux, the process keeps the memory that it frees from then
    on.

    Parameters
    ----------
    task : Task
        Network, examples and loss.
    out : str or Path
        Run directory: checkpoint, best weights with their model card (see `load_weights`), log and
        TensorBoard files.
    config : TrainingConfig, optional
        Settings of the run, by default those of the task's recipe.
    resume : bool
        Continue the run in ``out`` if there is one. Otherwise a directory with a run is refused.
    workers : int, optional
        Number of processes that prepare batches, 0 for none; by default the available cores but
        one, at most 8.
    device : str
        "cpu", "cuda", or "auto" for CUDA where available.
    checkpoint_every : float
        Seconds between checkpoints; there is also one after each validation.

    Returns
    -------
    TrainingResult

    Raises
    ------
    OptionError
        If ``config`` has no length, if ``out`` contains a run that is not to be resumed, or one
        with other settings, or if the processes cannot share a batch equally.
    TrainingError
        If a loss, a gradient or a score is NaN or infinite.
    WeightsError
        If the checkpoint is damaged, or a file cannot be written.
    """
    device = as_choice(device, "device", DEVICES)
    as_number(checkpoint_every, "checkpoint_every", minimum=0.0)
    config = task.recipe.training if config is None else config
    config.require_length()
    processes, rank = (int(os.environ.get(name, d)) for name, d in (("WORLD_SIZE", 1), ("RANK", 0)))
    if config.batch_size % processes:
        raise OptionError(
            f"batch_size must be a multiple of the {processes} processes, got {config.batch_size}"
        )
    directory = RunDirectory(Path(out), task, config)
    with directory.opened(resume) if rank == 0 else nullcontext():
        fabric = launch_fabric(device, config.precision)
        fabric.barrier()  # the directory exists for all processes
        cuda = [fabric.device] if fabric.device.type == "cuda" else []
        with torch.random.fork_rng(devices=cuda), stop_requested() as stop:
            return _Training(fabric, task, config, directory, workers).run(stop, checkpoint_every)


class _Training:
    """State of a run, and the loop that changes it."""

    def __init__(
        self,
        fabric: Fabric,
        task: Task,
        config: TrainingConfig,
        directory: RunDirectory,
        workers: int | None,
    ) -> None:
        self.fabric, self.task, self.config, self.directory = fabric, task, config, directory
        self.workers = (
            default_workers() if workers is None else as_count(workers, "workers", minimum=0)
        )
        task.loss.to(fabric.device).train()
        self.network = task.network
        self.ema = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(),
            betas=BETAS,
            weight_decay=config.weight_decay,
            fused=fabric.device.type == "cuda",
        )
        self.step, self.elapsed, self.best_step = 0, 0.0, 0
        self.initial, self.best = dict[str, float](), dict[str, float]()
        self.resumed = directory.checkpoint.exists()
        if self.resumed:
            state = directory.load(self.network, self.ema, self.optimizer)
            self.step, self.elapsed = state.step, state.elapsed
            self.best_step, self.best = state.best_step, state.best
            self.initial = state.initial
        self.meter = Meter(task.examples.seconds * config.batch_size)

    @property
    def progress(self) -> float:
        return self.config.progress(self.step, self.elapsed)

    def run(self, stop: Callable[[], int], checkpoint_every: float) -> TrainingResult:
        """Train to the end of the run."""
        fabric, config = self.fabric, self.config
        loss, optimizer = fabric.setup(self.task.loss, self.optimizer)
        with signals_blocked():
            batches = iter(self._loader())
        before, began = self.elapsed, time.monotonic()
        saved, stopped = began, False
        with self._reporting() as report:  # None except in the first process
            if report and not self.resumed:
                self._validate(report)
                self._save()
            while self.progress < 1.0 and not stopped:
                with self.meter.waiting():
                    batch = fabric.to_device(next(batches))
                with self.meter.working():
                    figures = self._update(loss, optimizer, batch)
                self.step += 1
                stopped, self.elapsed = synchronize(
                    fabric, bool(stop()), before + time.monotonic() - began
                )
                if report is None:
                    continue
                report.step(self.step, self.elapsed, self.progress, figures)
                validates = self.progress == 1.0 or self.step % config.validate_every == 0
                if validates:
                    self._validate(report)
                if validates or stopped or time.monotonic() - saved >= checkpoint_every:
                    self._save()
                    saved = time.monotonic()
            if report:
                finished = self.progress == 1.0
                report.end(self.step, self.elapsed, finished)
                report.summary(self.initial, self.best, self.best_step, finished)
        return self._result(stop())

    def _update(self, loss: Any, optimizer: Any, batch: Mapping[str, Tensor]) -> dict[str, Any]:
        """Do one step; return the figures to report."""
        fabric, config, progress = self.fabric, self.config, self.progress
        rate = config.learning_rate_at(self.step, progress)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        _seed(fabric.device, config.seed, 0, self.step, fabric.global_rank)
        total, terms = loss(batch, progress)
        terms = {name: torch.as_tensor(term).detach() for name, term in terms.items()}
        optimizer.zero_grad(set_to_none=True)
        fabric.backward(total)
        norm = fabric.clip_gradients(
            loss, optimizer, max_norm=config.clip, error_if_nonfinite=False
        )
        # The only place in a step where the processor waits for the device.
        values = torch.stack([total.detach().float(), torch.as_tensor(norm).float()]).tolist()
        if not all(map(math.isfinite, values)):
            raise TrainingError(
                f"loss {values[0]:g} with gradient norm {values[1]:g} at step {self.step} is not "
                "finite; try a lower learning rate or a longer warm-up ("
                + ", ".join(f"{name} {float(term):g}" for name, term in terms.items())
                + ")"
            )
        optimizer.step()
        decay = min(config.ema, (1 + self.step) / (10 + self.step))
        _update_average(self.ema, self.network, decay)
        return {"loss": values[0], "gradient_norm": values[1], "learning_rate": rate, **terms}

    def _validate(self, report: Report) -> None:
        """Evaluate the averaged weights, and save them if they are the best so far."""
        _seed(self.fabric.device, self.config.seed, 1)
        with torch.no_grad():
            metrics = {name: float(x) for name, x in self.task.validate(self.ema).items()}
        if not math.isfinite(metrics["score"]):
            raise TrainingError(
                f"the validation score at step {self.step} is {metrics['score']}, not a finite "
                "number"
            )
        if not self.initial:
            self.initial = metrics
        if not self.best or metrics["score"] > self.best["score"]:
            self.best_step, self.best = self.step, metrics
            self.directory.save_best(self.ema, self.step, metrics, device_name(self.fabric.device))
        report.validation(self.step, self.elapsed, metrics)

    @contextmanager
    def _reporting(self) -> Iterator[Report | None]:
        if not self.fabric.is_global_zero:
            yield None
            return
        step = self.step if self.resumed else None
        with closing(Report(self.directory, self.meter, step, self.progress)) as report:
            yield report

    def _save(self) -> None:
        state = TrainingState(self.step, self.elapsed, self.initial, self.best_step, self.best)
        self.directory.save(self.network, self.ema, self.optimizer, state)

    def _loader(self) -> torch.utils.data.DataLoader:
        """Return this process's part of the batches of the remaining steps."""
        steps = (
            count(self.step) if self.config.steps is None else range(self.step, self.config.steps)
        )
        size = self.config.batch_size // self.fabric.world_size
        batches = _Batches(
            self.task.examples, self.config.batch_size, size, self.fabric.global_rank
        )
        return torch.utils.data.DataLoader(
            batches,  # type: ignore[arg-type]
            sampler=steps,
            batch_size=None,
            num_workers=self.workers,
            prefetch_factor=4 if self.workers else None,
            worker_init_fn=_leave_end_to_loop,
            pin_memory=self.fabric.device.type == "cuda",
        )

    def _result(self, stop_signal: int) -> TrainingResult:
        return TrainingResult(
            step=self.step,
            elapsed=self.elapsed,
            finished=self.progress == 1.0,
            best_step=self.best_step,
            best=self.best,
            audio_per_second=self.meter.audio_per_second,
            waiting=self.meter.waiting_ratio,
            stop_signal=stop_signal,
        )


@dataclass(frozen=True)
class _Batches:
    """Dataset of torch that returns one process's part of the batch of a step."""

    examples: Examples
    batch_size: int
    part_size: int
    rank: int

    def __getitem__(self, step: int) -> dict[str, np.ndarray]:
        start = step * self.batch_size + self.rank * self.part_size
        return dict(self.examples.batch(start, self.part_size))


def _leave_end_to_loop(worker: int) -> None:
    """Let a worker go on until the loop ends it, after the current step, or is killed."""
    ignore_signals()
    end_with_parent()


def _seed(device: torch.device, *key: int) -> None:
    """Seed the random generators of the processor and of a device."""
    seed = int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0])
    torch.default_generator.manual_seed(seed)  # torch.manual_seed takes as long as a small step
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)


@torch.no_grad()
def _update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Update the moving average of weights and buffers; integers are copied."""
    old = [*average.parameters(), *average.buffers()]
    new = [*network.parameters(), *network.buffers()]
    floats = [tensor.is_floating_point() for tensor in old]
    torch._foreach_lerp_(
        [a for a, floating in zip(old, floats, strict=True) if floating],
        [b for b, floating in zip(new, floats, strict=True) if floating],
        1.0 - decay,
    )
    for a, b, floating in zip(old, new, floats, strict=True):
        if not floating:
            a.copy_(b)
