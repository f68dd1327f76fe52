"""Variation of stems that spares what tells one instrument from another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spatialkit._checks import as_number
from spatialkit.errors import OptionError

__all__ = ["Augmentation", "equalize"]

# Lowest and highest Hz that each section of an equalizer is drawn from.
LOW_SHELF = (80.0, 300.0)
BELL = (250.0, 4000.0)
HIGH_SHELF = (3000.0, 10000.0)


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How much the stems of training excerpts vary.

    Channels are not exchanged: stems are mono, the mean of theirs, which stays the same.

    Parameters
    ----------
    gain_db : float
        Each stem of each excerpt is louder or softer by up to this, evenly drawn. 0 to 24.
    equalizer_db : float
        Standard deviation of the gains of a random equalizer for each stem: low shelf, bell, high
        shelf; each at most twice this. Small, as mean spectra are what identifies a stem.
        0 to 6; 0 is none.
    least_speed, most_speed : float
        Range of the factor on tempo and pitch together, as of a tape; evenly drawn in octaves, the
        same for all stems of a song. 0.5 to 2; both 1 is none.
    """

    gain_db: float = 6.0
    equalizer_db: float = 2.0
    least_speed: float = 0.85
    most_speed: float = 1.15

    def __post_init__(self) -> None:
        as_number(self.gain_db, "gain_db", least=0.0, most=24.0)
        as_number(self.equalizer_db, "equalizer_db", least=0.0, most=6.0)
        as_number(self.least_speed, "least_speed", least=0.5, most=2.0)
        as_number(self.most_speed, "most_speed", least=0.5, most=2.0)
        if self.least_speed > self.most_speed:
            raise OptionError(
                f"least_speed must be at most most_speed ({self.most_speed:g}), "
                f"got {self.least_speed:g}"
            )

    def draw_gains(self, rng: np.random.Generator, count: int) -> NDArray[np.float32]:
        """Draw a linear gain for each of ``count`` stems."""
        decibels = rng.uniform(-self.gain_db, self.gain_db, count)
        return (10 ** (decibels / 20)).astype(np.float32)

    def draw_speed(self, rng: np.random.Generator) -> float:
        """Draw a factor on tempo and pitch."""
        return float(np.exp(rng.uniform(np.log(self.least_speed), np.log(self.most_speed))))

    def draw_equalizer(
        self, rng: np.random.Generator, sample_rate: float
    ) -> NDArray[np.float32] | None:
        """Draw an equalizer as second-order sections for `equalize`, shape (3, 6)."""
        if not self.equalizer_db:
            return None
        gains = np.clip(rng.standard_normal(3), -2.0, 2.0) * self.equalizer_db
        low, bell, high = (
            float(np.exp(rng.uniform(np.log(lowest), np.log(highest)))) / sample_rate
            for lowest, highest in (LOW_SHELF, BELL, HIGH_SHELF)
        )
        # A high shelf is a low shelf of the opposite gain, and a gain for all.
        upper = _low_shelf(high, 10 ** (-gains[2] / 40))
        upper[:3] *= 10 ** (gains[2] / 20)
        sections = _low_shelf(low, 10 ** (gains[0] / 40)), _bell(bell, 10 ** (gains[1] / 40)), upper
        return np.stack(sections).astype(np.float32)


def _low_shelf(frequency: float, amplitude: float) -> NDArray[np.float64]:
    """Low shelf of slope 0.5, of R. Bristow-Johnson's Audio EQ Cookbook.

    ``frequency`` is in cycles per sample, ``amplitude`` the square root of the gain.
    """
    cosine, sine = _turn(frequency)
    alpha = sine / 2 * np.sqrt((amplitude + 1 / amplitude) * (1 / 0.5 - 1) + 2)
    plus, minus = amplitude + 1, amplitude - 1
    root = 2 * np.sqrt(amplitude) * alpha
    rising = (
        amplitude * (plus - minus * cosine + root),
        2 * amplitude * (minus - plus * cosine),
        amplitude * (plus - minus * cosine - root),
    )
    falling = (
        plus + minus * cosine + root,
        -2 * (minus + plus * cosine),
        plus + minus * cosine - root,
    )
    return np.array([*rising, *falling]) / falling[0]


def _bell(frequency: float, amplitude: float) -> NDArray[np.float64]:
    """Peaking equalizer of Q 0.7, of the same source."""
    cosine, sine = _turn(frequency)
    alpha = sine / (2 * 0.7)
    rising = (1 + alpha * amplitude, -2 * cosine, 1 - alpha * amplitude)
    falling = (1 + alpha / amplitude, -2 * cosine, 1 - alpha / amplitude)
    return np.array([*rising, *falling]) / falling[0]


def _turn(frequency: float) -> tuple[float, float]:
    angle = 2 * np.pi * min(frequency, 0.45)
    return float(np.cos(angle)), float(np.sin(angle))


def equalize(audio: NDArray[np.float32], sections: NDArray[np.float32]) -> NDArray[np.float32]:
    """Filter ``audio`` (samples,) through second-order sections."""
    from scipy.signal import sosfilt

    filtered: NDArray[np.float32] = sosfilt(sections, audio)
    return filtered
