"""Plain advice where a value of a report is unusual."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from spatialkit.report.measures import SILENT_DB, ChannelMeasure, Measure

__all__ = ["advice"]

# EBU R 128: largest true peak of programmes.
MAX_TRUE_PEAK = -1.0
MAX_LOUDNESS_CHANGE = 1.0
MIN_DOWNMIX_SNR = 20.0
MAX_SURROUND_LEVEL = 0.0
MAX_LATERAL_DEGREES = 15.0
MIN_CONCENTRATION = 0.1
REAR_DEGREES = 120.0
MIN_CORRELATION, MAX_CORRELATION = -0.3, 0.98
MAX_OFFSET_DB = -50.0


def advice(
    measures: Sequence[Measure],
    channels: Sequence[ChannelMeasure],
    correlations: Mapping[str, float],
) -> list[str]:
    """Return one sentence per unusual value, with what to do; none if all are usual.

    Parameters
    ----------
    measures : sequence of Measure
    channels : sequence of ChannelMeasure
    correlations : mapping of str to float
        Correlation of mirror pairs of loudspeakers, by their labels.

    Examples
    --------
    >>> advice([Measure("true_peak", "true peak", 0.5, "dBTP")], [], {})[0]
    'The true peak of 0.5 dBTP is above -1 dBTP (EBU R 128): lossy encoders may clip; lower the
    level by 1.5 dB.'
    """
    values = {each.name: each.value for each in measures}
    originals = {each.name: each.original for each in measures}
    found = []
    if all(each.peak_db < SILENT_DB for each in channels) and channels:
        return ["All channels are silent."]
    peak = values.get("true_peak", math.nan)
    if peak > MAX_TRUE_PEAK:
        found.append(
            f"The true peak of {peak:.1f} dBTP is above {MAX_TRUE_PEAK:.0f} dBTP (EBU R 128): "
            f"lossy encoders may clip; lower the level by {peak - MAX_TRUE_PEAK:.1f} dB."
        )
    change = values.get("loudness", math.nan) - originals.get("loudness", math.nan)
    if abs(change) > MAX_LOUDNESS_CHANGE:
        found.append(
            f"It is {abs(change):.1f} LU {'louder' if change > 0 else 'softer'} than the original: "
            "compare both with matched loudness."
        )
    if values.get("downmix_snr", math.inf) < MIN_DOWNMIX_SNR:
        correction = values.get("correction", math.nan)
        size = "" if math.isnan(correction) else f", correction {correction:.1f} dB"
        found.append(
            f"In stereo it differs from the original (downmix SNR {values['downmix_snr']:.1f} dB"
            f"{size}): if stereo listeners matter, upmix with -O exact_downmix=true, or use "
            "match_downmix."
        )
    if values.get("surround_level", -math.inf) > MAX_SURROUND_LEVEL:
        found.append(
            f"The surround loudspeakers have more energy than the front "
            f"({values['surround_level']:+.1f} dB): the stage may seem to be behind the listener; "
            "lower ambience or surround levels."
        )
    azimuth, length = values.get("energy_azimuth", math.nan), values.get("energy_length", 0.0)
    if length > MIN_CONCENTRATION and abs(azimuth) > MAX_LATERAL_DEGREES:
        side = "left" if azimuth > 0 else "right"
        place = "behind the listener" if abs(azimuth) > REAR_DEGREES else f"to the {side}"
        found.append(
            f"The energy is centred at {azimuth:.0f} degrees, {place}: check the balance and the "
            "channel order."
        )
    if values.get("correlation", math.nan) < MIN_CORRELATION:
        found.append(
            f"Left and right of the downmix cancel in mono (correlation "
            f"{values['correlation']:.2f}): check the polarity of the channels."
        )
    for pair, value in correlations.items():
        if value > MAX_CORRELATION:
            found.append(
                f"{pair.replace(' ', ' and ')} are nearly equal (correlation {value:.2f}): they "
                "sound like one source between them, not like an enveloping pair."
            )
        elif value < MIN_CORRELATION:
            found.append(
                f"{pair.replace(' ', ' and ')} have opposite polarity (correlation {value:.2f}): "
                "the bass is thin, and they cancel in downmixes."
            )
    silent = [each.label for each in channels if each.peak_db < SILENT_DB and not each.is_lfe]
    if silent:
        found.append(f"{_listed(silent)} {'is' if len(silent) == 1 else 'are'} silent.")
    offset = [each.label for each in channels if each.dc_db > MAX_OFFSET_DB]
    if offset:
        found.append(
            f"{_listed(offset)} {'has' if len(offset) == 1 else 'have'} a constant offset above "
            f"{MAX_OFFSET_DB:.0f} dBFS: remove it with a high-pass filter."
        )
    return found


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(labels[:-1]) + " and " + labels[-1] if len(labels) > 1 else labels[0]
