"""One training loop for all models: what a task is, and how it is trained.

A run can be killed at any moment. Resumed, it goes on as if nothing had happened: examples and
noise are functions of the seed and the step, all else is in the checkpoint.
"""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from spatialkit.errors import OptionError, SpatialkitError
from spatialkit.validation import as_choice, as_count, as_number
from spatialkit_models.training.config import TrainingConfig
from spatialkit_models.training.processes import (
    agreed,
    asked_to_stop,
    default_workers,
    device_name,
    launched,
    leave_signals,
)
from spatialkit_models.training.report import Meter, Report
from spatialkit_models.training.run_folder import RunFolder

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["Examples", "Task", "TrainingConfig", "TrainingError", "TrainingResult", "train"]

DEVICES = ("auto", "cpu", "cuda")
# A second moment that forgets within 50 steps suits runs of minutes.
BETAS = (0.9, 0.98)


class TrainingError(SpatialkitError, RuntimeError):
    """Training cannot go on: a loss, gradient or score is not finite."""


class Examples(Protocol):
    """Where batches come from; sent to worker processes as it is."""

    @property
    def seconds(self) -> float:
        """Length of the audio of an example."""

    def batch(self, start: int, size: int) -> Mapping[str, np.ndarray]:
        """Examples ``start`` to ``start + size``, along the first axis of each array.

        A pure function: an example is decided by its number, not by its batch, by the process or
        by what was asked for before.
        """


class Task(Protocol):
    """What is trained, on what, towards what."""

    @property
    def name(self) -> str:
        """Name of the model, such as "style-vae"."""

    @property
    def config(self) -> Any:
        """Frozen dataclass of what JSON can say, from which the model is built."""

    @property
    def sources(self) -> Mapping[str, Any]:
        """Where the examples come from, as JSON can say: a run is resumed with the same."""

    @property
    def model(self) -> nn.Module:
        """The network; training changes its weights."""

    @property
    def examples(self) -> Examples:
        """What it is trained on."""

    def loss(
        self, model: nn.Module, batch: Mapping[str, Tensor], progress: float
    ) -> tuple[Tensor, Mapping[str, Tensor | float]]:
        """Mean loss of a batch, and parts of it to report.

        ``model`` is to be called, nothing else of it used: it may be spread over processes. For
        these each parameter must take part in each loss, if only multiplied by 0. ``progress``
        is the share of the training that is done, from 0 to 1.
        """

    def validate(self, model: nn.Module) -> Mapping[str, float]:
        """Figures of the model in evaluation mode; "score" is the one that should be high."""


@dataclass(frozen=True)
class TrainingResult:
    """How a run stands.

    Parameters
    ----------
    step : int
        Updates that were done, in all.
    elapsed : float
        Seconds that they took, with validation.
    finished : bool
        Whether the run came to its end; else it was stopped, and can be resumed.
    best_step : int
        Step of the weights that were kept.
    best : dict
        Their figures.
    audio_per_second : float
        Seconds of audio trained on in a second, in this process's part of the run.
    waiting : float
        Share of that time spent waiting for data.
    """

    step: int
    elapsed: float
    finished: bool
    best_step: int
    best: dict[str, float]
    audio_per_second: float
    waiting: float


def train(
    task: Task,
    out: str | Path,
    config: TrainingConfig,
    *,
    resume: bool = False,
    workers: int | None = None,
    device: str = "auto",
    checkpoint_every: float = 60.0,
) -> TrainingResult:
    """Train a task's model by AdamW and keep the averaged weights that validate best.

    Started by ``torchrun``, each of its processes takes its part of each batch, on a device of
    its own; ``out`` must be one folder for all of them. SIGTERM and Ctrl-C end the run after the
    step, with a checkpoint. On Linux the process keeps memory that it frees from here on.

    Parameters
    ----------
    task : Task
        What is trained.
    out : str or Path
        Folder of the run: checkpoint, best weights with their card (see `load_weights`), log and
        TensorBoard's files.
    config : TrainingConfig
        How it is trained.
    resume : bool
        Go on with the run in ``out`` if there is one. Else a folder with a run is refused.
    workers : int, optional
        Processes that prepare batches, 0 for none; by default the cores that are left, at most
        8.
    device : str
        "cpu", "cuda", or "auto" for CUDA where it is there.
    checkpoint_every : float
        Seconds from one checkpoint to the next; there is one after each validation, too.

    Returns
    -------
    TrainingResult

    Raises
    ------
    OptionError
        If ``out`` holds a run that is not to be resumed, or one with other settings; if the
        batch cannot be shared equally.
    TrainingError
        If a loss, a gradient or a score is NaN or infinite.
    WeightsError
        If the checkpoint is damaged, or nothing can be written.
    """
    device = as_choice(device, "device", DEVICES)
    as_number(checkpoint_every, "checkpoint_every", minimum=0.0)
    processes, rank = (int(os.environ.get(name, d)) for name, d in (("WORLD_SIZE", 1), ("RANK", 0)))
    if config.batch_size % processes:
        raise OptionError(f"batch_size {config.batch_size} cannot be shared by {processes} equally")
    folder = RunFolder(Path(out), task, config)
    if rank == 0:
        folder.begin(resume)
    fabric = launched(device, config.precision)
    fabric.barrier()  # the folder is there for all
    cuda = [fabric.device] if fabric.device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda), asked_to_stop() as stop:
        return _Training(fabric, task, config, folder, workers).run(stop, checkpoint_every)


class _Training:
    """A run on its way: the loop and what it changes."""

    def __init__(
        self,
        fabric: Fabric,
        task: Task,
        config: TrainingConfig,
        folder: RunFolder,
        workers: int | None,
    ) -> None:
        self.fabric, self.task, self.config, self.folder = fabric, task, config, folder
        self.workers = (
            default_workers() if workers is None else as_count(workers, "workers", minimum=0)
        )
        self.model = task.model.to(fabric.device).train()
        self.ema = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            betas=BETAS,
            weight_decay=config.weight_decay,
            fused=fabric.device.type == "cuda",
        )
        self.step, self.elapsed = 0, 0.0
        self.best_step, self.best = 0, dict[str, float]()
        self.resumed = folder.checkpoint.exists()
        if self.resumed:
            state = folder.load(self.model, self.ema, self.optimizer)
            self.step, self.elapsed = state["step"], state["elapsed"]
            self.best_step, self.best = state["best_step"], state["best"]
        self.meter = Meter(task.examples.seconds * config.batch_size)

    @property
    def progress(self) -> float:
        return self.config.progress(self.step, self.elapsed)

    def run(self, stop: Callable[[], bool], checkpoint_every: float) -> TrainingResult:
        """Do what is left of the run."""
        fabric, config = self.fabric, self.config
        model, optimizer = fabric.setup(self.model, self.optimizer)
        batches = iter(self._loader())
        before, began = self.elapsed, time.monotonic()
        saved, stopped = began, False
        with self._reporting() as report:  # None but in the first process
            if report and not self.resumed:
                self._validate(report)
                self._save()
            while self.progress < 1.0 and not stopped:
                with self.meter.waiting():
                    batch = fabric.to_device(next(batches))
                with self.meter.working():
                    figures = self._update(model, optimizer, batch)
                self.step += 1
                stopped, self.elapsed = agreed(fabric, stop(), before + time.monotonic() - began)
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
                report.end(self.step, self.elapsed, self.progress == 1.0)
        return self._result()

    def _update(self, model: Any, optimizer: Any, batch: Mapping[str, Tensor]) -> dict[str, Any]:
        """One step; returns what is to be reported of it."""
        fabric, config, progress = self.fabric, self.config, self.progress
        rate = config.learning_rate_at(self.step, progress)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        _seed(fabric.device, config.seed, 0, self.step, fabric.global_rank)
        loss, terms = self.task.loss(model, batch, progress)
        parts = {name: torch.as_tensor(term).detach() for name, term in terms.items()}
        optimizer.zero_grad(set_to_none=True)
        fabric.backward(loss)
        norm = fabric.clip_gradients(
            model, optimizer, max_norm=config.clip, error_if_nonfinite=False
        )
        # The only place in a step where the processor waits for the device.
        values = torch.stack([loss.detach().float(), torch.as_tensor(norm).float()]).tolist()
        if not all(map(math.isfinite, values)):
            raise TrainingError(
                f"the loss is {values[0]:g} and its gradient's norm {values[1]:g} at step "
                f"{self.step}: a lower learning rate or a longer warm-up may help ("
                + ", ".join(f"{name} {float(part):g}" for name, part in parts.items())
                + ")"
            )
        optimizer.step()
        _follow(self.ema, self.model, min(config.ema, (1 + self.step) / (10 + self.step)))
        return {"loss": values[0], "gradient_norm": values[1], "learning_rate": rate, **parts}

    def _validate(self, report: Report) -> None:
        """Measure the averaged weights and keep them if they are the best so far."""
        _seed(self.fabric.device, self.config.seed, 1)
        with torch.no_grad():
            figures = {name: float(x) for name, x in self.task.validate(self.ema).items()}
        if not math.isfinite(figures["score"]):
            raise TrainingError(f"the validation score is {figures['score']} at step {self.step}")
        if not self.best or figures["score"] > self.best["score"]:
            self.best_step, self.best = self.step, figures
            self.folder.save_best(self.ema, self.step, figures, device_name(self.fabric.device))
        report.validation(self.step, self.elapsed, figures)

    @contextmanager
    def _reporting(self) -> Iterator[Report | None]:
        if not self.fabric.is_global_zero:
            yield None
            return
        step = self.step if self.resumed else None
        with closing(Report(self.folder, self.meter, step, self.progress)) as report:
            yield report

    def _save(self) -> None:
        state = {"step": self.step, "elapsed": self.elapsed}
        best = {"best_step": self.best_step, "best": self.best}
        self.folder.save(self.model, self.ema, self.optimizer, {**state, **best})

    def _loader(self) -> torch.utils.data.DataLoader:
        """Batches of the steps that are left, this process's part of each."""
        steps = (
            count(self.step) if self.config.steps is None else range(self.step, self.config.steps)
        )
        size = self.config.batch_size // self.fabric.world_size
        parts = _Batches(self.task.examples, self.config.batch_size, size, self.fabric.global_rank)
        return torch.utils.data.DataLoader(
            parts,  # type: ignore[arg-type]
            sampler=steps,
            batch_size=None,
            num_workers=self.workers,
            prefetch_factor=4 if self.workers else None,
            worker_init_fn=leave_signals,
            pin_memory=self.fabric.device.type == "cuda",
        )

    def _result(self) -> TrainingResult:
        return TrainingResult(
            step=self.step,
            elapsed=self.elapsed,
            finished=self.progress == 1.0,
            best_step=self.best_step,
            best=self.best,
            audio_per_second=self.meter.audio_per_second,
            waiting=self.meter.share,
        )


@dataclass(frozen=True)
class _Batches:
    """By the number of a step, this process's part of its batch."""

    examples: Examples
    batch_size: int
    part: int
    rank: int

    def __getitem__(self, step: int) -> dict[str, np.ndarray]:
        return dict(self.examples.batch(step * self.batch_size + self.rank * self.part, self.part))


def _seed(device: torch.device, *key: int) -> None:
    """Seed the generators of the processor and of a device by numbers."""
    seed = int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0])
    torch.default_generator.manual_seed(seed)  # torch.manual_seed takes as long as a small step
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)


@torch.no_grad()
def _follow(ema: nn.Module, model: nn.Module, decay: float) -> None:
    """Move the running mean towards the model; what is not floating point is copied."""
    kept = [*ema.parameters(), *ema.buffers()]
    new = [*model.parameters(), *model.buffers()]
    floats = [tensor.is_floating_point() for tensor in kept]
    torch._foreach_lerp_(
        [a for a, moves in zip(kept, floats, strict=True) if moves],
        [b for b, moves in zip(new, floats, strict=True) if moves],
        1.0 - decay,
    )
    for a, b, moves in zip(kept, new, floats, strict=True):
        if not moves:
            a.copy_(b)
