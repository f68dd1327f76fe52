"""Plug-ins: base class, declared options, registry and results of conformance tests.

Upmixers (`spatialkit.upmixing`) and the separators of the models are plug-ins.
"""

from spatialkit.plugins.conformance import CheckResult, Status, global_random_state, run_checks
from spatialkit.plugins.folder import kept_folder
from spatialkit.plugins.interface import Plugin
from spatialkit.plugins.lazy import lazy_attribute
from spatialkit.plugins.options import (
    Option,
    build_options,
    describe_options,
    option,
    option_texts,
    option_values,
    parse_options,
)
from spatialkit.plugins.presets import Preset, describe_presets, preset
from spatialkit.plugins.registry import PluginDescription, Registry, is_plugin_name

__all__ = [
    "CheckResult",
    "Option",
    "Plugin",
    "PluginDescription",
    "Preset",
    "Registry",
    "Status",
    "build_options",
    "describe_options",
    "describe_presets",
    "global_random_state",
    "is_plugin_name",
    "kept_folder",
    "lazy_attribute",
    "option",
    "option_texts",
    "option_values",
    "parse_options",
    "preset",
    "run_checks",
]
