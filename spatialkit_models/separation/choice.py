"""Options ``stems`` and ``separator`` of upmixers."""

from __future__ import annotations

from typing import Any

from spatialkit.errors import OptionError
from spatialkit.upmixing import option
from spatialkit_models.separation.interface import Separator
from spatialkit_models.separation.registry import get_separator
from spatialkit_models.separation.stem_files import files_text

__all__ = [
    "DEFAULT_SEPARATOR",
    "as_text",
    "choose_separator",
    "separator_facts",
    "separator_option",
    "stems_option",
]

DEFAULT_SEPARATOR = "masks"


def separator_option(default: str = DEFAULT_SEPARATOR) -> Any:
    """Declare the option ``separator`` of an upmixer."""
    own = "" if default else " By default the upmixer's own network."
    return option(default, f"Separator of the song, such as {DEFAULT_SEPARATOR} or demucs.{own}")


def stems_option(what: str = "song") -> Any:
    """Declare an option for a folder of stems."""
    return option(
        "",
        f"Folder with the stems of the {what}, such as Demucs writes: vocals, drums, bass, other.",
    )


def choose_separator(
    stems: Any, separator: Any, default: str = DEFAULT_SEPARATOR
) -> Separator | None:
    """Return the separator that the options of an upmixer specify, or None if they name none.

    Parameters
    ----------
    stems : str, Path or mapping
        Folder of stem files, or files by stem; empty for none.
    separator : str or Separator
        Name of a separator, or a separator; not to be specified together with stems.
    default : str
        Default of ``separator``.

    Raises
    ------
    OptionError
        If both are specified.
    SeparatorError
        If the separator is unknown or cannot be used here.
    """
    if stems:
        if separator != default:
            raise OptionError("stems and separator are mutually exclusive: pass one of them")
        return get_separator("folder", path=stems)
    if isinstance(separator, Separator):
        return separator
    return get_separator(separator) if separator else None


def separator_facts(separator: Separator) -> dict[str, str]:
    """Return the facts on a separator for the records of an upmix."""
    return {"separator": separator.name, "separator_version": separator.version}


def as_text(value: Any) -> Any:
    """Return an option value as it is declared: text.

    A path and a mapping of files become a path and a JSON object, a separator its name.
    """
    return value.name if isinstance(value, Separator) else files_text(value)
