"""Measurements of a report, and plain advice on unusual values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit import metrics
from spatialkit.downmix import DownmixMeter
from spatialkit.geometry import to_spherical
from spatialkit.layouts import AmbisonicFormat, Format, Layout, get_layout
from spatialkit.plots import channel_labels
from spatialkit.rendering import render

__all__ = [
    "SILENT_DB",
    "ChannelMeasure",
    "Measure",
    "channel_measures",
    "measure",
    "pair_correlations",
]

SURROUND_AZIMUTH = 60.0
MIN_ELEVATION = 10.0
MIN_POWER = 1e-20
BLOCK_SIZE = 1 << 16
SILENT_DB = -120.0
"""Peak in dBFS below which a channel counts as silent."""


@dataclass(frozen=True)
class Measure:
    """Value of a report.

    Parameters
    ----------
    name : str
        Name in JSON.
    title : str
        Name in the table.
    value : float
        NaN where it does not apply.
    unit : str
    original : float
        Value of the original; NaN without one.
    decimals : int
        Digits after the decimal point.
    help : str
        Definition in one sentence.
    """

    name: str
    title: str
    value: float
    unit: str
    original: float = math.nan
    decimals: int = 1
    help: str = ""


@dataclass(frozen=True)
class ChannelMeasure:
    """Level of a channel: RMS and peak in dBFS, -200 for silence."""

    label: str
    rms_db: float
    peak_db: float
    dc_db: float
    is_lfe: bool = False


def channel_measures(audio: NDArray[Any], form: Format) -> list[ChannelMeasure]:
    """Return the level of each channel (channels, samples)."""
    labels = channel_labels(form, len(audio))
    is_lfe = form.is_lfe if isinstance(form, Layout) else np.zeros(len(audio), bool)
    found = []
    powers = channel_powers(audio)
    for label, channel, power, bass in zip(labels, audio, powers, is_lfe, strict=True):
        peak = float(max(channel.max(initial=0.0), -channel.min(initial=0.0)))
        offset = float(np.mean(channel, dtype=np.float64)) if channel.size else 0.0
        found.append(
            ChannelMeasure(
                label, _decibels(power), _decibels(peak**2), _decibels(offset**2), bool(bass)
            )
        )
    return found


def channel_powers(audio: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean square (channels,) of channels (channels, samples)."""
    total = np.zeros(len(audio))
    for start in range(0, audio.shape[1], BLOCK_SIZE):
        block = audio[:, start : start + BLOCK_SIZE].astype(np.float64)
        total += np.einsum("cn,cn->c", block, block)
    return total / max(audio.shape[1], 1)


def pair_correlations(audio: NDArray[Any], form: Format) -> dict[str, float]:
    """Return the correlation of each mirror pair of loudspeakers, by its labels."""
    if not isinstance(form, Layout):
        return {}
    found = {}
    for i in form.loudspeakers:
        if not 0.0 < form.azimuth[i] % 360.0 < 180.0:
            continue
        mirror = np.abs((form.azimuth + form.azimuth[i] + 180.0) % 360.0 - 180.0)
        mirror = mirror + np.abs(form.elevation - form.elevation[i])
        for j in np.flatnonzero(np.nan_to_num(mirror, nan=1e3) < 1.0):
            name = f"{form.labels[i]} {form.labels[j]}"
            found[name] = float(metrics.correlation(audio[[i, j]]))
    return found


def measure(
    audio: NDArray[Any],
    form: Format,
    rate: int,
    original: NDArray[Any] | None,
    ears: NDArray[Any],
    ears_rate: int,
    gain: float = 1.0,
) -> list[Measure]:
    """Measure audio, and compare it with its original.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples)
    form : Layout or AmbisonicFormat
    rate : int
        Hz.
    original : ndarray, shape (1 or 2, samples), optional
        Mono or stereo original at the same rate.
    ears : ndarray, shape (2, samples)
        Version for headphones of the excerpt.
    ears_rate : int
        Its sample rate in Hz.
    gain : float
        Gain of the audio that is undone before its downmix is compared with the original.

    Returns
    -------
    list of Measure
    """
    is_layout = isinstance(form, Layout)
    loud_audio, loud_form = audio, form
    if not isinstance(loud_form, Layout):
        loud_audio, loud_form = render(audio, form, "7.1.4"), get_layout("7.1.4")
    found = [
        Measure(
            *("loudness", "loudness", float(metrics.loudness(loud_audio, loud_form, rate)), "LUFS"),
            _of(original, lambda x: metrics.loudness(x, None, rate)),
            help="Integrated loudness of ITU-R BS.1770-5"
            + ("." if is_layout else ", decoded to 7.1.4."),
        ),
        Measure(
            *("true_peak", "true peak", float(np.max(metrics.true_peak(audio, rate))), "dBTP"),
            _of(original, lambda x: np.max(metrics.true_peak(x, rate))),
            help="Largest value between the samples, of any channel (ITU-R BS.1770-5).",
        ),
    ]
    if original is not None:
        meter = DownmixMeter.find(form, len(original))
        length = min(audio.shape[1], original.shape[1])
        for start in range(0, length, BLOCK_SIZE):
            part = slice(start, min(start + BLOCK_SIZE, length))
            meter.add(audio[:, part] / gain, original[:, part])
        what = "W of the scene" if not is_layout else "ITU-R BS.775 downmix"
        found += [
            Measure(
                *("downmix_snr", "downmix SNR", meter.error_db, "dB"),
                help=f"Level of the original relative to its difference from the {what}.",
            ),
            Measure(
                *("correction", "correction", meter.correction_db, "dB"),
                help="Level of the correction that would make the downmix exact, relative to all "
                "channels.",
            ),
        ]
    if len(audio) >= 2 and is_layout:
        found.append(
            Measure(
                "correlation",
                "correlation of the downmix",
                _of(_downmixed(audio, form), metrics.correlation),
                "",
                _of(original, metrics.correlation),
                decimals=2,
                help="Of left and right: 1 for mono, 0 for unrelated channels, negative if they "
                "cancel in mono.",
            )
        )
    vector = _energy_vector(audio, form)
    length = float(np.linalg.norm(vector))
    azimuth = float(to_spherical(vector)[0]) if length > 1e-6 else math.nan
    found += [
        Measure(
            *("energy_azimuth", "direction of the energy", azimuth, "degrees"),
            decimals=0,
            help="Azimuth of the energy vector (of the intensity for Ambisonics), left is "
            "positive.",
        ),
        Measure(
            *("energy_length", "concentration of the energy", length, ""),
            decimals=2,
            help="Length of that vector: 1 for one direction, 0 for energy from all sides.",
        ),
    ]
    if isinstance(form, Layout):
        found += _level_measures(audio, form)
    stereo = original if original is not None and len(original) == 2 else None
    found += [
        Measure(
            "itd",
            "interaural time difference",
            _of(ears, lambda x: metrics.itd(x, ears_rate)),
            "us",
            _of(stereo, lambda x: metrics.itd(x, rate)),
            decimals=0,
            help="On headphones, positive if the left ear is first; near 0 for a centred mix.",
        ),
        Measure(
            *("ild", "interaural level difference", _balance(ears), "dB", _balance(stereo)),
            help="On headphones, left relative to right; near 0 for a centred mix.",
        ),
    ]
    return found


def _of(audio: NDArray[Any] | None, function: Any) -> float:
    """Return the value of mono or stereo audio; NaN if there is none, or no pair."""
    if audio is None or not audio.size or len(audio) > 2:
        return math.nan
    return (
        math.nan if len(audio) < 2 and function is metrics.correlation else float(function(audio))
    )


def _downmixed(audio: NDArray[Any], form: Format) -> NDArray[Any]:
    return audio if len(audio) == 2 else render(audio, form, "stereo")


def _energy_vector(audio: NDArray[Any], form: Format) -> NDArray[np.float64]:
    if isinstance(form, Layout):
        return np.nan_to_num(metrics.energy_vector(audio, form))
    products = np.zeros(4)
    for start in range(0, audio.shape[1], BLOCK_SIZE):
        part = audio[:, start : start + BLOCK_SIZE].astype(np.float64)
        scene = render(part, form, AmbisonicFormat(1))
        products += scene @ scene[0]
    w, y, z, x = products
    return np.array([x, y, z]) / w if w else np.zeros(3)


def _level_measures(audio: NDArray[Any], form: Layout) -> list[Measure]:
    power = channel_powers(audio)
    azimuth = np.abs((np.nan_to_num(form.azimuth) + 180.0) % 360.0 - 180.0)
    height = np.nan_to_num(form.elevation)
    speaker = ~form.is_lfe
    upper = speaker & (height > MIN_ELEVATION)
    rear = speaker & ~upper & (azimuth > SURROUND_AZIMUTH)
    front = float(power[speaker & ~upper & ~rear].sum())
    found = []
    for name, title, group in (
        ("surround_level", "surround level", rear),
        ("height_level", "height level", upper),
    ):
        if group.any() and front > 0.0:
            level = _decibels(float(power[group].sum()) / front)
            help_text = "Energy of these loudspeakers relative to those in front at ear level."
            found.append(Measure(name, title, level, "dB", help=help_text))
    return found


def _balance(pair: NDArray[Any] | None) -> float:
    if pair is None or not pair.size:
        return math.nan
    left, right = channel_powers(pair)
    return _decibels(left / right) if left > 0.0 and right > 0.0 else math.nan


def _decibels(power: float) -> float:
    return 10.0 * math.log10(max(power, MIN_POWER))
