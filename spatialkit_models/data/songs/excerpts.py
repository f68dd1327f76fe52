"""Excerpts of stems for training: drawn from songs, mixed across songs, varied.

Every excerpt is a pure function of the seed and its number, so that training resumes and workers
share nothing. Songs are read in pieces, each a little longer than an excerpt, that serve several
excerpts of neighbouring numbers: decoding, resampling and equalizing are paid once for all.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import OptionError, SignalError
from spatialkit.validation import as_choice, as_count, as_number
from spatialkit_models.data.procedural import Procedural
from spatialkit_models.data.songs.augmentation import Augmentation, equalize
from spatialkit_models.data.songs.library import Song, find_songs, split_songs
from spatialkit_models.stem_names import SPLITS, STEMS

__all__ = ["Augmentation", "Song", "StemExcerpts", "find_songs", "split_songs"]

# A stem sounds if its mean square in the excerpt is above this: -50 dB of full scale.
SILENCE = 1e-5
# Draws of an excerpt before the best of them is taken, and before giving up if nothing sounds.
ATTEMPTS = 24
MOST_ATTEMPTS = 200
# Pieces that are drawn beyond the pool in search of another song.
OWN_PIECES = 16
# Samples of a block whose energy is kept, so that silence is found without looking again.
BLOCK = 64
# Seconds before a piece, for filters to settle in.
RUN_IN = 0.05
# First numbers of what random generators are made from, so that no two draws coincide.
POOLED, OWN, EXCERPT = range(3)


class Readable(Protocol):
    """What `Song` and procedural songs have in common."""

    @property
    def name(self) -> str: ...

    @property
    def duration(self) -> float: ...

    def read(
        self, stem: str, start: float, samples: int, sample_rate: float, *, stereo: bool = False
    ) -> NDArray[np.float32]: ...


class _Folder:
    """Songs of a folder that are of one split, drawn in proportion to their length."""

    def __init__(self, songs: Sequence[Song]) -> None:
        self.songs = songs
        ends = np.cumsum([song.duration for song in songs])
        self.ends = ends / ends[-1]

    def draw(self, rng: np.random.Generator) -> Readable:
        return self.songs[int(np.searchsorted(self.ends, rng.random(), side="right"))]


class _Endless:
    """Procedural songs of one split."""

    def __init__(self, source: Procedural, split: str) -> None:
        self.source, self.split = source, split

    def draw(self, rng: np.random.Generator) -> Readable:
        return self.source.draw(rng, self.split)


@dataclass(frozen=True, eq=False)
class _Piece:
    """A stretch of a song as it will sound."""

    key: tuple[int, int, int]
    song: Readable
    start: float
    speed: float
    samples: int
    equalizers: tuple[NDArray[np.float32] | None, ...]


@dataclass(frozen=True, eq=False)
class _Take:
    """A stem of a piece, and the energy before each of its blocks."""

    audio: NDArray[np.float32]
    energy: NDArray[np.float64]


class StemExcerpts:
    """Endless excerpts of four stems, by number.

    Parameters
    ----------
    roots : sequence of (path or Procedural, weight)
        Folders of songs (see `find_songs`), ``Procedural()`` or its short name "procedural"; and
        how often to draw from each, in proportion to the sum. A root without songs of this split
        is left out.
    split : {"train", "valid", "test"}
        Which songs: see `split_songs`.
    seconds : float
        Length of an excerpt, at least 0.05.
    sample_rate : int
        Hz, at least 8000. Files of other rates are converted.
    seed : int
        At least 0.
    coherent : float
        Share of excerpts whose stems are of one song at one time, 0 to 1. In the others each stem
        is of another song, as far as there are enough.
    least_sounding : int
        How many stems have to sound (-50 dBFS or more on average), 1 to 4: if songs rarely allow
        it, the best of some draws is taken.
    augmentation : Augmentation
        Applied in split "train" only.
    splits : mapping of str to str, optional
        Parts of songs by name, such as ``{"francium": "test"}``, before any other rule.
    pool : int
        From how many pieces of songs neighbouring excerpts are drawn. More mix more songs within
        a batch, and hold more memory (2 MB each at 44.1 kHz and 12 s, four times).
    piece_seconds : float
        Length of a piece, at least that of an excerpt.
    reuse : float
        How often a second of sound is used on average before its piece leaves the pool. More
        saves time: reading takes about 1/reuse.
    stereo : bool
        Whether stems have two channels, as in their files, or one, the mean of these.

    Raises
    ------
    AudioFileError
        If a folder holds no songs or a file cannot be read.
    OptionError
        If an argument is out of range, or no root has a song of this split.

    Notes
    -----
    Pieces follow the excerpts' numbers: excerpts far apart share none. Where several workers read,
    each should take a far stretch of numbers of its own, or each decodes what all others decode.

    Examples
    --------
    >>> excerpts = StemExcerpts([("procedural", 1.0)], "train", 0.5, sample_rate=8000)
    >>> excerpts.excerpt(7).shape
    (4, 4000)
    """

    def __init__(
        self,
        roots: Sequence[tuple[str | os.PathLike[str] | Procedural, float]],
        split: str,
        seconds: float,
        sample_rate: int = 44100,
        seed: int = 0,
        coherent: float = 0.6,
        least_sounding: int = 1,
        augmentation: Augmentation = Augmentation(),  # noqa: B008 - frozen
        *,
        splits: Mapping[str, str] | None = None,
        pool: int = 12,
        piece_seconds: float = 12.0,
        reuse: float = 8.0,
        stereo: bool = False,
    ) -> None:
        self.split = as_choice(split, "split", SPLITS)
        self.sample_rate = as_count(sample_rate, "sample_rate", minimum=8000)
        self.seconds = as_number(seconds, "seconds", minimum=0.05)
        self.samples = round(self.seconds * self.sample_rate)
        self.seed = as_count(seed, "seed", minimum=0)
        self.coherent = as_number(coherent, "coherent", minimum=0.0, maximum=1.0)
        self.least_sounding = as_count(least_sounding, "least_sounding", maximum=len(STEMS))
        self.augmentation = augmentation if split == "train" else None
        self.stereo = stereo
        self._pool = as_count(pool, "pool")
        self._piece_samples = max(
            self.samples, round(as_number(piece_seconds, "piece_seconds") * self.sample_rate)
        )
        reuse = as_number(reuse, "reuse", minimum=0.1)
        self._step = max(1, round(reuse * self._piece_samples / self.samples))
        self._roots, self._shares = _open_roots(roots, split, splits)
        self._pieces: OrderedDict[tuple[int, int, int], _Piece] = OrderedDict()
        self._takes: OrderedDict[tuple[int, int, int, int], _Take] = OrderedDict()

    def excerpt(self, index: int, *, other_than: int | None = None) -> NDArray[np.float32]:
        """Make one excerpt.

        Parameters
        ----------
        index : int
            At least 0.
        other_than : int, optional
            Number of another excerpt: its songs are not used, if there are others.

        Returns
        -------
        ndarray of float32, shape (4, samples) or, of stereo, (4, 2, samples)
            Vocals, drums, bass, other.

        Raises
        ------
        SignalError
            If no stem sounds in any of many draws.
        """
        excluded = () if other_than is None else self.songs(other_than)
        pieces, starts, gains = self._choose(index, excluded)
        sides = (2,) if self.stereo else ()
        stems = np.empty((len(STEMS), *sides, self.samples), np.float32)
        for row, (piece, start) in enumerate(zip(pieces, starts, strict=True)):
            audio = self._take(piece, row).audio[..., start : start + self.samples]
            np.multiply(audio, gains[row], out=stems[row])
        return stems

    def songs(self, index: int, *, other_than: int | None = None) -> tuple[str, ...]:
        """Names of the songs that the four stems of an excerpt come from."""
        excluded = () if other_than is None else self.songs(other_than)
        return tuple(piece.song.name for piece in self._choose(index, excluded)[0])

    def _choose(
        self, index: int, excluded: Collection[str]
    ) -> tuple[list[_Piece], list[int], NDArray[np.float32]]:
        """Draw a piece, the first sample in it and a gain for each stem."""
        index = as_count(index, "index", minimum=0)
        rng = np.random.default_rng([self.seed, EXCERPT, index])
        coherent = rng.random() < self.coherent
        best, most = None, 0
        for attempt in range(MOST_ATTEMPTS):
            pieces = self._draw_pieces(rng, index, coherent, excluded)
            first = int(rng.integers(max(0, pieces[0].samples - self.samples) + 1))
            starts = [
                first if coherent else int(rng.integers(max(0, piece.samples - self.samples) + 1))
                for piece in pieces
            ]
            sounding = sum(
                self._sounds(piece, row, start)
                for row, (piece, start) in enumerate(zip(pieces, starts, strict=True))
            )
            if sounding > most:
                best, most = (pieces, starts), sounding
            if most >= self.least_sounding or (most and attempt >= ATTEMPTS):
                break
        if best is None:
            names = sorted({piece.song.name for piece in pieces})
            raise SignalError(
                f"no stem sounds above -50 dBFS in {MOST_ATTEMPTS} draws of excerpt {index}, the "
                f"last from {', '.join(names)}: are the stems silent?"
            )
        if self.augmentation is None:
            return *best, np.ones(len(STEMS), np.float32)
        return *best, self.augmentation.draw_gains(rng, len(STEMS))

    def _draw_pieces(
        self, rng: np.random.Generator, index: int, coherent: bool, excluded: Collection[str]
    ) -> list[_Piece]:
        """One piece for all stems, or one for each, of songs that differ if they can."""
        newest = index // self._step + self._pool
        numbers = newest - rng.permutation(self._pool)
        pieces = [self._piece((POOLED, int(number), 0)) for number in numbers]
        allowed = [piece for piece in pieces if piece.song.name not in excluded]
        if not allowed:
            # The pool holds one song: look at pieces for this excerpt alone.
            own = (self._piece((OWN, index, number)) for number in range(OWN_PIECES))
            allowed = [piece for piece in own if piece.song.name not in excluded] or pieces
        distinct = list({piece.song.name: piece for piece in allowed}.values())
        return distinct[:1] * len(STEMS) if coherent else (distinct * len(STEMS))[: len(STEMS)]

    def _piece(self, key: tuple[int, int, int]) -> _Piece:
        """Draw a piece: what of which song, how fast, how equalized."""
        if key in self._pieces:
            self._pieces.move_to_end(key)
            return self._pieces[key]
        rng = np.random.default_rng([self.seed, *key])
        root = self._roots[int(np.searchsorted(self._shares, rng.random(), side="right"))]
        song, augmentation = root.draw(rng), self.augmentation
        speed = augmentation.draw_speed(rng) if augmentation else 1.0
        heard = song.duration / speed
        seconds = self._piece_samples / self.sample_rate
        piece = _Piece(
            key,
            song,
            rng.uniform(0.0, max(0.0, heard - seconds)) * speed,
            speed,
            round(min(heard, seconds) * self.sample_rate),
            tuple(
                augmentation.draw_equalizer(rng, self.sample_rate) if augmentation else None
                for _ in STEMS
            ),
        )
        _remember(self._pieces, key, piece, 4 * self._pool)
        return piece

    def _take(self, piece: _Piece, row: int) -> _Take:
        """A stem of a piece, read and prepared if it is not at hand."""
        key = (*piece.key, row)
        if key in self._takes:
            self._takes.move_to_end(key)
        else:
            audio = self._prepare(piece, row)
            power = np.square(audio).reshape(-1, audio.shape[-1]).mean(0)
            blocks = np.add.reduceat(power, np.arange(0, len(power), BLOCK))
            energy = np.append(0.0, np.cumsum(blocks, dtype=np.float64))
            _remember(self._takes, key, _Take(audio, energy), len(STEMS) * (self._pool + 2))
        return self._takes[key]

    def _prepare(self, piece: _Piece, row: int) -> NDArray[np.float32]:
        """Read a stem of a piece at its speed, and equalize it."""
        run_in = round(RUN_IN * self.sample_rate)
        audio = piece.song.read(
            STEMS[row],
            piece.start - run_in / self.sample_rate * piece.speed,
            run_in + self._piece_samples,
            self.sample_rate / piece.speed,
            stereo=self.stereo,
        )
        equalizer = piece.equalizers[row]
        if equalizer is not None:
            audio = equalize(audio, equalizer)
        return audio[..., run_in:]

    def _sounds(self, piece: _Piece, row: int, start: int) -> bool:
        """Whether an excerpt's mean square is above `SILENCE`, by the blocks that lie in it."""
        energy = self._take(piece, row).energy
        inside = energy[(start + self.samples) // BLOCK] - energy[-(-start // BLOCK)]
        return bool(inside > SILENCE * self.samples)


def _remember(store: OrderedDict[Any, Any], key: Any, value: Any, most: int) -> None:
    """Keep what was used last; what falls out is made again, the same, when it is needed."""
    store[key] = value
    if len(store) > most:
        store.popitem(last=False)


def _open_roots(
    roots: Sequence[tuple[str | os.PathLike[str] | Procedural, float]],
    split: str,
    splits: Mapping[str, str] | None,
) -> tuple[list[_Folder | _Endless], NDArray[np.float64]]:
    """Roots that have songs of this split, and the ends of their shares of 1."""
    opened: list[_Folder | _Endless] = []
    weights = []
    names = set()
    for entry in roots:
        if not isinstance(entry, tuple) or len(entry) != 2:
            raise OptionError(
                f'roots must be pairs (folder, Procedural() or "procedural"; weight), got {entry!r}'
            )
        root, weight = entry
        weight = as_number(weight, f"weight of {root}", minimum=0.0)
        if isinstance(root, Procedural) or root == "procedural":
            source = root if isinstance(root, Procedural) else Procedural()
            opened.append(_Endless(source, split))
            weights.append(weight)
            continue
        songs = find_songs(root)
        names |= {song.name for song in songs}
        chosen = split_songs(songs, split, splits=splits)
        if chosen:
            opened.append(_Folder(chosen))
            weights.append(weight)
    for name in splits or ():
        # A typing error here would train on what is held out.
        if name not in names:
            raise OptionError(f"splits names {name!r}, but no song in the roots is called so")
    if not sum(weights):
        given = ", ".join(str(entry[0]) for entry in roots) or "none"
        raise OptionError(
            f"no root with a weight above 0 has a song for split {split!r}; roots: {given}. Put "
            f"songs into a folder called {split}, say which they are, or ask for another split"
        )
    ends = np.cumsum(weights)
    return opened, ends / ends[-1]
