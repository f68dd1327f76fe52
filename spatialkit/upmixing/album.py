"""Loudness of albums: one gain for all upmixes of an album."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spatialkit.sample_queue import SampleQueue
from spatialkit.upmixing.delivery import Delivery, OutputMeter, delivery_gain
from spatialkit.upmixing.file_upmix import (
    UpmixJob,
    checked_blocks,
    kept_upmixer,
    open_source,
    upmixed_blocks,
)

__all__ = ["album_gain", "measure_upmix"]


def measure_upmix(job: UpmixJob) -> dict[str, Any]:
    """Measure the upmix of a file without writing it.

    Parameters
    ----------
    job : UpmixJob
        The output determines the sample rate only.

    Returns
    -------
    dict
        Loudness of the blocks of 400 ms in LUFS ("blocks"), and "true_peak_db" in dBTP.

    Raises
    ------
    AudioFileError, LayoutError, SignalError, UpmixerError
        As for `upmix_file`.
    """
    upmixer = kept_upmixer(job.upmixer, job.options)
    with open_source(job, []) as source:
        meter = OutputMeter(upmixer.format, source.channels, source.sample_rate)
        originals = SampleQueue()
        blocks = checked_blocks(source, job.source, None)
        for upmix in upmixed_blocks(
            upmixer.stream, blocks, source.sample_rate, job.source, originals
        ):
            meter.add(upmix, originals.take(upmix.shape[1]))
    return {"blocks": meter.blocks(), "true_peak_db": meter.finish()["true_peak_db"]}


def album_gain(
    measured: Sequence[Mapping[str, Any]], delivery: Delivery
) -> tuple[float, list[str]]:
    """Return the gain of an album in dB, and a sentence if it does not reach its loudness.

    Parameters
    ----------
    measured : sequence of dict
        From `measure_upmix`, one per song.
    delivery : Delivery
        With ``loudness`` and ``ceiling`` of the album.

    Returns
    -------
    gain_db : float
    sentences : list of str
    """
    from spatialkit.metrics import gated_loudness

    blocks = np.concatenate([song["blocks"] for song in measured])
    levels = {
        "loudness": float(gated_loudness(blocks)),
        "true_peak_db": max(song["true_peak_db"] for song in measured),
    }
    return delivery_gain(delivery, levels)
