"""What a training run tells: a bar, a log, TensorBoard, and how its time is spent."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spatialkit_models.training.run_folder import RunFolder

__all__ = ["Meter", "Report"]

REPORT_EVERY = 10  # steps


class Meter:
    """Time spent waiting for data and working on it, from the second batch on.

    The first one waits for worker processes to start; validation and checkpoints are not
    counted either.

    Parameters
    ----------
    seconds : float
        Of audio in a batch, over all processes.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._batches = 0
        self._waited = self._worked = self._last_wait = 0.0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Around the wait for a batch."""
        began = time.perf_counter()
        yield
        self._last_wait = time.perf_counter() - began

    @contextmanager
    def working(self) -> Iterator[None]:
        """Around the work on it."""
        began = time.perf_counter()
        yield
        if self._batches > 0:
            self._waited += self._last_wait
            self._worked += time.perf_counter() - began
        self._batches += 1

    @property
    def audio_per_second(self) -> float:
        """Seconds of audio in a second."""
        total = self._waited + self._worked
        return (self._batches - 1) * self._seconds / total if total else 0.0

    @property
    def share(self) -> float:
        """Share of the time that was spent waiting."""
        total = self._waited + self._worked
        return self._waited / total if total else 0.0


class Report:
    """Where one process of a run tells how it goes.

    Parameters
    ----------
    folder : RunFolder
        Where log and TensorBoard's files go.
    meter : Meter
        How time is spent.
    step : int or None
        Step that the run goes on from; what was told of later ones is dropped. None if it begins.
    progress : float
        Share of the run that is done.
    """

    def __init__(self, folder: RunFolder, meter: Meter, step: int | None, progress: float) -> None:
        from torch.utils.tensorboard import SummaryWriter
        from tqdm import tqdm

        folder.cut_log(-1 if step is None else step)
        self._folder, self._meter = folder, meter
        self._board = SummaryWriter(
            folder.path, purge_step=None if step is None else step + 1, flush_secs=10
        )
        self._bar = tqdm(
            total=100.0,
            initial=100.0 * progress,
            disable=None,  # unless somebody looks
            bar_format="{percentage:3.0f}% |{bar}| {elapsed}<{remaining}{postfix}",
        )
        self._sums: dict[str, float] = {}
        self._steps = 0
        if step is not None:
            self._bar.write(f"resumed at step {step}")

    def step(self, step: int, elapsed: float, progress: float, figures: Mapping[str, Any]) -> None:
        """Tell, every few steps, the means of their figures."""
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

    def validation(self, step: int, elapsed: float, figures: Mapping[str, float]) -> None:
        """Tell the figures of a validation."""
        self._write(step, elapsed, {f"validation/{name}": x for name, x in figures.items()})
        told = ", ".join(f"{name} {figure:.4g}" for name, figure in figures.items())
        self._bar.write(f"step {step}: {told}")

    def end(self, step: int, elapsed: float, finished: bool) -> None:
        """Tell how time was spent."""
        self._folder.log({"step": step, "elapsed": elapsed, "finished": finished} | self._rates())
        end = "finished" if finished else "stopped"
        self._bar.write(f"{end} at step {step} after {elapsed / 60.0:.1f} min; {self._speed()}")

    def close(self) -> None:
        """Close bar and files, whatever happened."""
        self._bar.close()
        self._board.close()

    def _write(self, step: int, elapsed: float, figures: Mapping[str, float]) -> None:
        self._folder.log({"step": step, "elapsed": elapsed, **figures})
        for name, figure in figures.items():
            self._board.add_scalar(name, figure, step)

    def _rates(self) -> dict[str, float]:
        return {"audio_per_second": self._meter.audio_per_second, "waiting": self._meter.share}

    def _speed(self) -> str:
        meter = self._meter
        return f"{meter.audio_per_second:.1f} s of audio per s, {meter.share:.1%} waiting for data"
