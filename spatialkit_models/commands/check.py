"""Check of separators by ``spatialkit check --separator``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from spatialkit.errors import OptionError

if TYPE_CHECKING:
    from spatialkit.plugins import CheckResult

__all__ = ["check"]


def check(name: str, texts: Mapping[str, str]) -> tuple[CheckResult, ...]:
    """Check the separator of a name with options as text, see `check_separator`."""
    from spatialkit.upmixing import parse_options
    from spatialkit_models.separation import (
        FolderSeparator,
        check_separator,
        get_separator,
        load_separator,
    )

    separator_class = load_separator(name)
    if separator_class is FolderSeparator:
        raise OptionError(
            "the check uses synthetic signals, and separator 'folder' accepts only the song that "
            "its files belong to: use check_separator(separator, audio, sample_rate) in Python"
        )
    separator = get_separator(name, **parse_options(separator_class, texts))
    return check_separator(separator, raise_on_failure=False)
