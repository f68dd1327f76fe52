"""Upmixers by name with options as text, with completion in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from spatialkit.commands.toolkit.names import Name, format_names, layout_names
from spatialkit.errors import OptionError, SpatialkitError

if TYPE_CHECKING:
    from spatialkit.upmixing import Option, Upmixer


class UpmixerName(Name):
    """Name of an installed upmixer."""

    name = "upmixer"

    def __init__(self) -> None:
        super().__init__(_upmixer_names)


class Setting(click.ParamType):
    """Option of an upmixer as text, KEY=VALUE.

    Parameters
    ----------
    upmixer : str
        Name of the parameter of the command that holds the name of the upmixer.
    """

    name = "setting"

    def __init__(self, upmixer: str) -> None:
        self._upmixer = upmixer

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from spatialkit.upmixing import describe_options, load_upmixer

        # Before an incomplete option, click leaves arguments in ctx.args.
        defaults = [
            each.get_default(ctx) for each in ctx.command.params if each.name == self._upmixer
        ]
        candidates = (ctx.params.get(self._upmixer), *defaults, *ctx.args)
        name = next((each for each in candidates if isinstance(each, str)), "")
        try:
            options = describe_options(load_upmixer(name))
        except SpatialkitError:
            return []
        key, equals, value = incomplete.partition("=")
        if not equals:
            found = [option for option in options if option.name.startswith(key)]
            return [CompletionItem(f"{option.name}=", help=option.help) for option in found]
        values = [text for option in options if option.name == key for text in _values(option)]
        found_values = [text for text in values if text.casefold().startswith(value.casefold())]
        return [CompletionItem(f"{key}={text}") for text in found_values]


setting_option = click.option(
    "-O",
    "--option",
    "settings",
    type=Setting("name"),
    metavar="KEY=VALUE",
    multiple=True,
    help="Option of the upmixer (repeatable).",
)


def make_upmixer(name: str, settings: Sequence[str], layout: str | None = None) -> Upmixer:
    """Create an upmixer from its name and its options as text.

    Parameters
    ----------
    name : str
    settings : sequence of str
        Values of `setting_option`, "KEY=VALUE".
    layout : str, optional
        Value of the option "layout".

    Raises
    ------
    UpmixerError
        If there is no such upmixer, or it cannot be used.
    OptionError
        If a setting is not KEY=VALUE or is specified twice, or the upmixer does not accept it.
    """
    from spatialkit.upmixing import get_upmixer, load_upmixer, parse_options

    texts = {} if layout is None else {"layout": layout}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not (key and equals):
            raise OptionError(f"-O must be KEY=VALUE, such as -O ambience=-3; got {setting!r}")
        if key in texts:
            raise OptionError(f"option {key!r} is specified twice")
        texts[key] = value
    return get_upmixer(name, **parse_options(load_upmixer(name), texts))


def _values(option: Option) -> Iterable[str]:
    """Return the values of an option that can be listed."""
    from spatialkit.layouts import AmbisonicFormat, Layout

    if option.type is Layout:
        return layout_names()
    if option.type == Layout | AmbisonicFormat:
        return format_names()
    return ("yes", "no") if option.type is bool else option.choices


def _upmixer_names() -> tuple[str, ...]:
    from spatialkit.upmixing import upmixer_names

    return upmixer_names()
