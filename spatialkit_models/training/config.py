"""What decides how a model is trained, whatever the model; light to import."""

from __future__ import annotations

import math
from dataclasses import dataclass

from spatialkit.errors import OptionError
from spatialkit.validation import as_choice, as_count, as_number

__all__ = ["PRECISIONS", "TrainingConfig"]

PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Settings of a training run; they stay the same when it is resumed.

    Either ``steps`` or ``minutes`` says how long it goes.

    Parameters
    ----------
    steps : int, optional
        Updates in all.
    minutes : float, optional
        Time in all, with validation, without pauses between a stop and its resumption.
    batch_size : int
        Examples per update, over all processes; each takes an equal part.
    learning_rate : float
        The highest, after warm-up; from there it falls along a cosine to 0 at the end.
    warmup : int
        Steps in which the learning rate rises linearly.
    weight_decay : float
        Of AdamW: weights shrink by this share of the learning rate in each step.
    clip : float
        Largest norm of the gradient; longer ones are scaled down to it.
    ema : float
        Decay per step of the running mean of weights, which is what is validated and kept. It
        is lower in the first steps, (1 + step) / (10 + step), to forget the random start.
    validate_every : int
        Steps from one validation to the next; there is one before the first step and one after
        the last.
    precision : str
        "float32", "bfloat16" (the network's forward pass under autocast; weights and losses stay
        float32), or "auto": bfloat16 on CUDA, else float32.
    seed : int
        Of the noise that models draw; not of the data, which have their own.

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
    warmup: int = 100
    weight_decay: float = 0.01
    clip: float = 1.0
    ema: float = 0.999
    validate_every: int = 500
    precision: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.minutes is None):
            raise OptionError("training takes either steps or minutes: give one of the two")
        if self.steps is not None:
            as_count(self.steps, "steps")
        if self.minutes is not None:
            as_number(self.minutes, "minutes", minimum=1e-3)
        as_count(self.batch_size, "batch_size")
        as_number(self.learning_rate, "learning_rate", minimum=0.0)
        as_count(self.warmup, "warmup", minimum=0)
        as_number(self.weight_decay, "weight_decay", minimum=0.0)
        as_number(self.clip, "clip", minimum=1e-6)
        as_number(self.ema, "ema", minimum=0.0, maximum=1.0)
        as_count(self.validate_every, "validate_every")
        object.__setattr__(self, "precision", as_choice(self.precision, "precision", PRECISIONS))
        as_count(self.seed, "seed", minimum=0)

    def progress(self, step: int, elapsed: float) -> float:
        """Share of the training that is done after so many steps and seconds, at most 1."""
        if self.steps is not None:
            return min(step / self.steps, 1.0)
        assert self.minutes is not None
        return min(elapsed / (60.0 * self.minutes), 1.0)

    def learning_rate_at(self, step: int, progress: float) -> float:
        """Learning rate of one step."""
        rise = min((step + 1) / self.warmup, 1.0) if self.warmup else 1.0
        return self.learning_rate * rise * 0.5 * (1.0 + math.cos(math.pi * progress))
