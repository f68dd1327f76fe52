"""Systems that benchmarks compare: upmixers, functions, other programs, folders of estimates."""

from spatialkit.benchmarks.systems.command import Program, command_system
from spatialkit.benchmarks.systems.estimates import estimates_system
from spatialkit.benchmarks.systems.methods import Method, methods_by_name
from spatialkit.benchmarks.systems.programs import PROGRAMS
from spatialkit.benchmarks.systems.specification import as_systems, named_value
from spatialkit.benchmarks.systems.stimuli import StimulusWriter, fingerprint
from spatialkit.benchmarks.systems.system import System

__all__ = [
    "PROGRAMS",
    "Method",
    "Program",
    "StimulusWriter",
    "System",
    "as_systems",
    "command_system",
    "estimates_system",
    "fingerprint",
    "methods_by_name",
    "named_value",
]
