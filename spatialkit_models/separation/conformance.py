"""Conformance test of separators, built-in or not."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import SpatialkitError
from spatialkit.plugins import CheckResult, global_random_state, option_values, run_checks
from spatialkit_models.separation.interface import Separator, SeparatorError
from spatialkit_models.separation.registry import check_declaration

__all__ = ["check_separator"]

ANY_RATE = 44100  # hertz; for separators without a native rate
OTHER_RATES = (48000, 32000)
SAMPLES = (1, 100)
# Window and overlap in seconds during the check: several windows of short audio.
WINDOW, OVERLAP = 1.0, 0.4
BLOCKS = (1, 7, 0, 4801, 30000)
# The sum of stems is rounded to float32 once per stem, 2**-24 of it.
SUM_TOLERANCE = 1e-6
# Energy of a stem relative to the song below which it is rounding only.
MIN_ENERGY = 1e-10
# Networks may sum in another order for another batch or memory alignment.
SAME_TOLERANCE = 1e-5


def check_separator(
    separator: Separator,
    audio: NDArray[Any] | None = None,
    sample_rate: int | None = None,
    *,
    raise_on_failure: bool = True,
) -> tuple[CheckResult, ...]:
    """Check that a separator conforms to the interface `Separator`.

    Errors:

    - name, rate, stems, window, version or options are declared wrongly;
    - mono and stereo of any length, of 0 samples and 1 sample too, must be accepted, at the native
      and at other rates; the stems must have the shape (stems, channels, samples), the data type of
      the input, finite values and memory of their own, and be the same each time;
    - the sum of the stems must be the input, sample by sample;
    - the stems must be aligned with the input: no stem may be a delayed copy of it;
    - silence must give silence; the input and NumPy's global random state must stay unchanged;
    - the windows of a song, cross-faded, and the blocks of a stream must equal the separation of
      the whole song;
    - other channel counts, arrays with three axes or frames first, integers, NaN and impossible
      rates must raise a `SpatialkitError`;
    - the separator can be made again from its options.

    Parameters
    ----------
    separator : Separator
    audio : ndarray of float, shape (2, samples), optional
        Song that the separator accepts, if it accepts only one, as "folder" does: checks that need
        other signals are left out. By default noise in bursts.
    sample_rate : int, optional
        Sample rate of ``audio`` in Hz.
    raise_on_failure : bool
        True to raise an error for the first failed check, False to run all checks and only return
        their results.

    Returns
    -------
    tuple of CheckResult
        One result per check.

    Raises
    ------
    SeparatorError
        If a check fails and ``raise_on_failure`` is True.
    """
    rate = sample_rate or separator.sample_rate or ANY_RATE
    song = _song(rate) if audio is None else audio
    checks = _Checks(separator, song, rate, any_song=audio is None)
    return run_checks(
        checks.named(),
        SeparatorError,
        raise_on_failure=raise_on_failure,
        required=("declaration", "stems"),
    )


def _song(rate: int) -> NDArray[np.float32]:
    """Return stereo noise in bursts, different in both channels, of three windows."""
    samples = round((3 * WINDOW - 2 * OVERLAP) * rate)
    noise = np.random.default_rng(1).standard_normal((2, samples))
    envelope = np.square(np.sin(np.pi * 2.5 * np.arange(samples) / rate))
    return (0.1 * envelope * (noise + 0.5 * noise[::-1])).astype(np.float32)


class _Checks:
    """Checks of one separator with one song."""

    def __init__(
        self, separator: Separator, song: NDArray[Any], rate: int, *, any_song: bool
    ) -> None:
        self.separator, self.song, self.rate = separator, song, rate
        self.mono = song.mean(axis=0, keepdims=True)
        self.any_song = any_song

    def named(self) -> Iterator[tuple[str, Callable[[], str | None]]]:
        yield "declaration", partial(check_declaration, self.separator)
        # Short windows, so that a short song has several of them.
        self.separator = copy.copy(self.separator)
        if self.separator.window is not None:
            self.separator.window, self.separator.overlap = WINDOW, OVERLAP
        yield "stems", self.stems  # the other checks compare with these
        yield "sum", self.sum
        yield "same stems each time", self.repeated
        if self.any_song:
            yield "any length", self.lengths
            yield "other rates", self.other_rates
            yield "alignment", self.alignment
        yield "silence", self.silence
        yield "windows", self.windows
        yield "stream", self.stream
        yield "invalid input", self.refusals
        yield "made again from its options", self.remade

    def require(self, condition: Any, rule: str) -> None:
        if not condition:
            raise SeparatorError(f"separator {self.separator.name!r}: {rule}")

    def separate(self, audio: NDArray[Any], rate: int | None = None) -> NDArray[Any]:
        """Separate valid audio: whatever is raised breaks the contract."""
        given = audio.copy()
        try:
            stems = self.separator.separate(given, rate or self.rate)
        except SeparatorError:
            raise
        except Exception as error:
            raise SeparatorError(
                f"separator {self.separator.name!r}: valid audio {audio.dtype} of shape "
                f"{audio.shape} must be accepted, it raised {type(error).__name__}: {error}"
            ) from error
        self.require(np.array_equal(given, audio), "separate changed its input in place")
        expected = (len(self.separator.stems), *np.atleast_2d(audio).shape)
        self.require(
            isinstance(stems, np.ndarray) and stems.shape == expected,
            f"the stems must have shape (stems, channels, samples), {expected}, "
            f"got {np.shape(stems)}",
        )
        self.require(
            stems.dtype == audio.dtype,
            f"the stems must keep the dtype {audio.dtype}, got {stems.dtype}",
        )
        self.require(np.isfinite(stems).all(), "the stems must be finite")
        self.require(
            not np.may_share_memory(stems, given), "the stems must not share memory with the input"
        )
        return stems

    def stems(self) -> None:
        state = global_random_state()
        self.separate(self.song[:, :1000].astype(np.float64)) if self.any_song else None
        self.whole = [self.separate(audio) for audio in (self.song, self.mono)]
        self.require(
            state == global_random_state(),
            "it must use a generator of its own, not NumPy's global random state",
        )

    def sum(self) -> None:
        for audio, stems in zip((self.song, self.mono), self.whole, strict=True):
            self._check_sum(audio, stems)

    def _check_sum(self, audio: NDArray[Any], stems: NDArray[Any]) -> None:
        difference = np.abs(stems.sum(axis=0) - audio).max(initial=0.0)
        self.require(
            difference <= SUM_TOLERANCE * max(1.0, np.abs(audio).max(initial=0.0)),
            f"the sum of the stems must be the input, got {difference:.2g} off",
        )

    def repeated(self) -> None:
        self.require(
            np.array_equal(self.whole[0], self.separate(self.song)),
            "the same input must give the same stems",
        )

    def lengths(self) -> None:
        self.separate(self.song[:, :0])
        self.separate(self.mono[:, :0])
        middle = self.song.shape[1] // 5
        for samples in SAMPLES:
            audio = self.song[:, middle : middle + samples]
            self._check_sum(audio, self.separate(audio))

    def other_rates(self) -> None:
        for rate in OTHER_RATES:
            audio = self.song[:, : rate // 2]
            self._check_sum(audio, self.separate(audio, rate))

    def alignment(self) -> None:
        for name, stem in zip(self.separator.stems, self.whole[0], strict=True):
            lag = _lag(self.song, stem)
            self.require(
                lag == 0,
                f"the stem {name!r} must be aligned with the input, it is "
                f"{abs(lag)} samples {'late' if lag > 0 else 'early'}",
            )

    def silence(self) -> None:
        silent = np.zeros_like(self.song)  # as long as the song
        loudest = np.abs(self.separate(silent)).max(initial=0.0)
        self.require(loudest == 0.0, f"silence must stay silence, got a peak of {loudest:.2g}")

    def windows(self) -> None:
        """Compare whole windows with the song where no other window overlaps."""
        whole, window = self.whole[0], self.separator.window
        size = self.song.shape[1] // 2 if window is None else round(window * self.rate)
        shared = 0 if window is None else round(self.separator.overlap * self.rate)
        for start in range(0, self.song.shape[1] - size + 1, size - shared):
            part = self.song[:, start : start + size]
            found = self.separator.separate_window(part, self.rate, start)
            inner = slice(shared, size - shared)
            self._require_same(
                whole[:, :, start : start + size][:, :, inner],
                found[:, :, inner],
                f"separate_window at sample {start} must equal separate",
            )

    def stream(self) -> None:
        for audio, whole in zip((self.song, self.mono), self.whole, strict=True):
            stream = self.separator.stream(self.rate, len(audio))
            parts, start, index = [], 0, 0
            while start < audio.shape[1]:
                size = BLOCKS[index % len(BLOCKS)]
                parts.append(stream.process(audio[:, start : start + size]))
                start, index = start + size, index + 1
            joined = np.concatenate([*parts, stream.flush()], axis=2)
            self.require(
                joined.shape == whole.shape,
                f"a stream's blocks, joined, must have shape {whole.shape}, got {joined.shape}",
            )
            self._require_same(whole, joined, "a stream's blocks, joined, must equal separate")

    def _require_same(self, whole: NDArray[Any], found: NDArray[Any], rule: str) -> None:
        difference = np.abs(whole - found).max(initial=0.0)
        self.require(
            difference <= SAME_TOLERANCE * max(1.0, np.abs(whole).max(initial=0.0)),
            f"{rule}, got {difference:.2g} off",
        )

    def refusals(self) -> None:
        broken = self.song.copy()
        broken[-1, broken.shape[1] // 2] = np.nan
        wrong = {
            "three channels": np.repeat(self.song[:1], 3, axis=0),
            "frames-first audio": self.song.T,
            "three axes": self.song[None],
            "NaN": broken,
            "integers": (32767 * self.song).astype(np.int16),
        }
        for what, audio in wrong.items():
            self._check_refusal(what, audio, self.rate)
        for rate in (0, -48000):
            self._check_refusal(f"a rate of {rate}", self.song, rate)

    def _check_refusal(self, what: str, audio: NDArray[Any], rate: int) -> None:
        try:
            self.separator.separate(audio, rate)
        except SpatialkitError:
            return
        except Exception as error:
            raise SeparatorError(
                f"separator {self.separator.name!r}: {what} must raise a SpatialkitError, it "
                f"raised {type(error).__name__}: {error}"
            ) from error
        raise SeparatorError(
            f"separator {self.separator.name!r}: {what} must raise a SpatialkitError"
        )

    def remade(self) -> None:
        try:
            again = type(self.separator)(**option_values(self.separator))
        except Exception as error:
            raise SeparatorError(
                f"separator {self.separator.name!r}: type(separator)(**option_values(separator)) "
                f"must make the same separator, it raised {type(error).__name__}: {error}"
            ) from error
        same = again.options == self.separator.options and again.version == self.separator.version
        self.require(same, "made again from its options, it must have the same options and version")


def _lag(song: NDArray[Any], stem: NDArray[Any]) -> int:
    """Return by how many samples a stem is late, 0 if it is aligned or unrelated to the song."""
    if np.sum(np.square(stem)) <= MIN_ENERGY * np.sum(np.square(song)):
        return 0
    samples = song.shape[1]
    spectra = np.fft.rfft(stem, 2 * samples) * np.fft.rfft(song, 2 * samples).conj()
    power = np.square(np.fft.irfft(spectra)).sum(axis=0)  # of left and right
    if power.max() <= 2.0 * power[0]:  # stems may be any part of the song
        return 0
    return (int(power.argmax()) + samples) % (2 * samples) - samples
