"""Page of a report: pictures, tables and the data of its scripts in one template."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.layouts import Layout
from spatialkit.plots import anglegram, channel_labels, energy_map, layout_svg, spectrograms
from spatialkit.report.chain import RATE, Chain
from spatialkit.report.measures import SILENT_DB, ChannelMeasure, Measure
from spatialkit.report.pictures import data_url, png, shades
from spatialkit.web import embedded_audio, embedded_json, fill_template

__all__ = ["number_text", "report_page"]

SCRIPTS = ("harmonics.js", "player.js", "view.js")
RANGE_DB, SPECTROGRAM_RANGE_DB, MAP_RANGE_DB = 60.0, 70.0, 20.0
# Size of the energy map of a frame, frames per second, and largest number of frames: the frames
# are rows of one image, and browsers draw at most 16384 of them.
AZIMUTHS, ELEVATIONS, MAP_RATE, MAX_FRAMES = 48, 24, 10.0, 600
COLUMNS = 300
# Frames per second of the picture over azimuth and time.
TIMELINE_RATE = 8.0


def report_page(
    *,
    title: str,
    chain: Chain,
    played: NDArray[Any],
    original: NDArray[Any] | None,
    start: float,
    gains: Mapping[str, float],
    carried: Callable[[], Sequence[tuple[Sequence[bytes], float]]],
    carrier: str,
    measures: Sequence[Measure],
    channels: Sequence[ChannelMeasure],
    correlations: Mapping[str, float],
    advice: Sequence[str],
    facts: Mapping[str, Mapping[str, str]],
) -> bytes:
    """Return the HTML file of a report.

    Parameters
    ----------
    title : str
    chain : Chain
    played, original : ndarray, shapes (channels, samples) and (2, samples)
        Excerpts at 48 kHz.
    start : float
        Start of the excerpt in seconds.
    gains : mapping
        Gains of "headphones", "stereo" and "original" with matched loudness.
    carried : callable
        Function that returns the encoded files and the gain of both excerpts, as `encode_pairs`
        does; called last.
    carrier : str
        Their encoding.
    measures, channels, correlations, advice
        Measurements.
    facts : mapping
        Settings, files and versions by group.
    """
    labels = channel_labels(chain.form, len(played))
    picture, frames, rate = _energy_frames(chain, played)
    timeline, images = _timeline(chain, played), _spectrograms_html(played, chain, labels)
    audio: list[dict[str, Any]] = []
    parts: list[bytes] = []
    for name, (encoded, gain) in zip(("audio", "original"), carried(), strict=False):
        parts += encoded
        audio.append({"name": name, "files": len(encoded), "gain": gain})
    data = {
        "rate": RATE,
        "order": chain.order,
        "labels": labels,
        "lfe": [bool(each) for each in _is_lfe(chain, len(played))],
        "samples": played.shape[1],
        "start": start,
        "audio": audio,
        "gains": dict(gains),
        "matrix": _packed(chain.matrix),
        "stereo": _packed(chain.stereo),
        "filters": _packed(chain.filters),
        "taps": chain.filters.shape[2],
        "vectors": _packed(chain.vectors),
        "inverse": _packed(chain.inverse),
        "map": {"frames": frames, "rate": rate, "rows": ELEVATIONS, "columns": AZIMUTHS},
    }
    return fill_template(
        "spatialkit.report",
        "site",
        SCRIPTS,
        shared=["versions.js"],
        title=escape(title),
        worklet=embedded_json(
            (files("spatialkit.report") / "site" / "worklet.js").read_text(encoding="utf-8")
        ),
        data=embedded_json(data),
        audio=embedded_audio(parts),
        advice=_advice_html(advice),
        measures=_measures_html(measures, original is not None),
        channels=_channels_html(labels, channels, chain),
        correlations=_correlations_html(correlations),
        facts=_facts_html(facts),
        plan=_plan(chain),
        map=data_url(picture),
        timeline=data_url(timeline),
        spectrograms=images,
        hidden="" if original is not None else "hidden",
        seconds=f"{played.shape[1] / RATE:.1f}",
        carrier=_carrier_text(carrier),
    )


def _packed(values: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()


def _is_lfe(chain: Chain, count: int) -> NDArray[np.bool_]:
    return chain.form.is_lfe if isinstance(chain.form, Layout) else np.zeros(count, bool)


def _carrier_text(carrier: str) -> str:
    return "Opus (lossy)" if carrier == "opus" else "FLAC, 24 bits (lossless)"


def _plan(chain: Chain) -> str:
    """Return the plan with its loudspeakers; for Ambisonics with the directions of 5.0."""
    if isinstance(chain.form, Layout):
        return layout_svg(chain.form, size=380)
    directions = Layout("directions", ("front", "left", "rear", "right"),
                        np.array([0.0, 90.0, 180.0, -90.0]))  # fmt: skip
    return layout_svg(directions, size=320, label="Directions from above").replace(
        "data-channel", "data-direction"
    )


def _energy_frames(chain: Chain, played: NDArray[Any]) -> tuple[bytes, int, float]:
    """Return the energy map of all frames below each other, their number and rate."""
    duration = played.shape[1] / RATE
    rate = min(MAP_RATE, MAX_FRAMES / max(duration, 1.0))
    found = energy_map(
        played, sample_rate=RATE, format=chain.form, azimuths=AZIMUTHS, elevations=ELEVATIONS,
        frame_rate=rate,
    )  # fmt: skip
    # Upper elevations first, and the left on the left.
    power = found.power[:, ::-1, ::-1]
    loudest = max(float(np.quantile(power.max(axis=(1, 2)), 0.95)), 1e-12)
    level = 10.0 * np.log10(np.maximum(power, 1e-20) / loudest)
    rows = shades(level, -MAP_RANGE_DB, 0.0).reshape(-1, AZIMUTHS)
    return png(rows), len(power), rate


def _timeline(chain: Chain, played: NDArray[Any]) -> bytes:
    """Return the energy by azimuth (left at the top, from behind to behind) and time."""
    duration = played.shape[1] / RATE
    rate = min(TIMELINE_RATE, COLUMNS * 2.0 / max(duration, 1.0))
    found = anglegram(
        played, sample_rate=RATE, format=chain.form, azimuths=72, frame_rate=max(rate, 0.1)
    )
    level = 10.0 * np.log10(np.maximum(found.power, 1e-20))
    loudest = max(float(level.max()), -120.0)
    return png(shades(np.concatenate([level, level[:1]])[::-1], loudest - 40.0, loudest))


def _spectrograms_html(played: NDArray[Any], chain: Chain, labels: Sequence[str]) -> str:
    found = spectrograms(played, sample_rate=RATE, format=chain.form, columns=COLUMNS)
    loudest = max(float(found.level.max()), -120.0)
    parts = []
    for label, level in zip(labels, found.level, strict=True):
        image = png(shades(level[::-1], loudest - SPECTROGRAM_RANGE_DB, loudest))
        parts.append(
            f"<figure><figcaption>{escape(label)}</figcaption>"
            f'<div class="timed"><img alt="Spectrogram of {escape(label)}, 40 Hz to 20 kHz" '
            f'src="{data_url(image)}"><span class="cursor"></span></div></figure>'
        )
    return "".join(parts)


def number_text(value: float, decimals: int, unit: str = "") -> str:
    """Return a value for a table; "-" if it does not apply."""
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{round(value, decimals) + 0.0:.{decimals}f} {unit}".strip()


def _measures_html(measures: Sequence[Measure], with_original: bool) -> str:
    head = "<th scope=col>measurement</th><th scope=col>value</th>"
    head += "<th scope=col>original</th>" if with_original else ""
    rows = []
    for each in measures:
        cells = f"<th scope=row>{escape(each.title)}<small>{escape(each.help)}</small></th>"
        cells += f"<td>{number_text(each.value, each.decimals, each.unit)}</td>"
        if with_original:
            cells += f"<td>{number_text(each.original, each.decimals, each.unit)}</td>"
        rows.append(f"<tr>{cells}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _channels_html(labels: Sequence[str], channels: Sequence[ChannelMeasure], chain: Chain) -> str:
    """Return a row per channel with its level, meter, and buttons for solo and mute."""
    rows = []
    lfe = _is_lfe(chain, len(labels))
    for number, (label, each) in enumerate(zip(labels, channels, strict=False)):
        text = escape(label)
        note = " <small>not on headphones</small>" if lfe[number] else ""
        level = "silent" if each.peak_db < SILENT_DB else f"{each.rms_db:.1f}"
        peak = "" if each.peak_db < SILENT_DB else f"{each.peak_db:.1f}"
        rows.append(
            f'<tr data-row="{number}"><th scope=row>{text}{note}</th>'
            f'<td><button type=button class=toggle data-solo="{number}" aria-pressed=false '
            f'aria-label="Solo {text}">S</button> '
            f'<button type=button class=toggle data-mute="{number}" aria-pressed=false '
            f'aria-label="Mute {text}">M</button></td>'
            f'<td class=meter><span data-meter="{number}"></span></td>'
            f"<td>{level}</td><td>{peak}</td></tr>"
        )
    head = "".join(
        f"<th scope=col>{name}</th>"
        for name in ("channel", "solo, mute", "level", "mean, dBFS", "peak, dBFS")
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _correlations_html(correlations: Mapping[str, float]) -> str:
    if not correlations:
        return ""
    rows = "".join(
        f"<tr><th scope=row>{escape(pair)}</th><td>{number_text(value, 2, '')}</td></tr>"
        for pair, value in correlations.items()
    )
    return (
        "<table><thead><tr><th scope=col>pair</th><th scope=col>correlation</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _advice_html(advice: Sequence[str]) -> str:
    if not advice:
        return "<p>No value is unusual.</p>"
    return "<ul>" + "".join(f"<li>{escape(sentence)}</li>" for sentence in advice) + "</ul>"


def _facts_html(facts: Mapping[str, Mapping[str, str]]) -> str:
    parts = []
    for group, rows in facts.items():
        cells = "".join(
            f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows.items()
        )
        parts.append(f"<section><h3>{escape(group)}</h3><dl>{cells}</dl></section>")
    return "".join(parts)
