"""Drums of procedural songs: a random kit per song, patterns with swing, ghost notes and fills."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spatialkit_models.data.procedural.composition import Composition
from spatialkit_models.data.procedural.synthesis import band, envelope, shaped_noise

__all__ = ["Drums"]

# Steps of a bar of 16 for kick, snare, closed and open hats; in bars of 12 the first 12.
PATTERNS = (
    ((0, 8, 10), (4, 12), range(0, 16, 2), ()),
    ((0, 6, 8), (4, 12), range(0, 16, 2), (14,)),
    ((0, 4, 8, 12), (4, 12), range(16), (2, 6, 10, 14)),
    ((0, 4, 8, 12), (12,), (), (2, 6, 10, 14)),
    ((0, 7, 10), (4, 12), range(0, 16, 2), (6,)),
    ((0, 2, 10), (4, 7, 12, 15), range(0, 16, 2), ()),
    ((0, 3, 10), (8,), range(16), (14,)),
    ((0, 6, 8, 14), (3, 6, 10, 12), range(0, 16, 2), ()),
    ((0, 8), (4, 12), range(0, 16, 4), ()),
    ((0, 5, 8, 11), (4, 12), range(16), ()),
)
KICK, SNARE, CLOSED, OPEN, CRASH, RIDE, HIGH_TOM, MIDDLE_TOM, LOW_TOM, RIM = range(10)
# Level of each instrument relative to the kick.
LEVELS = (1.0, 0.8, 0.25, 0.27, 0.5, 0.25, 0.6, 0.65, 0.7, 0.4)


class Drums:
    """Drums of a song.

    Parameters
    ----------
    song : Composition
    """

    tail = 2.0
    bars_at_once = 1

    def __init__(self, song: Composition) -> None:
        self.song = song
        rng = song.rng(1, 1)
        self.patterns = {
            name: self._mutated(rng, PATTERNS[rng.integers(len(PATTERNS))])
            for name in ("verse", "chorus")
        }
        self.looseness = float(rng.choice([0.0, 0.002, 0.006]))
        self.ghosts = float(rng.choice([0.0, 0.15, 0.3]))
        self.ride_in_chorus = bool(rng.random() < 0.4)
        self.rim_in_verse = bool(rng.random() < 0.2)
        self.kick_hertz = rng.uniform(40, 62)
        self.kick_sweep = rng.uniform(2.5, 9.0)
        self.kick_decay = float(rng.choice([rng.uniform(0.06, 0.15), rng.uniform(0.15, 0.45)]))
        self.kick_click = rng.uniform(0.05, 0.5)
        self.snare_hertz = rng.uniform(150, 260)
        self.snare_decay = rng.uniform(0.05, 0.2)
        self.snare_wires = rng.uniform(0.4, 1.0)
        self.snare_band = rng.uniform(500, 1800), rng.uniform(6000, 12000)
        self.clap = bool(rng.random() < 0.35)
        self.metal = rng.uniform(3800, 7500)
        self.metal_tonal = rng.uniform(0.0, 0.6)
        self.closed_decay = rng.uniform(0.015, 0.06)
        self.open_decay = rng.uniform(0.12, 0.4)
        self.tom_hertz = rng.uniform(75, 110)
        self._one_shots: dict[tuple[float, int], NDArray[np.float32]] = {}

    def _mutated(
        self, rng: np.random.Generator, pattern: tuple[tuple[int, ...] | range, ...]
    ) -> tuple[list[int], ...]:
        """Add a step to the kick, remove one from the hats."""
        kick, snare, closed, opened = (
            [step for step in steps if step < self.song.steps] for steps in pattern
        )
        if rng.random() < 0.5:
            kick.append(int(rng.integers(1, self.song.steps)))
        if closed and rng.random() < 0.5:
            closed.remove(int(rng.choice(closed)))
        return kick, snare, [step for step in closed if step not in opened], opened

    def hits(self, bar: int) -> list[tuple[float, int, float]]:
        """Return time in seconds, instrument and loudness of each hit of a bar."""
        song, plan = self.song, self.song.bars[bar]
        rng = song.rng(1, 2, bar)
        chorus = plan.section == "chorus"
        kick, snare, closed, opened = self.patterns["chorus" if chorus else "verse"]
        snare_kind = RIM if self.rim_in_verse and not chorus else SNARE
        hat = RIDE if self.ride_in_chorus and chorus else CLOSED
        fill_from = song.steps
        if plan.last_in_section or (plan.number_in_section % 4 == 3 and rng.random() < 0.4):
            fill_from -= int(rng.choice([2, 4, 4, 8]))
        found = [(step, KICK, 0.9) for step in kick]
        found += [(step, snare_kind, 0.9) for step in snare]
        found += [(step, hat, 0.9 if step % 4 == 0 else 0.6) for step in closed]
        found += [(step, OPEN, 0.8) for step in opened]
        found += [
            (step, SNARE, 0.2)
            for step in range(1, song.steps, 2)
            if step not in snare and rng.random() < self.ghosts
        ]
        found = [hit for hit in found if hit[0] < fill_from]
        for step in range(fill_from, song.steps):
            if rng.random() < 0.8:
                kind = int(rng.choice([SNARE, SNARE, HIGH_TOM, MIDDLE_TOM, LOW_TOM]))
                found.append((step, kind, 0.5 + 0.4 * (step - fill_from) / song.steps))
        if plan.number_in_section == 0 and rng.random() < 0.7:
            found.append((0, CRASH, 0.9))
        return [
            (
                max(0.0, song.time(bar, step) + self.looseness * rng.standard_normal()),
                kind,
                loudness * rng.uniform(0.8, 1.0),
            )
            for step, kind, loudness in found
        ]

    def play(self, bar: int, sample_rate: float) -> list[tuple[float, NDArray[np.float32]]]:
        """Return time in seconds and samples of each hit of a bar."""
        return [
            (time, np.float32(loudness * LEVELS[kind]) * self._one_shot(kind, sample_rate))
            for time, kind, loudness in self.hits(bar)
        ]

    def _one_shot(self, kind: int, sample_rate: float) -> NDArray[np.float32]:
        key = (sample_rate, kind)
        if key not in self._one_shots:
            if len(self._one_shots) >= 2 * len(LEVELS):
                self._one_shots.clear()
            self._one_shots[key] = self._strike(kind, sample_rate)
        return self._one_shots[key]

    def _strike(self, kind: int, rate: float) -> NDArray[np.float32]:
        rng = self.song.rng(1, 3, kind)
        if kind == KICK:
            return self._membrane(
                rng, rate, self.kick_hertz, self.kick_sweep, self.kick_decay, self.kick_click
            )
        if kind in (HIGH_TOM, MIDDLE_TOM, LOW_TOM):
            hertz = self.tom_hertz * (1.9, 1.4, 1.0)[kind - HIGH_TOM]
            return self._membrane(rng, rate, hertz, 1.6, 0.16, 0.15)
        if kind == SNARE:
            return self._snare(rng, rate)
        if kind == RIM:
            return self._membrane(rng, rate, 3.2 * self.snare_hertz, 1.2, 0.012, 0.4)
        decay = {
            CLOSED: self.closed_decay,
            OPEN: self.open_decay,
            CRASH: 0.45,
            RIDE: 0.3,
        }[kind]
        return self._metal(rng, rate, decay, 0.6 if kind in (CRASH, RIDE) else 1.0)

    @staticmethod
    def _membrane(
        rng: np.random.Generator,
        rate: float,
        hertz: float,
        sweep: float,
        decay: float,
        click: float,
    ) -> NDArray[np.float32]:
        """Synthesize a sine of falling pitch with a click of noise at its start."""
        samples = int(min(2.0, 6 * decay + 0.03) * rate)
        times = np.arange(samples) / rate
        turns = np.cumsum(hertz * (1 + (sweep - 1) * np.exp(-times / 0.025))) / rate
        body = np.sin(2 * np.pi * turns).astype(np.float32)
        body *= envelope(samples, rate, attack=0.001, release=0.01, decay=decay)
        short = int(0.012 * rate)
        noise = shaped_noise(rng, short, rate, band(800.0, 6000.0, 1.0))
        body[:short] += click * noise * envelope(short, rate, attack=0, release=0.01, decay=0.003)
        return np.tanh(1.5 * body)

    def _snare(self, rng: np.random.Generator, rate: float) -> NDArray[np.float32]:
        """Synthesize two tones of the head and noise of the wires, or the bursts of a clap."""
        samples = int(6 * self.snare_decay * rate)
        times = np.arange(samples) / rate
        noise = shaped_noise(rng, samples, rate, band(*self.snare_band, 1.0))
        gain = envelope(samples, rate, attack=0.0005, release=0.02, decay=self.snare_decay)
        if self.clap:
            for delay in (0.011, 0.023):
                gain = np.maximum(gain * 0.9, np.roll(gain, int(delay * rate)))
        head = np.sin(2 * np.pi * self.snare_hertz * times * (1 + 0.3 * np.exp(-times / 0.02)))
        head = head + 0.6 * np.sin(2 * np.pi * 1.62 * self.snare_hertz * times)
        body = 0.35 * self.snare_wires * noise * gain
        if not self.clap:
            body = body + 0.5 * head * np.exp(-times / (0.5 * self.snare_decay))
        return np.tanh(1.5 * body).astype(np.float32)

    def _metal(
        self, rng: np.random.Generator, rate: float, decay: float, lowest: float
    ) -> NDArray[np.float32]:
        """Synthesize high-frequency noise and inharmonic partials."""
        samples = int(min(2.0, 5 * decay) * rate)
        times = np.arange(samples) / rate
        highest = min(16000.0, 0.45 * rate)
        low = min(lowest * self.metal, 0.7 * highest)
        noise = shaped_noise(rng, samples, rate, band(low, highest, 2.0))
        partials = np.zeros(samples)
        for hertz in rng.uniform(0.6 * low, highest, 6):
            partials += np.sin(2 * np.pi * hertz * times)
        sound = (1 - self.metal_tonal) * noise + self.metal_tonal * partials / np.sqrt(3)
        gain = envelope(samples, rate, attack=0.001, release=0.02, decay=decay)
        return (0.5 * sound * gain).astype(np.float32)
