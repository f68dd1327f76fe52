"""Listening tests: ABX, MUSHRA (ITU-R BS.1534-3) and preference tests, and their analysis."""

from spatialkit.listening.analysis import Analysis, analyse
from spatialkit.listening.anchors import ANCHORS, low_pass_anchor, spatial_anchor
from spatialkit.listening.answers import Answers, read_answers
from spatialkit.listening.assembly import REFERENCE
from spatialkit.listening.binomial import (
    BinomialResult,
    binomial_power,
    binomial_test,
    correct_needed,
    planning_table,
    trials_needed,
)
from spatialkit.listening.building import (
    STYLE_QUESTIONS,
    build_abx,
    build_mushra,
    build_preference,
    build_style_transfer,
    upmix_conditions,
)
from spatialkit.listening.definition import ListeningTest, Question, Trial
from spatialkit.listening.figures import plot_analysis
from spatialkit.listening.mixed_models import MixedModel, mixed_model
from spatialkit.listening.mushra import MushraStatistics, mushra_statistics, screen_listeners
from spatialkit.listening.observer import BinauralObserver
from spatialkit.listening.output import write_test
from spatialkit.listening.stimuli import LOUDNESS_TOLERANCE, Stimulus, StimulusOptions
from spatialkit.listening.tables import Table

__all__ = [
    "ANCHORS",
    "Analysis",
    "Answers",
    "BinauralObserver",
    "BinomialResult",
    "LOUDNESS_TOLERANCE",
    "ListeningTest",
    "MixedModel",
    "MushraStatistics",
    "Question",
    "REFERENCE",
    "STYLE_QUESTIONS",
    "Stimulus",
    "StimulusOptions",
    "Table",
    "Trial",
    "analyse",
    "binomial_power",
    "binomial_test",
    "build_abx",
    "build_mushra",
    "build_preference",
    "build_style_transfer",
    "correct_needed",
    "low_pass_anchor",
    "mixed_model",
    "mushra_statistics",
    "planning_table",
    "plot_analysis",
    "read_answers",
    "screen_listeners",
    "spatial_anchor",
    "trials_needed",
    "upmix_conditions",
    "write_test",
]
