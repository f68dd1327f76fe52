"""Objects as HTML in notebooks: plans, tables, and a player for headphones."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.ambisonics import DecoderReport
from spatialkit.audio import Audio
from spatialkit.layouts import Layout
from spatialkit.plots.figures import PALETTE, decibels
from spatialkit.plots.signals import channel_labels
from spatialkit.plots.svg import layout_svg
from spatialkit.rendering import render

__all__ = ["audio_html", "decoder_report_html", "layout_html", "markdown_html"]

# Longest excerpt in a notebook: 0.5 MB.
MAX_SECONDS = 30.0
FLOOR_DB = -60.0
MIN_RATE = 8000
MAX_CHANNELS = 64


def layout_html(layout: Layout) -> str:
    """Return a plan of a layout and a table of its channels."""
    rows = "".join(
        f"<tr><th>{escape(label)}</th><td>{_degrees(azimuth)}</td><td>{_degrees(elevation)}</td>"
        "</tr>"
        for label, azimuth, elevation in zip(
            layout.labels, layout.azimuth, layout.elevation, strict=True
        )
    )
    return (
        f"<div><b>Layout {escape(layout.name)}</b>: {layout.n_channels} channels"
        '<div style="display:flex;flex-wrap:wrap;gap:1em;align-items:flex-start">'
        f"{layout_svg(layout)}<table><tr><th>channel</th><th>azimuth</th><th>elevation</th></tr>"
        f"{rows}</table></div></div>"
    )


def _degrees(angle: float) -> str:
    return "-" if np.isnan(angle) else f"{angle:g}°"


def audio_html(audio: Audio[Any]) -> str:
    """Return the level of each channel and a player of a version for headphones, at most 30 s.

    Audio of several items, of an unknown format with more than two channels, or below 8 kHz has no
    player.
    """
    title = f"<div><b>{escape(repr(audio))}</b>"
    samples = np.atleast_2d(audio.samples)
    if samples.ndim != 2 or not samples.size or len(samples) > MAX_CHANNELS:
        return f"{title}</div>"
    if not np.isfinite(samples).all():
        return f"{title}<div>contains NaN or infinite samples</div></div>"
    return f"{title}{_level_bars(audio, samples)}{_player(audio, samples)}</div>"


def _level_bars(audio: Audio[Any], samples: NDArray[Any]) -> str:
    """Return one bar per channel: RMS filled, peak as a line."""
    labels = channel_labels(audio.format, len(samples))
    rms = decibels(np.mean(np.square(samples, dtype=np.float64), axis=1))
    peak = decibels(np.square(np.abs(samples).max(axis=1).astype(np.float64)))
    rows = []
    for label, level, highest in zip(labels, rms, peak, strict=True):
        filled, line = (
            float(np.clip(1.0 - value / FLOOR_DB, 0.0, 1.0)) * 180.0 for value in (level, highest)
        )
        text = "silent" if highest <= -199.0 else f"{level:.1f} dBFS, peak {highest:.1f}"
        rows.append(
            f'<tr><th style="text-align:left">{escape(label)}</th>'
            f'<td><svg width="182" height="12" aria-hidden="true"><rect width="180" height="12" '
            f'fill="currentColor" opacity=".12"/><rect width="{filled:.1f}" height="12" '
            f'fill="{PALETTE[0]}"/><rect x="{line:.1f}" width="2" height="12" '
            f'fill="{PALETTE[1]}"/></svg></td><td style="text-align:left">{text}</td></tr>'
        )
    return f"<table>{''.join(rows)}</table>"


def _player(audio: Audio[Any], samples: NDArray[Any]) -> str:
    rate = audio.sample_rate
    known = audio.format is not None
    if rate < MIN_RATE or (not known and len(samples) > 2):
        return ""
    excerpt = samples[:, : round(MAX_SECONDS * rate)].astype(np.float32)
    if known and len(excerpt) > 2:
        excerpt = render(excerpt, audio.format, "binaural", sample_rate=rate)
        text = "on headphones"
    else:
        text = "as it is"
    peak = float(np.abs(excerpt).max(initial=0.0))
    if peak > 1.0:
        excerpt = excerpt / peak
        text += f", {20.0 * np.log10(1.0 / peak):.1f} dB"
    if audio.duration > MAX_SECONDS:
        text = f"first {MAX_SECONDS:.0f} s, {text}"
    data = base64.b64encode(_encoded(excerpt, rate)).decode()
    return (
        f'<audio controls preload="metadata" src="data:audio/mpeg;base64,{data}"></audio> '
        f"<small>{text}</small>"
    )


def _encoded(stereo: NDArray[Any], rate: int) -> bytes:
    """Return MP3, which all browsers play; 48 kHz if MP3 does not support the rate."""
    import soundfile

    from spatialkit.files import resample

    if rate not in (16000, 22050, 24000, 32000, 44100, 48000):
        stereo, rate = resample(stereo, rate, 48000), 48000
    file = io.BytesIO()
    soundfile.write(file, stereo.T, rate, format="MP3", subtype="MPEG_LAYER_III")
    return file.getvalue()


def decoder_report_html(report: DecoderReport) -> str:
    """Return the values of a decoder report as a table."""
    condition = report.condition_number
    rows = {
        "energy": f"{report.energy_min_db:+.1f} to {report.energy_max_db:+.1f} dB",
        "length of the energy vector": f"{report.re_length_min:.2f} to 1, mean "
        f"{report.re_length_mean:.2f}",
        "direction error": f"mean {report.direction_error_mean:.1f}°, largest "
        f"{report.direction_error_max:.1f}°",
        "condition number": "infinite" if np.isinf(condition) else f"{condition:.3g}",
        "directions enclosed": f"{report.coverage:.0%}",
    }
    cells = "".join(
        f'<tr><th style="text-align:left">{name}</th><td style="text-align:left">{value}</td></tr>'
        for name, value in rows.items()
    )
    title = f"{report.decoder} ({report.weights}) of order {report.order} on {report.layout}"
    return f"<div><b>{escape(title)}</b><table>{cells}</table></div>"


def markdown_html(text: str) -> str:
    r"""Return tables and paragraphs of Markdown as HTML.

    Examples
    --------
    >>> markdown_html("| a | b |\n| --- | ---: |\n| 1 | 2 |")
    '<div><table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table></div>'
    """
    parts, rows = [], list[str]()
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            cells = [escape(cell.strip()) for cell in line.strip("|").split("|")]
            if not all(set(cell) <= set("-:") for cell in cells):
                tag = "td" if rows else "th"
                rows.append("".join(f"<{tag}>{cell}</{tag}>" for cell in cells))
            continue
        if rows:
            parts.append("<table>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>")
            rows = []
        if line.strip():
            parts.append(f"<p>{escape(line.strip().removeprefix('- ').replace('**', ''))}</p>")
    return f"<div>{''.join(parts)}</div>"
