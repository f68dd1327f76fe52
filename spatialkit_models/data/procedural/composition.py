"""Composition of procedural songs: key, tempo, form, chords, and notes by stem and bar."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

# Semitones of the degrees of a scale; the first two have major progressions, the others minor.
SCALES = (
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 4, 5, 7, 9, 10),
    (0, 2, 3, 5, 7, 8, 10),
    (0, 2, 3, 5, 7, 9, 10),
)
# Degrees of the chords of four bars.
MAJOR = ((0, 4, 5, 3), (0, 5, 3, 4), (5, 3, 0, 4), (0, 3, 4, 3), (1, 4, 0, 0), (0, 2, 3, 4))
MINOR = ((0, 5, 2, 6), (0, 3, 4, 0), (0, 6, 5, 6), (0, 3, 6, 2), (0, 0, 5, 6), (0, 5, 3, 4))
# Order of sections; "break" has no drums.
FORMS = (
    ("intro", "verse", "chorus", "verse", "chorus", "break", "chorus", "outro"),
    ("intro", "verse", "verse", "chorus", "break", "verse", "chorus", "chorus", "outro"),
    ("verse", "chorus", "verse", "break", "chorus", "outro"),
)
# Probability that each stem is active in a section: vocals, drums, bass, other.
PRESENCE = {
    "intro": (0.15, 0.6, 0.5, 0.95),
    "verse": (0.95, 0.95, 0.9, 0.95),
    "chorus": (0.97, 1.0, 1.0, 1.0),
    "break": (0.6, 0.0, 0.4, 0.95),
    "outro": (0.3, 0.7, 0.7, 0.95),
}
STEM_NUMBER = {"vocals": 0, "drums": 1, "bass": 2, "other": 3}
# Bass lines as steps of a bar of 16, each with its interval over the root in semitones; "w" walks.
BASS_LINES = (
    ((0, 0),),
    ((0, 0), (8, 7)),
    tuple((step, 0) for step in range(0, 16, 2)),
    tuple((step, 12 * (step // 2 % 2)) for step in range(0, 16, 2)),
    ((0, 0), (3, 0), (6, 12), (8, 0), (11, 7), (14, 12)),
    ((0, 0), (3, 0), (6, 0), (10, 7), (12, 0)),
    ((0, 0), (7, 0), (10, 0)),
    tuple((step, 0) for step in (2, 6, 10, 14)),
)
WALK = len(BASS_LINES)
# Lengths of sung notes in steps.
SUNG_STEPS = (1, 2, 2, 2, 3, 4, 4, 6)


@dataclass(frozen=True)
class Note:
    """Note: start and length in seconds, MIDI pitch, loudness from 0 to 1."""

    start: float
    length: float
    pitch: float
    loudness: float = 0.8


@dataclass(frozen=True)
class Bar:
    """Section, active stems and chords of a bar."""

    section: str
    number_in_section: int
    last_in_section: bool
    playing: tuple[bool, ...]
    degrees: tuple[int, int]


class Composition:
    """Composition of a song, a pure function of two numbers.

    Parameters
    ----------
    seed, number : int
        Seed of the collection and number of the song in it.
    """

    def __init__(self, seed: int, number: int) -> None:
        self._key = (seed, number)
        rng = self.rng(0)
        self.tempo = float(
            rng.choice([rng.uniform(70, 100), rng.uniform(90, 135), rng.uniform(120, 172)])
        )
        self.beats = 3 if rng.random() < 0.1 else 4
        self.steps = 4 * self.beats
        self.swing = float(rng.choice([0.0, 0.0, rng.uniform(0.05, 0.33)]))
        self.swung_steps = int(rng.choice([1, 2]))
        self.root = int(rng.integers(12))
        mode = int(rng.integers(len(SCALES)))
        self.scale = SCALES[mode]
        self.sevenths = bool(rng.random() < 0.35)
        self.two_chords_a_bar = bool(rng.random() < 0.2)
        self.bass_lines = {name: int(rng.integers(WALK + 1)) for name in PRESENCE}
        self.bass_lowest = int(rng.integers(26, 34))
        self.bass_legato = float(rng.uniform(0.45, 1.0))
        loops = MAJOR if mode < 2 else MINOR
        loop: dict[str, tuple[int, ...]] = {
            name: loops[rng.integers(len(loops))] for name in PRESENCE
        }
        loop["outro"] = loop["intro"]
        self.bars = tuple(self._bars(rng, loop))

    def _bars(self, rng: np.random.Generator, loop: dict[str, tuple[int, ...]]) -> list[Bar]:
        bars = []
        for section in FORMS[rng.integers(len(FORMS))]:
            count = 4 if section in ("intro", "outro") else int(rng.choice([8, 8, 16]))
            playing = tuple(bool(chance > rng.random()) for chance in PRESENCE[section])
            if not any(playing[:3]):
                playing = (*playing[:3], True)
            for number in range(count):
                place = number * 2 if self.two_chords_a_bar else number
                degrees = loop[section][place % 4], loop[section][(place + 1) % 4]
                if not self.two_chords_a_bar:
                    degrees = degrees[0], degrees[0]
                bars.append(Bar(section, number, number == count - 1, playing, degrees))
        return bars

    def rng(self, *path: int) -> np.random.Generator:
        """Return a random generator for one purpose, identified by a path of numbers."""
        return np.random.default_rng([*self._key, *path])

    @cached_property
    def bar_seconds(self) -> float:
        """Length of a bar in seconds."""
        return self.beats * 60.0 / self.tempo

    @cached_property
    def duration(self) -> float:
        """Length in seconds, including two seconds of decay."""
        return len(self.bars) * self.bar_seconds + 2.0

    def time(self, bar: int, step: float) -> float:
        """Return the time of a step; swing delays every second half or quarter of a beat."""
        late = step // self.swung_steps % 2 == 1 and step % self.swung_steps == 0
        shift = self.swing * self.swung_steps if late else 0.0
        return (bar + (step + shift) / self.steps) * self.bar_seconds

    def chord(self, bar: int, step: float = 0.0) -> tuple[int, ...]:
        """Return the pitch classes (0 is C) of the chord, root first."""
        degree = self.bars[bar].degrees[int(step >= self.steps / 2)]
        size = 4 if self.sevenths else 3
        return tuple((self.root + self.scale[(degree + 2 * k) % 7]) % 12 for k in range(size))

    def plays(self, stem: str, bar: int) -> bool:
        """Return whether a stem is active in a bar; False before and after the song."""
        return 0 <= bar < len(self.bars) and self.bars[bar].playing[STEM_NUMBER[stem]]

    def voicing(self, bar: int, step: float, center: float) -> tuple[int, ...]:
        """Return the pitches of the chord, each as near to ``center`` as possible, ascending."""
        return tuple(
            sorted(round(center - (center - tone + 6) % 12 + 6) for tone in self.chord(bar, step))
        )

    def bass_notes(self, bar: int) -> list[Note]:
        """Return the notes of the bass in a bar, the root of the chord first."""
        rng = self.rng(2, bar)
        line = self.bass_lines[self.bars[bar].section]
        if line == WALK:
            events = self._walk(rng, bar)
        else:
            events = [event for event in BASS_LINES[line] if event[0] < self.steps]
            if rng.random() < 0.25:
                events.append((self.steps - 2, int(rng.choice([0, 5, 7, 10, 12]))))
        if self.two_chords_a_bar and all(step != self.steps // 2 for step, _ in events):
            events.append((self.steps // 2, 0))
        events = sorted(dict(events).items())
        ends = [step for step, _ in events[1:]] + [self.steps]
        notes = []
        for (step, interval), end in zip(events, ends, strict=True):
            root = self.chord(bar, step)[0]
            pitch = self.bass_lowest + (root - self.bass_lowest) % 12 + interval
            start = self.time(bar, step)
            length = self.bass_legato * (self.time(bar, end) - start)
            notes.append(Note(start, length, pitch, rng.uniform(0.65, 0.95)))
        return notes

    def _walk(self, rng: np.random.Generator, bar: int) -> list[tuple[int, int]]:
        """Return one note per beat: root, chord tones, and a final step from below or above."""
        root = self.chord(bar)[0]
        tones = [(tone - root) % 12 for tone in self.chord(bar)[1:]]
        events = [(0, 0)]
        events += [(4 * beat, int(rng.choice(tones))) for beat in range(1, self.beats - 1)]
        following = self.chord(min(bar + 1, len(self.bars) - 1))[0]
        here = self.chord(bar, self.steps - 4)[0]
        return [*events, (self.steps - 4, (following - here) % 12 + int(rng.choice([-1, 1])))]

    def melody(self, bar: int, lowest: int, highest: int) -> list[Note]:
        """Return the sung notes of the two bars from ``bar`` on; rhythm and contour recur."""
        motif = self.rng(0, list(PRESENCE).index(self.bars[bar].section), bar // 2 % 2)
        rest = self.rng(0, bar).random() < 0.08
        total = 2 * self.steps
        step = int(motif.choice([0, 0, 2, 4]))
        end = total - int(motif.integers(1, self.steps // 2))
        place = motif.uniform(0.3, 0.7)
        notes: list[Note] = []
        while step < end and not rest:
            length = min(int(motif.choice(SUNG_STEPS)), total - step)
            if end - step - length < 2:
                length = min(max(length, int(motif.integers(2, 7))), total - step)
            place = float(np.clip(place + motif.normal(0.0, 0.16), 0.0, 1.0))
            pitch = self._singable(lowest + place * (highest - lowest), bar, step)
            start = self.time(bar + step // self.steps, step % self.steps)
            later = step + length
            stop = self.time(bar + later // self.steps, later % self.steps)
            notes.append(Note(start, stop - start, pitch, motif.uniform(0.6, 1.0)))
            step = later + int(motif.choice([0, 0, 0, 1, 2]))
        return notes

    def _singable(self, wanted: float, bar: int, step: int) -> int:
        """Return the nearest tone of the scale, or on beats of the chord."""
        inner = step % self.steps
        if inner % 4 == 0:
            tones = self.chord(min(bar + step // self.steps, len(self.bars) - 1), inner)
        else:
            tones = tuple((self.root + tone) % 12 for tone in self.scale)
        return min(
            range(round(wanted) - 6, round(wanted) + 7),
            key=lambda pitch: (pitch % 12 not in tones, abs(pitch - wanted)),
        )
