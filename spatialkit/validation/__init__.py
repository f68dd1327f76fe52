"""Argument validation.

Each function returns its argument in one form (a native float array, a float, an int, the exact
spelling of a name) or raises an error with the argument, the value received and the accepted
values. Audio is ``(..., channels, samples)``, floating point, time last; no function guesses axes.
The functions are public so that plug-ins accept and refuse arguments as the package does.
"""

from spatialkit._distribution import extra
from spatialkit._json import as_dataclass, parse_json, read_json, read_json_lines
from spatialkit.validation.arrays import as_array, as_numbers
from spatialkit.validation.audio import as_audio, require_finite
from spatialkit.validation.directions import as_angles, as_directions, as_distances
from spatialkit.validation.names import as_choice, match_name, unknown_name
from spatialkit.validation.numbers import MAX_SAMPLE_RATE, as_count, as_number, as_sample_rate
from spatialkit.validation.paths import as_path
from spatialkit.validation.values import reason, shown

__all__ = [
    "MAX_SAMPLE_RATE",
    "as_angles",
    "as_array",
    "as_audio",
    "as_choice",
    "as_count",
    "as_dataclass",
    "as_directions",
    "as_distances",
    "as_number",
    "as_numbers",
    "as_path",
    "as_sample_rate",
    "extra",
    "match_name",
    "parse_json",
    "read_json",
    "read_json_lines",
    "require_finite",
    "reason",
    "shown",
    "unknown_name",
]
