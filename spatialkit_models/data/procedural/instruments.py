"""Bass and chords of procedural songs: random instruments per song, and their notes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spatialkit_models.data.procedural.composition import Composition, Note
from spatialkit_models.data.procedural.synthesis import (
    envelope,
    frame_times,
    harmonic_numbers,
    harmonic_tone,
    pitch_to_hertz,
)

__all__ = ["Bass", "Chords"]

BASS_SOUNDS = ("sine", "saw", "square", "fm", "pluck")
CHORD_SOUNDS = ("pad", "strings", "piano", "fm", "organ", "pluck", "distortion", "brass", "square")
# Styles of playing of these sounds; the others use any of "held", "pulse", "stabs", "arpeggio".
STYLES_OF = {"pad": ("held",), "strings": ("held",), "distortion": ("pulse", "held")}
STYLES = ("held", "pulse", "stabs", "arpeggio", "riff")
# Steps of a bar of 16 for stabs.
STABS = ((0, 6, 12), (2, 6, 10, 14), (0, 3, 6, 10), (4, 12), (0, 7), (3, 10))
ORGAN = (1, 2, 3, 4, 6, 8)


class Sound:
    """Timbre with random parameters that synthesizes notes.

    Parameters
    ----------
    name : str
        One of `BASS_SOUNDS` or `CHORD_SOUNDS`.
    rng : numpy.random.Generator
        Generator of the parameters.
    """

    def __init__(self, name: str, rng: np.random.Generator) -> None:
        self.name = name
        self.cutoff = float(np.exp(rng.uniform(np.log(250.0), np.log(2500.0))))
        self.sweep = float(rng.uniform(1.0, 8.0))
        self.filter_decay = float(rng.uniform(0.05, 0.5))
        self.resonance = float(rng.uniform(0.0, 3.0))
        self.detune = float(rng.uniform(0.002, 0.007))
        self.ratio = int(rng.choice([1, 1, 2, 3, 7, 14]))
        self.index = float(rng.uniform(0.5, 3.0))
        self.decay = float(rng.uniform(0.15, 0.8))
        self.pick = float(rng.uniform(0.1, 0.35))
        self.damping = float(rng.uniform(0.3, 1.5))
        self.drawbars = rng.uniform(0.0, 1.0, len(ORGAN)) * (1, 0.9, 0.7, 0.6, 0.4, 0.4)
        self.tremolo = float(rng.choice([0.0, rng.uniform(4.0, 7.0)]))

    def note(
        self, hertz: float, seconds: float, loudness: float, rate: float
    ) -> NDArray[np.float32]:
        """Synthesize a note; plucked notes decay after their end."""
        ringing = self.name in ("pluck", "piano", "fm")
        samples = max(2, int((seconds + (0.25 if ringing else 0.08)) * rate))
        tone = self._tone(hertz, samples, loudness, rate)
        if self.name in ("pad", "strings"):
            shape = envelope(samples, rate, attack=min(0.35, seconds / 3), release=0.07)
        elif ringing:
            shape = envelope(samples, rate, attack=0.002, release=0.2, decay=self.decay)
        else:
            shape = envelope(
                samples, rate, attack=0.006, release=0.05, decay=self.decay, sustain=0.6
            )
        return np.float32(loudness) * tone * shape

    def _tone(
        self, hertz: float, samples: int, loudness: float, rate: float
    ) -> NDArray[np.float32]:
        times = np.arange(samples, dtype=np.float32) / np.float32(rate)
        if self.name == "sine":
            return np.tanh(1.3 * np.sin(2 * np.pi * hertz * times))
        if self.name == "fm":
            ratio = self.ratio if hertz * self.ratio < 0.2 * rate else 1
            strength = self.index * loudness * np.exp(-times / self.filter_decay)
            if ratio > 3:
                strength = 0.3 * strength
            turns = 2 * np.pi * hertz * times
            return np.sin(turns + strength * np.sin(ratio * turns))
        numbers = harmonic_numbers(hertz, rate)
        seconds = frame_times(samples, rate)[:, None]
        if self.name == "organ":
            spectrum = np.zeros((1, max(ORGAN)))
            spectrum[0, np.array(ORGAN) - 1] = self.drawbars
            spectrum = spectrum[:, : len(numbers)] / (np.sum(self.drawbars) + 0.5)
            tone = harmonic_tone(hertz, spectrum, samples, rate)
            return tone * (1 + 0.25 * np.sin(2 * np.pi * self.tremolo * times))
        if self.name in ("pluck", "piano"):
            # A string plucked at one point; high harmonics decay first.
            spectra = np.sin(np.pi * self.pick * numbers) / numbers
            spectra = spectra * np.exp(-seconds * self.damping * (1 + 0.5 * numbers))
            if self.name == "piano":
                spectra = spectra / np.sqrt(numbers)
            return 1.5 * harmonic_tone(hertz, spectra, samples, rate)
        if self.name == "distortion":
            spectra = 1 / numbers[None]
            fifth = harmonic_tone(1.4983 * hertz, spectra, samples, rate)
            tone = np.tanh(4.0 * (harmonic_tone(hertz, spectra, samples, rate) + fifth))
            # The loudspeaker of a guitar amplifier passes little above 5 kHz.
            width = max(1, int(rate / 9000.0))
            tone = np.convolve(tone, np.full(width, 0.5 / width))[:samples]
            return tone.astype(np.float32)
        return self._filtered(hertz, numbers, seconds, samples, loudness, rate)

    def _filtered(
        self,
        hertz: float,
        numbers: NDArray[np.float32],
        seconds: NDArray[np.float32],
        samples: int,
        loudness: float,
        rate: float,
    ) -> NDArray[np.float32]:
        """Synthesize a filtered saw or square; the cutoff falls (for brass it rises and falls)."""
        opening = np.exp(-seconds / self.filter_decay)
        if self.name == "brass":
            opening = opening * (1 - np.exp(-seconds / 0.04)) * 2
        cutoff = (self.cutoff + 0.5 * hertz) * (1 + self.sweep * loudness * opening)
        ratio = numbers * hertz / cutoff
        spectra = 0.8 / numbers / np.sqrt((1 - ratio**2) ** 2 + ratio**2 / (0.7 + self.resonance))
        if self.name == "square":
            spectra = spectra * (numbers % 2)
        if self.name not in ("pad", "strings"):
            return harmonic_tone(hertz, spectra, samples, rate)
        spread = 1 + self.detune
        return 0.6 * (
            harmonic_tone(hertz * spread, spectra, samples, rate)
            - harmonic_tone(hertz / spread, spectra, samples, rate)
        )


class Bass:
    """Bass of a song.

    Parameters
    ----------
    song : Composition
    """

    tail = 1.0
    bars_at_once = 1

    def __init__(self, song: Composition) -> None:
        self.song = song
        rng = song.rng(2, 0)
        self.sound = Sound(str(rng.choice(BASS_SOUNDS)), rng)
        self.sound.ratio = min(self.sound.ratio, 2)
        self.sub = bool(rng.random() < 0.4)

    def play(self, bar: int, sample_rate: float) -> list[tuple[float, NDArray[np.float32]]]:
        """Return time in seconds and samples of each note of a bar."""
        played = []
        for note in self.song.bass_notes(bar):
            hertz = float(pitch_to_hertz(note.pitch))
            tone = self.sound.note(hertz, note.length, note.loudness, sample_rate)
            if self.sub:
                times = np.arange(len(tone), dtype=np.float32) / np.float32(sample_rate)
                shape = envelope(len(tone), sample_rate, attack=0.005, release=0.06)
                tone = 0.6 * tone + 0.4 * np.sin(2 * np.pi * hertz * times) * shape
            played.append((note.start, tone.astype(np.float32)))
        return played


class Chords:
    """Chords, arpeggios and riffs of a song, by one or two instruments.

    Parameters
    ----------
    song : Composition
    """

    tail = 1.0
    bars_at_once = 1

    def __init__(self, song: Composition) -> None:
        self.song = song
        rng = song.rng(3, 0)
        self.layers = []
        for layer in range(1 + int(rng.random() < 0.6)):
            name = str(rng.choice(CHORD_SOUNDS))
            style = str(rng.choice(STYLES_OF.get(name, STYLES)))
            center = 50.0 if name == "distortion" else float(rng.uniform(56, 70))
            self.layers.append((Sound(name, rng), style, center, (1.0, 0.6)[layer]))
        self.stabs = STABS[rng.integers(len(STABS))]
        self.strum = float(rng.choice([0.0, 0.012, 0.025]))
        self.rate = int(rng.choice([1, 2, 2]))
        self.walk = rng.integers(0, 8, 16)

    def notes(self, bar: int, style: str, center: float, power: bool = False) -> list[Note]:
        """Return the notes of one instrument in a bar; for power chords the root only.

        The sound of a power chord contains the fifth.
        """
        song, rng = self.song, self.song.rng(3, 1, bar)
        halves = (0, song.steps // 2) if song.two_chords_a_bar else (0,)
        events: list[tuple[int, float]]
        if style == "held":
            events = [(step, song.steps // len(halves)) for step in halves]
        elif style == "pulse":
            events = [(step, 1.6) for step in range(0, song.steps, 2)]
        elif style == "stabs":
            events = [(step, 1.5) for step in sorted({*halves, *self.stabs}) if step < song.steps]
        else:
            return self._line(rng, bar, style, center)
        notes = []
        for step, length in events:
            start = song.time(bar, step)
            loudness = rng.uniform(0.6, 0.9)
            pitches = song.voicing(bar, step, center)
            if power:
                pitches = tuple(p for p in pitches if p % 12 == song.chord(bar, step)[0])
            for place, pitch in enumerate(pitches):
                seconds = length / song.steps * song.bar_seconds
                notes.append(Note(start + place * self.strum, seconds, pitch, loudness))
        return notes

    def _line(self, rng: np.random.Generator, bar: int, style: str, center: float) -> list[Note]:
        """Return single notes: up and down the chord, or a riff that recurs in each bar."""
        song = self.song
        step_seconds = song.bar_seconds / song.steps
        notes = []
        for place, step in enumerate(range(0, song.steps, self.rate)):
            chord = song.voicing(bar, step, center)
            ladder = [*chord, *(pitch + 12 for pitch in chord)]
            turn = place if style == "arpeggio" else self.walk[place]
            if style == "riff" and self.walk[place] >= 6:
                continue
            pitch = ladder[int(turn) % len(ladder)]
            loudness = rng.uniform(0.6, 0.9)
            notes.append(Note(song.time(bar, step), self.rate * step_seconds, pitch, loudness))
        return notes

    def play(self, bar: int, sample_rate: float) -> list[tuple[float, NDArray[np.float32]]]:
        """Return time in seconds and samples of each note of a bar."""
        played = []
        for sound, style, center, gain in self.layers:
            for note in self.notes(bar, style, center, sound.name == "distortion"):
                hertz = float(pitch_to_hertz(note.pitch))
                tone = sound.note(hertz, note.length, note.loudness, sample_rate)
                played.append((note.start, np.float32(0.5 * gain) * tone))
        return played
