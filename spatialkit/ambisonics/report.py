"""Decoder report: energy, energy vector and conditioning."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit._display import plots
from spatialkit.ambisonics import harmonics
from spatialkit.ambisonics.decoder_design import (
    DECODERS,
    ORDER_WEIGHTS,
    Decoder,
    OrderWeights,
    condition_number,
    modes_of,
    plane_waves,
)
from spatialkit.ambisonics.decoding import decoder_matrix
from spatialkit.geometry import angle_between
from spatialkit.layouts import Layout, get_layout
from spatialkit.panning import is_enclosed
from spatialkit.validation import as_choice

__all__ = ["DecoderReport", "decoder_report"]

# Degree of the grid: 4 degrees on the sphere, 1 degree on the horizon.
REPORT_DEGREE = 90


@dataclass(frozen=True)
class DecoderReport:
    """Energy, energy vector and conditioning of a decoder, as `decoder_report` returns them.

    The values are over plane waves from the directions that loudspeakers enclose: not from below a
    dome such as 7.1.4, or between the rear loudspeakers of a layout that has none. On flat layouts
    they are directions of the horizon. If loudspeakers enclose no direction, they are over all.
    """

    layout: str
    """Name of the layout."""
    order: int
    """Ambisonic order."""
    decoder: Decoder
    """Decoder design."""
    weights: OrderWeights
    """Gains of the orders."""
    coverage: float
    """Part of the sphere that loudspeakers enclose, 0 to 1; of the horizon on flat layouts."""
    energy_min_db: float
    """Smallest energy, in dB relative to the mean; -inf for a silent direction."""
    energy_max_db: float
    """Largest energy, in dB relative to the mean."""
    re_length_min: float
    """Smallest length of the energy vector, 0 to 1; 1 is a single loudspeaker."""
    re_length_mean: float
    """Mean length of the energy vector."""
    direction_error_mean: float
    """Mean angle between energy vector and plane wave, in degrees."""
    direction_error_max: float
    """Largest angle between energy vector and plane wave, in degrees."""
    condition_number: float
    """Condition number of the harmonics at the loudspeakers; infinite if they are linearly
    dependent. It is relevant to "epad" and "mode-matching" only."""
    energy_mean: float = field(default=1.0, compare=False)
    """Mean energy, linear, to which the decibels are relative; 1 is that of the plane wave."""
    loudspeakers: Layout | None = field(default=None, compare=False)
    """Layout without LFE."""

    def plot(self, *, ax: Any = None) -> NDArray[Any]:
        """Plot the values over the azimuth, see `spatialkit.plots.plot_decoder_report`."""
        return plots().plot_decoder_report(self, ax=ax)

    def _repr_html_(self) -> str:
        return plots().decoder_report_html(self)

    def __repr__(self) -> str:
        return (
            f"DecoderReport({self.layout!r}, order={self.order}, decoder={self.decoder!r}, "
            f"weights={self.weights!r})"
        )

    def __str__(self) -> str:
        return (
            f"{self.decoder} ({self.weights}) of order {self.order} on {self.layout}, "
            f"{self.coverage:.0%} of all directions: "
            f"energy {self.energy_min_db:+.1f} to {self.energy_max_db:+.1f} dB, "
            f"|rE| {self.re_length_min:.2f} minimum, {self.re_length_mean:.2f} mean, "
            f"direction error {self.direction_error_mean:.1f} degrees mean, "
            f"{self.direction_error_max:.1f} maximum, "
            f"condition number {self.condition_number:.3g}"
        )


def decoder_report(
    layout: str | Layout,
    order: int = 1,
    *,
    decoder: Decoder = "allrad",
    weights: OrderWeights = "max-re",
) -> DecoderReport:
    """Compute energy, energy vector and conditioning of a decoder.

    Parameters
    ----------
    layout, order, decoder, weights
        As in `decoder_matrix`.

    Returns
    -------
    DecoderReport
        Computed for those of 4232 directions of the sphere, about 4 degrees apart, that
        loudspeakers enclose; on flat layouts of 364 directions of the horizon, 1 degree apart.

    Raises
    ------
    LayoutError, OptionError
        As in `decoder_matrix`.

    Examples
    --------
    >>> report = decoder_report("quad", 1, decoder="epad", weights="basic")
    >>> abs(report.energy_max_db) < 1e-9, round(report.re_length_mean, 3)
    (True, 0.667)
    >>> report
    DecoderReport('quad', order=1, decoder='epad', weights='basic')
    """
    layout = get_layout(layout).without_lfe()
    decoder = as_choice(decoder, "decoder", DECODERS)
    weights = as_choice(weights, "weights", ORDER_WEIGHTS)
    matrix = decoder_matrix(layout, order, decoder=decoder, weights=weights, normalization="N3D")
    vectors, quadrature = plane_waves(layout, REPORT_DEGREE)
    enclosed = is_enclosed(vectors, layout)
    coverage = quadrature @ enclosed / quadrature.sum()
    if enclosed.any():
        vectors, quadrature = vectors[enclosed], quadrature[enclosed]
    energies = (harmonics.harmonics(vectors, order) @ matrix.T) ** 2
    energy = energies.sum(axis=-1)
    # A direction without energy has no energy vector and is left out of its statistics.
    active = energy > 0.0
    energy_vectors = energies[active] @ layout.directions / energy[active, None]
    lengths = np.linalg.norm(energy_vectors, axis=-1)
    errors = angle_between(energy_vectors, vectors[active])
    with np.errstate(divide="ignore"):
        mean = np.average(energy, weights=quadrature)
        energy_db = 10.0 * np.log10(np.array([energy.min(), energy.max()]) / mean)
    return DecoderReport(
        layout=layout.name,
        order=order,
        decoder=decoder,
        weights=weights,
        coverage=float(coverage),
        energy_min_db=float(energy_db[0]),
        energy_max_db=float(energy_db[1]),
        re_length_min=float(lengths.min()),
        re_length_mean=float(np.average(lengths, weights=quadrature[active])),
        direction_error_mean=float(np.average(errors, weights=quadrature[active])),
        direction_error_max=float(errors.max()),
        condition_number=condition_number(modes_of(layout, order)),
        energy_mean=float(mean),
        loudspeakers=layout,
    )
