"""Delivery of upmixes: bit rate, tags, covers, and loudness of the written files."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spatialkit._version import __version__
from spatialkit.files import held_tags, read_tags
from spatialkit.layouts import Format, Layout, get_layout
from spatialkit.storage import replace_file
from spatialkit.tags import Tags, carried_over

if TYPE_CHECKING:
    from spatialkit.metrics import LoudnessMeter, TruePeakMeter

__all__ = ["Delivery"]

# Loudspeakers to which Ambisonics is decoded for its loudness, as ITU-R BS.1770-5 requires for
# scenes: System B of BS.2051.
MEASURED_LAYOUT = "0+5+0"
DEFAULT_CEILING = -1.0


@dataclass(frozen=True)
class Delivery:
    """Properties of the written file of an upmix; can be pickled for other processes.

    Parameters
    ----------
    bit_rate : int, optional
        As in `spatialkit.write`.
    tags : bool
        Whether the tags and pictures of the source are copied, except for ReplayGain and others
        that describe the audio of the source.
    encoded_by : bool
        Whether a tag names spatialkit, its version, the upmixer and its options.
    covers : bool
        Whether the cover is written beside a file that cannot contain it.
    loudness : float, optional
        Integrated loudness of the output in LUFS. The gain is constant and limited by ``ceiling``:
        nothing is compressed or limited.
    ceiling : float
        Highest true peak in dBTP of an output with ``loudness``.
    gain_db : float, optional
        Gain in dB in place of ``loudness``, such as that of an album.
    measure : bool
        Whether loudness, true peak and level of the surround channels are measured without
        ``loudness`` too.
    fit_rate : bool
        Whether the source is converted to a sample rate of the encoding, if it has none of them.
    sample_rates : tuple of int
        Sample rates in Hz that the player of the output has; a source of another rate is refused.
        Empty if it has any.
    """

    bit_rate: int | None = None
    tags: bool = True
    encoded_by: bool = True
    covers: bool = True
    loudness: float | None = None
    ceiling: float = DEFAULT_CEILING
    gain_db: float | None = None
    measure: bool = False
    fit_rate: bool = False
    sample_rates: tuple[int, ...] = ()

    @property
    def rescales(self) -> bool:
        """Return whether the gain of the output is known at its end only."""
        return self.loudness is not None or self.gain_db is not None


def encoded_by(upmixer: str, options: Mapping[str, Any]) -> str:
    """Return the text of the tag about the upmix."""
    values = [
        f"{name}={value.name if isinstance(value, Layout) else value}"
        for name, value in options.items()
        if value is not None and value != ""
    ]
    return f"spatialkit {__version__}, upmixer {', '.join([upmixer, *values])}"


class TagPlan:
    """Tags that are written to an output, and those that are not.

    Parameters
    ----------
    delivery : Delivery
    source, output : str or path
    mark : str
        Text of `encoded_by`.
    """

    def __init__(
        self, delivery: Delivery, source: str | Path, output: str | Path, mark: str
    ) -> None:
        found = read_tags(source) if delivery.tags else Tags()
        kept, self.left_out = carried_over(found)
        if delivery.tags and delivery.encoded_by:
            kept = kept.updated({"encodedby": mark})
        self.output, self._cover = Path(output), None
        self.tags, self.notes = held_tags(kept, self.output)
        if not found:  # a mark alone is not worth a note
            self.notes = []
        if delivery.covers and kept.pictures and not self.tags.pictures:
            self._cover = kept.cover()

    def write_cover(self, *, overwrite: bool) -> Path | None:
        """Write the cover beside an output that cannot contain it, and return its path."""
        if self._cover is None:
            return None
        path = self.output.with_name(f"{self.output.stem}{self._cover.suffix}")
        if overwrite or not os.path.lexists(path):
            replace_file(path, self._cover.data)
        return path

    def facts(self) -> dict[str, Any]:
        """Return the facts of the record about tags."""
        written = [key for key in self.tags if key != "encodedby"]
        return {
            "tags": written,
            "pictures": len(self.tags.pictures),
            "tags_left_out": self.left_out,
            "tag_notes": self.notes,
        }


class OutputMeter:
    """Meter of the loudness and the true peak of an upmix, and of the loudness of its source."""

    def __init__(self, form: Format, channels: int, sample_rate: int) -> None:
        from spatialkit.metrics import LoudnessMeter, TruePeakMeter
        from spatialkit.rendering import render_matrix

        self._matrix: NDArray[Any] | None = None
        layout = form if isinstance(form, Layout) else get_layout(MEASURED_LAYOUT)
        if form is not layout:
            self._matrix = render_matrix(form, layout)
        self._output: LoudnessMeter = LoudnessMeter(layout, sample_rate)
        self._source: LoudnessMeter = LoudnessMeter(None, sample_rate)
        self._peak: TruePeakMeter = TruePeakMeter(form.n_channels, sample_rate)
        self._powers = np.zeros(form.n_channels)
        self._layout = layout if self._matrix is None else None

    def add(self, upmix: NDArray[Any], original: NDArray[Any]) -> None:
        """Measure the next samples."""
        self._peak.add(upmix)
        self._source.add(original)
        self._powers += np.einsum("cn,cn->c", upmix, upmix, dtype=np.float64)
        self._output.add(upmix if self._matrix is None else self._matrix @ upmix)

    def blocks(self) -> NDArray[np.float64]:
        """Return the loudness of the blocks of 400 ms of the output, before any gain, in LUFS."""
        return self._output.blocks()

    def finish(self) -> dict[str, float]:
        """Return the levels before any gain, in LUFS, dBTP and dB."""
        return {
            "source_loudness": float(self._source.finish()),
            "loudness": float(self._output.finish()),
            "true_peak_db": float(self._peak.finish()),
            "surround_db": self._surround_db(),
        }

    def _surround_db(self) -> float:
        """Return the level of the channels beyond +-60 degrees or above, relative to the others."""
        if self._layout is None:
            return math.nan
        lfe = np.array(self._layout.is_lfe)
        azimuth = np.nan_to_num(np.abs(np.array(self._layout.azimuth)))
        elevation = np.nan_to_num(np.array(self._layout.elevation))
        around = ((azimuth > 60.0) | (elevation > 15.0)) & ~lfe
        front, rest = (float(self._powers[mask].sum()) for mask in (~around & ~lfe, around))
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(10.0 * np.log10(np.float64(rest) / np.float64(front)))


def delivery_gain(delivery: Delivery, levels: Mapping[str, float]) -> tuple[float, list[str]]:
    """Return the gain in dB of an output, and a sentence if it does not reach its loudness."""
    if delivery.gain_db is not None:
        return delivery.gain_db, []
    if delivery.loudness is None or math.isnan(levels["loudness"]):
        return 0.0, []
    if math.isinf(levels["loudness"]):
        return 0.0, []
    wanted = delivery.loudness - levels["loudness"]
    allowed = delivery.ceiling - levels["true_peak_db"]
    if wanted <= allowed:
        return wanted, []
    return allowed, [
        f"loudness is {levels['loudness'] + allowed:.1f} LUFS instead of {delivery.loudness:g}: "
        f"a true peak of {delivery.ceiling:g} dBTP permits no more without a limiter"
    ]
