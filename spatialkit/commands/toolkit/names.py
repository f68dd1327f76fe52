"""Types of option values that are names, with completion in the terminal.

The types complete names but do not check them: the function that receives a name checks it, with
the same message in Python and on the command line. Completion imports neither numba nor torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from spatialkit.layouts import Layout
    from spatialkit.setups import LoudspeakerSetup


class Name(click.ParamType):
    """Name that the command line completes.

    Parameters
    ----------
    names : iterable of str, or callable
        Names to complete, or a function that returns them; it is called for completion only.
    """

    name = "name"

    def __init__(self, names: Iterable[str] | Callable[[], Iterable[str]]) -> None:
        self._names = names

    def names(self) -> Iterable[str]:
        """Return the names to complete."""
        return self._names() if callable(self._names) else self._names

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return _starting(self.names(), incomplete)


class LayoutName(Name):
    """Name of a layout, or path of a .json file, which is read as a `Layout`.

    Parameters
    ----------
    ambisonics : bool
        Whether names of Ambisonic formats are completed too.
    """

    name = "layout"

    def __init__(self, *, ambisonics: bool = False) -> None:
        super().__init__(format_names if ambisonics else layout_names)

    def convert(self, value: Any, param: Any, ctx: Any) -> str | Layout:
        if isinstance(value, str) and value.lower().endswith(".json"):
            from spatialkit.layouts import get_layout

            return get_layout(value)
        return value

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        names = super().shell_complete(ctx, param, incomplete)
        return names or [CompletionItem(incomplete, type="file")]


class SetupFile(click.ParamType):
    """Path of a .json file, which is read as a `LoudspeakerSetup`."""

    name = "file"

    def convert(self, value: Any, param: Any, ctx: Any) -> LoudspeakerSetup:
        from pathlib import Path

        from spatialkit.setups import LoudspeakerSetup

        return LoudspeakerSetup.from_json(Path(value)) if isinstance(value, str) else value

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [CompletionItem(incomplete, type="file")]


def _starting(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    """Return the names that start with what was typed, without regard to case."""
    start = incomplete.casefold()
    return [CompletionItem(name) for name in names if name.casefold().startswith(start)]


def layout_names() -> tuple[str, ...]:
    """Return the names of layouts."""
    from spatialkit import layouts

    return layouts.layout_names()


def ambisonic_names() -> tuple[str, ...]:
    """Return the usual names of Ambisonic formats."""
    ambix = [f"ambix{order}" for order in range(1, 8)]
    return (*ambix, *(f"fuma{order}" for order in range(1, 4)))


def format_names() -> tuple[str, ...]:
    """Return the names of layouts and the usual names of Ambisonic formats."""
    return (*layout_names(), *ambisonic_names())


def one_of(names: Sequence[str]) -> str:
    """Return names as "a, b or c"."""
    return " or ".join([", ".join(names[:-1]), names[-1]])
