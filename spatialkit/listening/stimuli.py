"""Stimuli of listening tests: rendering, alignment in time, fades, equal loudness, encoding."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from spatialkit.audio import Audio
from spatialkit.errors import LayoutError, OptionError, ShapeError, SignalError
from spatialkit.files import info, read, resample, write
from spatialkit.layouts import Layout, get_layout
from spatialkit.listening.anchors import make_anchor
from spatialkit.metrics import loudness, true_peak
from spatialkit.rendering import render
from spatialkit.typing import StrPath
from spatialkit.validation import (
    as_audio,
    as_choice,
    as_count,
    as_number,
    as_sample_rate,
    require_finite,
)

__all__ = ["LOUDNESS_TOLERANCE", "Source", "Stimulus", "StimulusOptions", "equalize", "prepare"]

Source: TypeAlias = "StrPath | Audio[Any]"
Playback = Literal["headphones", "loudspeakers", "stereo"]

LOUDNESS_TOLERANCE = 0.1
"""Largest difference of the loudness of two stimuli of a test in LU."""

MAX_CHANNELS = 8
MIN_SECONDS, MAX_SECONDS = 0.5, 120.0
MAX_TRUE_PEAK_DB = -1.0
# Delays between the stimuli of an item that are found and removed.
MAX_DELAY = 0.1
# Differences of paths to both ears are no delays of a stimulus rendered for headphones.
MIN_RENDERED_DELAY = 1e-3
# Least correlation at which a delay is believed, and its least excess over that without delay.
MIN_CORRELATION = 0.3
MIN_IMPROVEMENT = 1.2
# Largest difference of the lengths of the stimuli of an item in seconds, after alignment.
MAX_LENGTH_DIFFERENCE = 0.1


@dataclass(frozen=True, kw_only=True)
class StimulusOptions:
    """Preparation of the stimuli of a listening test.

    Parameters
    ----------
    playback : {"headphones", "loudspeakers", "stereo"}
        "headphones": every stimulus is rendered with one HRTF. "loudspeakers": at most 8 channels
        of ``layout`` are played as they are. "stereo": two channels are played as they are, such as
        files that are binaural already.
    layout : str or Layout, optional
        Loudspeakers to which stimuli are rendered; by default that of the stimuli. For headphones
        these loudspeakers are virtual.
    hrtf : str or path
        As in `spatialkit.binaural.read_hrtf`.
    start : float
        Start of the excerpt in each source in seconds.
    duration : float
        Length of the excerpt in seconds, 0.5 to 120; a shorter source is used up to its end. ITU-R
        BS.1534-3 recommends about 10 s and at most 12 s.
    sample_rate : int
        Hz, 8000 to 192000. Sources at other rates are resampled.
    loudness : float
        Loudness of all stimuli in LUFS, -40 to -10. It is lowered for all of them if the true peak
        of one exceeded -1 dBTP.
    align : bool
        Find and remove delays up to 0.1 s between the stimuli of an item; for headphones from 1 ms,
        as directions differ by less.
    fade : float
        Length of the raised-cosine fades at both ends in seconds, 0 to 1.
    bit_depth : {16, 24}
        Word length of the encoded stimuli; 16 bits are dithered.

    Raises
    ------
    OptionError, LayoutError
        If a value is not accepted.
    """

    playback: Playback = "headphones"
    layout: str | Layout | None = None
    hrtf: StrPath = "ku100"
    start: float = 0.0
    duration: float = 10.0
    sample_rate: int = 48000
    loudness: float = -23.0
    align: bool = True
    fade: float = 0.02
    bit_depth: int = 16

    def __post_init__(self) -> None:
        kinds = ("headphones", "loudspeakers", "stereo")
        checked = {
            "playback": as_choice(self.playback, "playback", kinds),
            "layout": None if self.layout is None else get_layout(self.layout),
            "start": as_number(self.start, "start", minimum=0.0, unit="s"),
            "duration": as_number(
                self.duration, "duration", minimum=MIN_SECONDS, maximum=MAX_SECONDS, unit="s"
            ),
            "sample_rate": as_sample_rate(self.sample_rate, minimum=8000, maximum=192000),
            "loudness": as_number(
                self.loudness, "loudness", minimum=-40.0, maximum=-10.0, unit="LUFS"
            ),
            "fade": as_number(self.fade, "fade", minimum=0.0, maximum=1.0, unit="s"),
        }
        if as_count(self.bit_depth, "bit_depth") not in (16, 24):
            raise OptionError(f"bit_depth must be 16 or 24, got {self.bit_depth}")
        if self.playback == "stereo" and self.layout is not None:
            raise OptionError("layout has no effect with playback 'stereo'; omit it")
        for name, value in checked.items():
            object.__setattr__(self, name, value)


@dataclass(frozen=True, eq=False)
class Stimulus:
    """Stimulus of a listening test.

    Attributes
    ----------
    samples : ndarray of float64, shape (channels, samples)
    sample_rate : int
        Hz.
    layout : Layout
        Layout of the channels; stereo for headphones.
    facts : dict
        How it was prepared: "source" (a file name without its folder), "delay" in samples,
        "gain_db", "loudness" in LUFS, "true_peak" in dBTP, and "resampled_from" in Hz where that
        applies.
    """

    samples: NDArray[np.float64]
    sample_rate: int
    layout: Layout
    facts: dict[str, Any]

    def encode(self, bit_depth: int, kind: str = ".flac", seed: int = 0) -> bytes:
        """Return the content of a file of the kind ".flac" or ".wav"."""
        dither: Any = "tpdf" if bit_depth == 16 else None
        with tempfile.TemporaryDirectory(prefix="spatialkit-") as folder:
            path = Path(folder, f"stimulus{kind}")
            write(
                path,
                self.samples,
                self.sample_rate,
                format=self.layout,
                subtype=f"PCM_{bit_depth}",  # type: ignore[arg-type]
                dither=dither,
                seed=seed,
            )
            return path.read_bytes()


def prepare(
    item: str, sources: Mapping[str, Source], options: StimulusOptions, anchors: Sequence[str] = ()
) -> dict[str, Stimulus]:
    """Return the stimuli of an item by condition: rendered, aligned, faded, not yet equally loud.

    Parameters
    ----------
    item : str
        Name of the item, for errors.
    sources : mapping of str to (path or Audio)
        File or audio of each condition; delays are relative to the first one.
    options : StimulusOptions
    anchors : sequence of str
        Names of anchors, which are made from the first source.

    Returns
    -------
    dict of str to Stimulus

    Raises
    ------
    OptionError
        If the sources differ in length or an excerpt exceeds its source.
    ShapeError, SignalError, LayoutError, AudioFileError
        If a source cannot be used.
    """
    names = {name: f"{name} of item {item!r}" for name in sources}
    loaded = {name: _load(source, options, names[name]) for name, source in sources.items()}
    first, facts = next(iter(loaded.values()))
    loaded |= {name: (make_anchor(first, name), {**facts, "source": name}) for name in anchors}
    stimuli = {
        name: _render(each, options, f"{name} of item {item!r}") for name, each in loaded.items()
    }
    formats = {stimulus.layout.name for stimulus in stimuli.values()}
    if len(formats) > 1:
        raise LayoutError(
            f"item {item!r} has stimuli in {', '.join(sorted(formats))}; specify layout, to which "
            "all of them are rendered"
        )
    return _cut(item, stimuli, options)


def equalize(
    stimuli: Mapping[Any, Stimulus], target: float, names: Mapping[Any, str]
) -> dict[Any, Stimulus]:
    """Return stimuli of equal loudness (ITU-R BS.1770-5).

    Parameters
    ----------
    stimuli : mapping of Stimulus
        Stimuli by any key.
    target : float
        Loudness in LUFS. All stimuli are as much lower as one of them needs to stay below a true
        peak of -1 dBTP.
    names : mapping of str
        Names for errors.

    Raises
    ------
    SignalError
        If a stimulus is silent.
    """
    levels, peaks = {}, {}
    for key, stimulus in stimuli.items():
        levels[key] = float(loudness(stimulus.samples, stimulus.layout, stimulus.sample_rate))
        if not math.isfinite(levels[key]):
            raise SignalError(
                f"{names[key]} is silent (below -70 LUFS) in its excerpt; choose another start"
            )
        peaks[key] = float(np.max(true_peak(stimulus.samples, stimulus.sample_rate)))
    excess = max(peaks[key] + target - levels[key] for key in stimuli) - MAX_TRUE_PEAK_DB
    target -= max(excess, 0.0)
    result = {}
    for key, stimulus in stimuli.items():
        gain = target - levels[key]
        facts = {
            **stimulus.facts,
            "gain_db": round(gain, 3),
            "loudness": round(target, 3),
            "true_peak": round(peaks[key] + gain, 2),
        }
        samples = stimulus.samples * 10.0 ** (gain / 20.0)
        result[key] = replace(stimulus, samples=samples, facts=facts)
    return result


def _load(source: Source, options: StimulusOptions, name: str) -> tuple[Audio[Any], dict[str, Any]]:
    """Return the excerpt of a source at the sample rate of the test, with facts about it."""
    wanted = options.duration + (MAX_DELAY if options.align else 0.0)
    if isinstance(source, Audio):
        as_audio(source.samples, name)
        rate = source.sample_rate
        first = round(options.start * rate)
        samples = source.samples[..., first : first + round(wanted * rate)]
        format = source.format
        facts: dict[str, Any] = {"source": "array"}
    elif isinstance(source, str | os.PathLike):
        header = info(source)
        rate, first = header.sample_rate, round(options.start * header.sample_rate)
        if first >= header.samples:
            raise OptionError(f"{name} has {header.duration:.2f} s, start is {options.start:g} s")
        stop = min(first + round(wanted * rate), header.samples)
        excerpt = read(source, dtype="float64", start=first, stop=stop)
        samples, format, facts = excerpt.samples, excerpt.format, {"source": Path(source).name}
    else:
        raise OptionError(f"{name} must be a path or an Audio, got {type(source).__name__}")
    if samples.ndim != 2:
        raise ShapeError(f"{name} must have shape (channels, samples), got {samples.shape}")
    if samples.shape[1] < MIN_SECONDS * rate:
        raise OptionError(
            f"{name} has {samples.shape[1] / rate:.2f} s after start={options.start:g} s; at least "
            f"{MIN_SECONDS:g} s are needed"
        )
    require_finite(samples, name)
    samples = samples.astype(np.float64)
    if rate != options.sample_rate:
        samples = resample(samples, rate, options.sample_rate)
        facts["resampled_from"] = rate
    if format is None:
        count = len(samples)
        known = {1: "mono", 2: "stereo"}
        if count not in known:
            raise LayoutError(
                f"{name} has {count} channels without a format; pass an Audio with a format, or "
                "write the file with one"
            )
        format = get_layout(known[count])
    return Audio(samples, options.sample_rate, format), facts


def _render(
    loaded: tuple[Audio[Any], dict[str, Any]], options: StimulusOptions, name: str
) -> Stimulus:
    """Return a stimulus in the channels of the test."""
    audio, facts = loaded
    rate = audio.sample_rate
    if options.playback == "stereo":
        if len(audio.samples) != 2:
            raise ShapeError(
                f"{name} has {len(audio.samples)} channels; playback 'stereo' needs 2: choose "
                "'headphones' to render it"
            )
        return Stimulus(audio.samples, rate, get_layout("stereo"), facts)
    if options.layout is not None and audio.format != options.layout:
        target = get_layout(options.layout)
        audio = Audio(render(audio, target=target), rate, target)
        facts["rendered_to"] = target.name
    if options.playback == "headphones":
        samples = render(audio, target="binaural", hrtf=options.hrtf)
        facts["rendered_from"] = audio.format.name if audio.format else ""
        return Stimulus(samples, rate, get_layout("stereo"), facts)
    if not isinstance(audio.format, Layout):
        raise LayoutError(f"{name} is Ambisonics; specify layout, to which it is decoded")
    if audio.format.n_channels > MAX_CHANNELS:
        raise LayoutError(
            f"{name} has {audio.format.n_channels} channels ({audio.format.name!r}); browsers play "
            f"at most {MAX_CHANNELS}: specify layout, such as layout='5.1', or use headphones"
        )
    return Stimulus(audio.samples, rate, audio.format, facts)


def _cut(item: str, stimuli: dict[str, Stimulus], options: StimulusOptions) -> dict[str, Stimulus]:
    """Return stimuli that start at the same time, have the same length, and are faded."""
    rate = options.sample_rate
    first = next(iter(stimuli.values()))
    limit = round(MAX_DELAY * rate)
    delays = dict.fromkeys(stimuli, 0)
    if options.align:
        shortest = round(MIN_RENDERED_DELAY * rate) if options.playback == "headphones" else 1
        delays = {name: _delay(first, each, limit) for name, each in stimuli.items()}
        delays = {name: own if abs(own) >= shortest else 0 for name, own in delays.items()}
    earliest = min(delays.values())
    rest = {name: each.samples.shape[1] - delays[name] for name, each in stimuli.items()}
    length = min(min(rest.values()) + earliest, round(options.duration * rate))
    longest = min(max(rest.values()) + earliest, round(options.duration * rate))
    if longest - length > MAX_LENGTH_DIFFERENCE * rate:
        short = min(rest, key=lambda name: rest[name])
        raise OptionError(
            f"the stimuli of item {item!r} differ in length: {short} has {length / rate:.2f} s, "
            f"another one {longest / rate:.2f} s; specify a duration that all of them have"
        )
    window = _fades(length, min(round(options.fade * rate), length // 2))
    result = {}
    for name, stimulus in stimuli.items():
        begin = delays[name] - earliest
        samples = stimulus.samples[:, begin : begin + length] * window
        facts = {**stimulus.facts, "delay": delays[name]}
        result[name] = replace(stimulus, samples=samples, facts=facts)
    return result


def _delay(reference: Stimulus, stimulus: Stimulus, limit: int) -> int:
    """Return the delay of a stimulus in samples, 0 where there is none or it is not clear."""
    if stimulus is reference:
        return 0
    # Differences of samples emphasize transients, whose delay is unambiguous.
    first, second = (np.diff(each.samples.sum(axis=0)) for each in (reference, stimulus))
    size = 1 << (max(len(first), len(second)) + limit).bit_length()
    cross = np.fft.irfft(np.fft.rfft(second, size) * np.fft.rfft(first, size).conj(), size)
    lags = np.concatenate([cross[-limit:], cross[: limit + 1]])
    power = math.sqrt(float(first @ first) * float(second @ second))
    best = int(np.argmax(lags))
    if power == 0.0 or lags[best] < MIN_CORRELATION * power:
        return 0
    return best - limit if lags[best] > MIN_IMPROVEMENT * lags[limit] else 0


def _fades(length: int, fade: int) -> NDArray[np.float64]:
    """Return a window (length,) with raised-cosine fades at both ends."""
    window = np.ones(length)
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / max(fade, 1))
    window[:fade] = ramp
    window[length - fade :] *= ramp[::-1]
    return window
