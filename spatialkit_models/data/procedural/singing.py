"""Vocals of procedural songs: glottal pulses, moving formants, vibrato and consonants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spatialkit_models.data.procedural.composition import Composition, Note
from spatialkit_models.data.procedural.synthesis import (
    HOP,
    band,
    envelope,
    frame_times,
    harmonic_tone,
    pitch_to_hertz,
    shaped_noise,
)

__all__ = ["VOWELS", "Lead"]

# Frequencies in Hz of the first five formants of a low voice, approximately those measured by
# Peterson and Barney (1952) and Fant (1960).
VOWELS = {
    "a": (730, 1090, 2440, 3400, 4500),
    "e": (530, 1840, 2480, 3500, 4600),
    "i": (290, 2290, 3010, 3600, 4700),
    "o": (500, 900, 2410, 3350, 4400),
    "u": (310, 870, 2240, 3300, 4400),
    "@": (500, 1500, 2500, 3500, 4500),
    "A": (660, 1720, 2410, 3500, 4500),
}
BANDWIDTHS = np.array([80.0, 100.0, 130.0, 200.0, 300.0], np.float32)
# Noise consonants: band in Hz, length in seconds, level relative to the vowel.
NOISES = {
    "s": (4500.0, 11000.0, 0.10, 0.30),
    "sh": (2000.0, 6500.0, 0.09, 0.30),
    "f": (1500.0, 9000.0, 0.07, 0.12),
    "h": (600.0, 4000.0, 0.06, 0.12),
    "t": (3000.0, 9000.0, 0.025, 0.35),
    "k": (1200.0, 4500.0, 0.03, 0.30),
    "p": (400.0, 2500.0, 0.02, 0.25),
}
# Voiced consonants: formants at the start of a syllable, and level.
VOICED = {
    "m": ((250, 1000, 2200, 3300, 4400), 0.25),
    "n": ((280, 1600, 2500, 3400, 4500), 0.25),
    "l": ((350, 1200, 2700, 3500, 4500), 0.5),
    "r": ((400, 1200, 1600, 3300, 4400), 0.5),
    "y": ((270, 2200, 3000, 3600, 4700), 0.6),
    "w": ((290, 700, 2200, 3300, 4400), 0.6),
}
# Lowest and highest MIDI pitch, and a factor on formants, by which the vocal tract is shorter than
# that of a low voice.
VOICES = ((45, 62, 1.0), (50, 67, 1.05), (57, 74, 1.14), (60, 77, 1.18), (55, 70, 1.1))
# Highest frequency of harmonics; higher frequencies contain breath and consonants only.
HIGHEST_HERTZ = 9000.0


@dataclass(frozen=True)
class Syllable:
    """Note with its consonant (may be empty), vowel, and the vowel that it glides to."""

    note: Note
    consonant: str
    vowel: str
    glide: str


class Lead:
    """Vocals of a song, in units of two bars.

    Parameters
    ----------
    song : Composition
    """

    tail = 0.5
    bars_at_once = 2

    def __init__(self, song: Composition) -> None:
        self.song = song
        rng = song.rng(4, 0)
        lowest, highest, self.tract = VOICES[rng.integers(len(VOICES))]
        shift = int(rng.integers(-2, 3))
        self.lowest, self.highest = lowest + shift, highest + shift
        self.tract *= rng.uniform(0.96, 1.04)
        self.vibrato_hertz = rng.uniform(4.8, 6.6)
        self.vibrato_semitones = rng.uniform(0.15, 0.6)
        self.vibrato_delay = rng.uniform(0.15, 0.4)
        self.portamento = rng.uniform(0.025, 0.08)
        self.tilt = rng.uniform(0.9, 1.5)
        self.open_quotient = rng.uniform(0.45, 0.75)
        self.breath = 10 ** rng.uniform(-2.2, -1.3)
        self.jitter = rng.uniform(0.03, 0.12)
        self.harmony = bool(rng.random() < 0.25)

    def syllables(self, bar: int) -> list[Syllable]:
        """Return the syllables of the two bars from ``bar`` on."""
        rng = self.song.rng(4, 1, bar)
        consonants = ("", *NOISES, *VOICED, *VOICED)
        sung = []
        for note in self.song.melody(bar, self.lowest, self.highest):
            vowel, glide = (str(rng.choice(list(VOWELS))) for _ in range(2))
            if rng.random() < 0.5:
                glide = vowel
            sung.append(Syllable(note, str(rng.choice(consonants)), vowel, glide))
        return sung

    def play(self, bar: int, sample_rate: float) -> list[tuple[float, NDArray[np.float32]]]:
        """Return time in seconds and samples of the phrase and of a second voice, if any."""
        syllables = self.syllables(bar)
        if not syllables:
            return []
        played = [self._sing(syllables, bar, sample_rate, 0)]
        if self.harmony and self.song.bars[bar].section == "chorus":
            time, second = self._sing(syllables, bar, sample_rate, 1)
            played.append((time, np.float32(0.5) * second))
        return played

    def _sing(
        self, syllables: list[Syllable], bar: int, rate: float, voice: int
    ) -> tuple[float, NDArray[np.float32]]:
        rng = self.song.rng(4, 2, bar, voice)
        lead_in = 0.15
        begin = max(0.0, syllables[0].note.start - lead_in)
        last = syllables[-1].note
        samples = int((last.start + last.length - begin + 0.2) * rate)
        times = frame_times(samples, rate)
        pitch, formants, loudness = self._contours(syllables, begin, times, rng, voice)
        hertz = pitch_to_hertz(pitch)
        spectra = self._spectra(hertz, formants, loudness)
        seconds = np.arange(samples) / rate
        sound = harmonic_tone(np.interp(seconds, times, hertz), spectra, samples, rate)
        # One second of breath noise, repeated.
        breath = shaped_noise(rng, int(rate), rate, band(1500.0, min(8000.0, 0.4 * rate), 1.0))
        gain = np.interp(seconds, times, self.breath * loudness).astype(np.float32)
        sound += np.resize(breath, samples) * gain
        for syllable in syllables:
            if syllable.consonant in NOISES:
                self._add_noise(sound, syllable, begin, rate, rng)
        return begin, sound

    def _contours(
        self,
        syllables: list[Syllable],
        begin: float,
        times: NDArray[np.float32],
        rng: np.random.Generator,
        voice: int,
    ) -> tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]]:
        """Return pitch, formants (frames, 5) and loudness by frame."""
        pitch = np.full(len(times), float(syllables[0].note.pitch))
        formants = np.empty((len(times), 5), np.float32)
        formants[:] = VOWELS[syllables[0].vowel]
        loudness = np.zeros(len(times), np.float32)
        vibrato = np.zeros(len(times))
        for syllable in syllables:
            note = syllable.note
            start, end = note.start - begin, note.start - begin + note.length
            sung = note.pitch + (self._third(note.pitch) if voice else 0)
            pitch[times >= start - 0.03] = sung
            on = (times >= start) & (times < end)
            local = times[on] - start
            glide = np.clip((local / note.length - 0.4) / 0.4, 0, 1)[:, None]
            path = (1 - glide) * np.array(VOWELS[syllable.vowel]) + glide * np.array(
                VOWELS[syllable.glide]
            )
            level = np.full(len(local), note.loudness, np.float32)
            if syllable.consonant in VOICED:
                target, soft = VOICED[syllable.consonant]
                early = local < min(0.07, note.length / 2)
                path[early] = target
                level[early] *= soft
            elif syllable.consonant in NOISES:
                level[local < min(NOISES[syllable.consonant][2], note.length / 3)] = 0.0
            formants[times >= start] = path[-1] if len(path) else formants[0]
            formants[on] = path
            loudness[on] = level
            rise = np.clip((times[on] - start - self.vibrato_delay) / 0.2, 0, 1)
            vibrato[on] = rise * np.sin(2 * np.pi * self.vibrato_hertz * local + voice)
        drift = _smooth(rng.standard_normal(len(times)), 0.03)
        pitch = _smooth(pitch, self.portamento) + self.vibrato_semitones * vibrato
        pitch = pitch + self.jitter * drift / (np.std(drift) + 1e-9)
        return pitch, self.tract * _smooth(formants, 0.035), _smooth(loudness, 0.03)

    def _third(self, pitch: float) -> int:
        """Return the interval in semitones, three or four, to a tone of the scale."""
        tones = {(self.song.root + tone) % 12 for tone in self.song.scale}
        return 3 if (int(pitch) + 3) % 12 in tones else 4

    def _spectra(
        self,
        hertz: NDArray[np.floating],
        formants: NDArray[np.floating],
        loudness: NDArray[np.floating],
    ) -> NDArray[np.complex64]:
        """Return the harmonics of glottal pulses filtered by five resonances in series."""
        count = max(1, min(400, int(HIGHEST_HERTZ / float(hertz.min()))))
        numbers = np.arange(1, count + 1, dtype=np.float32)
        frequency = hertz.astype(np.float32)[:, None] * numbers
        # The open quotient of the glottis causes notches at multiples of its inverse.
        source = (0.35 + np.abs(np.sin(np.pi * numbers * self.open_quotient))) / numbers**self.tilt
        spectra = (loudness[:, None] * source).astype(np.complex64)
        for number, bandwidth in enumerate(BANDWIDTHS):
            center = formants[:, number, None].astype(np.float32)
            ratio = frequency / center
            spectra /= 1 - ratio * ratio + 1j * ratio * (bandwidth / center)
        # Compensate for the missing poles above the fifth.
        spectra *= 1 + (frequency / 3000.0) ** 4
        spectra *= frequency < HIGHEST_HERTZ
        return spectra / np.float32(6.0)

    @staticmethod
    def _add_noise(
        sound: NDArray[np.float32],
        syllable: Syllable,
        begin: float,
        rate: float,
        rng: np.random.Generator,
    ) -> None:
        """Add a consonant that starts shortly before its note."""
        low, high, seconds, gain = NOISES[syllable.consonant]
        high = min(high, 0.45 * rate)
        samples = int(seconds * rate)
        start = max(0, int((syllable.note.start - begin - 0.4 * seconds) * rate))
        noise = shaped_noise(rng, samples, rate, band(min(low, high / 2), high, 2.0))
        gains = envelope(samples, rate, attack=seconds / 4, release=seconds / 2)
        part = sound[start : start + samples]
        part += np.float32(0.6 * gain * syllable.note.loudness) * (noise * gains)[: len(part)]


def _smooth(values: NDArray[np.floating], seconds: float) -> NDArray[np.floating]:
    """Apply a moving mean twice along the first axis; ends are extended by their values."""
    width = max(1, round(seconds / HOP))
    for _ in range(2):
        before = (width - 1) // 2
        edges = [(before + 1, width - 1 - before)] + [(0, 0)] * (values.ndim - 1)
        sums = np.cumsum(np.pad(values, edges, mode="edge"), axis=0, dtype=np.float64)
        values = (sums[width:] - sums[:-width]) / width
    return values
