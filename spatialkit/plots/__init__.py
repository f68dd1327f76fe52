"""Plots of layouts, gains, signals, scenes and results, and the data behind them.

Each function draws in the axes ``ax``, or in those of a new figure without window, and returns the
axes. It changes no setting of matplotlib (extra ``plot``), which is imported when something is
drawn; the data functions and the HTML for notebooks do without.
"""

from spatialkit.plots.benchmarks import plot_benchmark, write_benchmark
from spatialkit.plots.charts import plot_curves, plot_matrix, plot_points
from spatialkit.plots.energy import (
    Anglegram,
    AnglegramMethod,
    EnergyMap,
    anglegram,
    energy_map,
)
from spatialkit.plots.figures import PALETTE, new_figure, write_figure
from spatialkit.plots.gains import (
    channel_gains,
    energy_vectors,
    plot_decoder_report,
    plot_energy_vectors,
    plot_gains,
)
from spatialkit.plots.html import audio_html, decoder_report_html, layout_html, markdown_html
from spatialkit.plots.maps import Ear, plot_anglegram, plot_energy_map, plot_hrtf
from spatialkit.plots.plans import View, from_above, plot_layout, plot_style, plot_trajectory
from spatialkit.plots.signals import (
    Levels,
    Spectrograms,
    channel_labels,
    channel_levels,
    plot_goniometer,
    plot_levels,
    plot_spectrograms,
    spectrograms,
)
from spatialkit.plots.svg import layout_svg

__all__ = [
    "Anglegram",
    "AnglegramMethod",
    "Ear",
    "EnergyMap",
    "Levels",
    "PALETTE",
    "Spectrograms",
    "View",
    "anglegram",
    "audio_html",
    "channel_gains",
    "channel_labels",
    "channel_levels",
    "decoder_report_html",
    "energy_map",
    "energy_vectors",
    "from_above",
    "layout_html",
    "layout_svg",
    "markdown_html",
    "new_figure",
    "plot_anglegram",
    "plot_benchmark",
    "plot_curves",
    "plot_decoder_report",
    "plot_energy_map",
    "plot_energy_vectors",
    "plot_gains",
    "plot_goniometer",
    "plot_hrtf",
    "plot_layout",
    "plot_levels",
    "plot_matrix",
    "plot_points",
    "plot_spectrograms",
    "plot_style",
    "plot_trajectory",
    "spectrograms",
    "write_benchmark",
    "write_figure",
]
