"""Progress of a training run: progress bar, log, TensorBoard, and use of time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spatialkit_models.training.run_directory import RunDirectory

__all__ = ["Meter", "Report"]

REPORT_EVERY = 10  # steps


class Meter:
    """Time spent on waiting for data and on training, from the second batch on.

    The first batch includes the start of worker processes. Validation and checkpoints do not
    count.

    Parameters
    ----------
    seconds : float
        Length of the audio in a batch over all processes, s.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._batches = 0
        self._waited = self._worked = self._last_wait = 0.0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Measure the wait for a batch."""
        began = time.perf_counter()
        yield
        self._last_wait = time.perf_counter() - began

    @contextmanager
    def working(self) -> Iterator[None]:
        """Measure a training step."""
        began = time.perf_counter()
        yield
        if self._batches > 0:
            self._waited += self._last_wait
            self._worked += time.perf_counter() - began
        self._batches += 1

    @property
    def audio_per_second(self) -> float:
        """Seconds of training audio per second."""
        total = self._waited + self._worked
        return (self._batches - 1) * self._seconds / total if total else 0.0

    @property
    def waiting_ratio(self) -> float:
        """Ratio of the time spent waiting, 0 to 1."""
        total = self._waited + self._worked
        return self._waited / total if total else 0.0


class Report:
    """Output of a training run.

    Parameters
    ----------
    directory : RunDirectory
        Directory of log and TensorBoard files.
    meter : Meter
        Use of time.
    step : int or None
        Step at which the run is resumed; later entries of the log are dropped. None for a new run.
    progress : float
        Completed part of the run, 0 to 1.
    """

    def __init__(
        self, directory: RunDirectory, meter: Meter, step: int | None, progress: float
    ) -> None:
        from torch.utils.tensorboard import SummaryWriter
        from tqdm import tqdm

        directory.cut_log(-1 if step is None else step)
        self._directory, self._meter = directory, meter
        self._board = SummaryWriter(
            directory.path, purge_step=None if step is None else step + 1, flush_secs=10
        )
        self._bar = tqdm(
            total=100.0,
            initial=100.0 * progress,
            disable=None,  # only in a terminal
            bar_format="{percentage:3.0f}% |{bar}| {elapsed}<{remaining}{postfix}",
        )
        self._sums: dict[str, float] = {}
        self._steps = 0
        if step is not None:
            self._bar.write(f"resumed at step {step}")

    def step(self, step: int, elapsed: float, progress: float, figures: Mapping[str, Any]) -> None:
        """Add the figures of a step, and report their means every few steps."""
        for name, figure in figures.items():
            self._sums[name] = self._sums.get(name, 0.0) + figure  # tensors stay on their device
        self._steps += 1
        if step % REPORT_EVERY and progress < 1.0:
            return
        means = {name: float(total) / self._steps for name, total in self._sums.items()}
        self._sums, self._steps = {}, 0
        self._write(step, elapsed, means | self._rates())
        self._bar.n = 100.0 * progress
        self._bar.set_postfix_str(f"step {step}, loss {means['loss']:.4g}, {self._speed()}")

    def validation(self, step: int, elapsed: float, metrics: Mapping[str, float]) -> None:
        """Report the metrics of a validation."""
        self._write(step, elapsed, {f"validation/{name}": x for name, x in metrics.items()})
        text = ", ".join(f"{name} {value:.4g}" for name, value in metrics.items())
        self._bar.write(f"step {step}: {text}")

    def end(self, step: int, elapsed: float, finished: bool) -> None:
        """Report the end of the run and its use of time."""
        entry = {"step": step, "elapsed": elapsed, "finished": finished}
        self._directory.log(entry | self._rates())
        end = "finished" if finished else "stopped"
        self._bar.write(f"{end} at step {step} after {elapsed / 60.0:.1f} min; {self._speed()}")

    def summary(
        self,
        initial: Mapping[str, float],
        best: Mapping[str, float],
        best_step: int,
        finished: bool,
    ) -> None:
        """Print the validation metrics before training and of the saved weights."""
        rows = [("metric", "step 0", f"step {best_step} (saved)")]
        rows += [(name, f"{initial[name]:.4g}", f"{value:.4g}") for name, value in best.items()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for name, *values in rows:
            cells = [cell.rjust(width) for cell, width in zip(values, widths[1:], strict=True)]
            self._bar.write("  ".join([name.ljust(widths[0]), *cells]))
        if finished and not best_step:
            self._bar.write(
                "warning: no validation was better than the one before training; the saved weights "
                "are those of step 0. Train longer, on more songs, or at another learning rate"
            )

    def close(self) -> None:
        """Close the progress bar and all files."""
        self._bar.close()
        self._board.close()

    def _write(self, step: int, elapsed: float, figures: Mapping[str, float]) -> None:
        self._directory.log({"step": step, "elapsed": elapsed, **figures})
        for name, figure in figures.items():
            self._board.add_scalar(name, figure, step)

    def _rates(self) -> dict[str, float]:
        return {
            "audio_per_second": self._meter.audio_per_second,
            "waiting": self._meter.waiting_ratio,
        }

    def _speed(self) -> str:
        meter = self._meter
        return (
            f"{meter.audio_per_second:.1f} s of audio per s, {meter.waiting_ratio:.1%} waiting for "
            "data"
        )
