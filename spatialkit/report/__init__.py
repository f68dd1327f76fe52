"""Reports that can be heard: one HTML file with pictures, measurements and live playback."""

from spatialkit.report.advice import advice
from spatialkit.report.carriers import Carrier, encode_pairs
from spatialkit.report.chain import RATE, Chain, carried_format, design_chain
from spatialkit.report.index import IndexEntry, write_index
from spatialkit.report.measures import (
    ChannelMeasure,
    Measure,
    channel_measures,
    measure,
    pair_correlations,
)
from spatialkit.report.pictures import data_url, png, shades
from spatialkit.report.writing import Report, write_report

__all__ = [
    "Carrier",
    "Chain",
    "ChannelMeasure",
    "IndexEntry",
    "Measure",
    "RATE",
    "Report",
    "advice",
    "carried_format",
    "channel_measures",
    "data_url",
    "design_chain",
    "encode_pairs",
    "measure",
    "pair_correlations",
    "png",
    "shades",
    "write_index",
    "write_report",
]
