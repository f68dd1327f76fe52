"""Settings of a training run, independent of the model; light to import."""

from __future__ import annotations

import math
from dataclasses import dataclass

from spatialkit.errors import OptionError
from spatialkit.validation import as_choice, as_count, as_number

__all__ = ["PRECISIONS", "TrainingConfig"]

PRECISIONS = ("auto", "float32", "bfloat16")
# Defaults of the warm-up: steps, or the part of a run whose length is given in minutes.
WARMUP_STEPS, WARMUP_RATIO = 100, 0.05
# The first steps of a run in minutes have this part of the peak learning rate at least.
MIN_WARMUP_FACTOR = 0.01


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Settings of a training run: length, optimizer, schedule and precision.

    A recipe leaves the length open; a run needs either ``steps`` or ``minutes``.

    Parameters
    ----------
    steps : int, optional
        Total number of optimizer steps.
    minutes : float, optional
        Total time including validation, in minutes; time between a stop and its resumption does
        not count.
    batch_size : int
        Examples per step over all processes, which share them equally.
    learning_rate : float
        Peak learning rate, with a cosine decay to 0 at the end of the run.
    warmup : int, optional
        Steps of the linear warm-up of the learning rate. By default 100 steps, or 5 % of a run
        whose length is given in minutes.
    weight_decay : float
        Weight decay of AdamW.
    clip : float
        Maximum norm of the gradient; larger gradients are scaled down to it.
    ema : float
        Decay per step of the exponential moving average of the weights, which is validated and
        saved. In the first steps it is (1 + step) / (10 + step), if that is lower, so that the
        average forgets the initial weights.
    validate_every : int
        Steps between validations; there is also one before the first step and one after the last.
    precision : str
        "float32", "bfloat16" (autocast in the forward pass; weights and losses stay float32), or
        "auto": bfloat16 on CUDA, float32 elsewhere.
    seed : int
        Seed of initial weights, examples and noise.

    Examples
    --------
    >>> config = TrainingConfig(steps=1000, learning_rate=1e-3, warmup=10)
    >>> [round(config.learning_rate_at(step, step / 1000), 6) for step in (0, 9, 500, 1000)]
    [0.0001, 0.001, 0.0005, 0.0]
    """

    steps: int | None = None
    minutes: float | None = None
    batch_size: int = 8
    learning_rate: float = 1e-3
    warmup: int | None = None
    weight_decay: float = 0.01
    clip: float = 1.0
    ema: float = 0.999
    validate_every: int = 500
    precision: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps is not None and self.minutes is not None:
            raise OptionError("steps and minutes are mutually exclusive: specify one of them")
        if self.steps is not None:
            as_count(self.steps, "steps")
        if self.minutes is not None:
            as_number(self.minutes, "minutes", minimum=1e-3)
        as_count(self.batch_size, "batch_size")
        as_number(self.learning_rate, "learning_rate", minimum=0.0)
        if self.warmup is not None:
            as_count(self.warmup, "warmup", minimum=0)
        as_number(self.weight_decay, "weight_decay", minimum=0.0)
        as_number(self.clip, "clip", minimum=1e-6)
        as_number(self.ema, "ema", minimum=0.0, maximum=1.0)
        as_count(self.validate_every, "validate_every")
        object.__setattr__(self, "precision", as_choice(self.precision, "precision", PRECISIONS))
        as_count(self.seed, "seed", minimum=0)

    def require_length(self) -> None:
        """Raise an OptionError if the run has no length."""
        if self.steps is None and self.minutes is None:
            raise OptionError("the length of the training is missing: specify steps or minutes")

    def progress(self, step: int, elapsed: float) -> float:
        """Return the completed part of the run, 0 to 1, after a number of steps and seconds."""
        if self.steps is not None:
            return min(step / self.steps, 1.0)
        assert self.minutes is not None
        return min(elapsed / (60.0 * self.minutes), 1.0)

    def learning_rate_at(self, step: int, progress: float) -> float:
        """Compute the learning rate of a step."""
        if self.warmup is None and self.minutes is not None:
            warmup = max(progress / WARMUP_RATIO, MIN_WARMUP_FACTOR)
        else:
            steps = WARMUP_STEPS if self.warmup is None else self.warmup
            warmup = (step + 1) / steps if steps else 1.0
        decay = 0.5 * (1.0 + math.cos(math.pi * progress))
        return self.learning_rate * min(warmup, 1.0) * decay
