"""Plug-ins by name with options as text: parsing, completion in the terminal, and listing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from spatialkit.commands.toolkit.isolation import isolated_plugins
from spatialkit.commands.toolkit.names import Name, format_names, layout_names
from spatialkit.commands.toolkit.printing import print_line, print_wrapped
from spatialkit.errors import OptionError, SpatialkitError

if TYPE_CHECKING:
    from spatialkit.layouts import Layout
    from spatialkit.plugins import Option, PluginDescription, Preset
    from spatialkit.upmixing import Upmixer

Described = TypeVar("Described", bound="PluginDescription")


class UpmixerName(Name):
    """Name of an installed upmixer."""

    name = "upmixer"

    def __init__(self) -> None:
        super().__init__(_upmixer_names)


class Setting(click.ParamType):
    """Option of a plug-in as text, KEY=VALUE.

    Parameters
    ----------
    parameter : str
        Name of the parameter of the command that holds the name of the plug-in, or names.
    load : callable
        Called with that name; returns the class of the plug-in.
    """

    name = "setting"

    def __init__(self, parameter: str, load: Callable[[str], Any]) -> None:
        self._parameter, self._load = parameter, load

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from spatialkit.plugins import describe_options

        # Before an incomplete option, click leaves arguments in ctx.args.
        defaults = [
            each.get_default(ctx) for each in ctx.command.params if each.name == self._parameter
        ]
        given = ctx.params.get(self._parameter)
        named = given if isinstance(given, tuple) else (given,)
        candidates = (*named, *defaults, *ctx.args)
        name = next((each for each in candidates if isinstance(each, str)), "")
        try:
            options = describe_options(self._load(name))
        except SpatialkitError:
            return []
        key, equals, value = incomplete.partition("=")
        if not equals:
            found = [option for option in options if option.name.startswith(key)]
            return [CompletionItem(f"{option.name}=", help=option.help) for option in found]
        values = [text for option in options if option.name == key for text in _values(option)]
        found_values = [text for text in values if text.casefold().startswith(value.casefold())]
        return [CompletionItem(f"{key}={text}") for text in found_values]


class PresetName(Name):
    """Name of a preset of the upmixer that a command is called with."""

    name = "preset"

    def __init__(self) -> None:
        super().__init__(())

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from spatialkit.plugins import describe_presets

        defaults = [each.get_default(ctx) for each in ctx.command.params if each.name == "name"]
        names = [ctx.params.get("name"), *defaults]
        name = next((each for each in names if isinstance(each, str)), "")
        try:
            presets = describe_presets(_load_upmixer(name))
        except SpatialkitError:
            return []
        found = [each for each in presets if each.name.startswith(incomplete.casefold())]
        return [CompletionItem(each.name, help=each.help) for each in found]


preset_option = click.option(
    "--preset",
    type=PresetName(),
    metavar="NAME",
    help="Options for a purpose, such as concert (see spatialkit upmixers).",
)


def plugin_option(kind: str, load: Callable[[str], Any]) -> Callable[..., Any]:
    """Return the option ``-O KEY=VALUE`` of a command whose parameter "name" names a plug-in.

    Parameters
    ----------
    kind : str
        Kind of plug-in, for the help.
    load : callable
        Called with the name; returns the class of the plug-in.
    """
    return click.option(
        "-O",
        "--option",
        "settings",
        type=Setting("name", load),
        metavar="KEY=VALUE",
        multiple=True,
        help=f"Option of the {kind} (repeatable).",
    )


def _load_upmixer(name: str) -> Any:
    from spatialkit.upmixing import load_upmixer

    return load_upmixer(name)


setting_option = plugin_option("upmixer", _load_upmixer)


def parse_settings(settings: Sequence[str]) -> dict[str, str]:
    """Return options given as "KEY=VALUE" by name.

    Raises
    ------
    OptionError
        If a setting is not KEY=VALUE, or is specified twice.
    """
    texts: dict[str, str] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not (key and equals):
            raise OptionError(f"-O must be KEY=VALUE, such as -O ambience=-3; got {setting!r}")
        if key in texts:
            raise OptionError(f"option {key!r} is specified twice")
        texts[key] = value
    return texts


def make_upmixer(
    name: str,
    settings: Sequence[str],
    layout: str | Layout | None = None,
    preset: str | None = None,
) -> Upmixer:
    """Create an upmixer from its name and its options as text.

    Parameters
    ----------
    name : str
    settings : sequence of str
        Values of `setting_option`, "KEY=VALUE".
    layout : str or Layout, optional
        Value of the option "layout".
    preset : str, optional
        Name of a preset; settings take precedence.

    Raises
    ------
    UpmixerError
        If there is no such upmixer, or it cannot be used.
    OptionError
        If a setting is not KEY=VALUE or is specified twice, or the upmixer does not accept it.
    """
    from spatialkit.upmixing import get_upmixer, load_upmixer, parse_options

    named = [f"layout={layout}"] if isinstance(layout, str) else []
    named += [f"preset={preset}"] if preset is not None else []
    texts = parse_settings([*settings, *named])
    with isolated_plugins():
        options = parse_options(load_upmixer(name), texts)
        if layout is not None and not isinstance(layout, str):
            if "layout" in options:
                raise OptionError(
                    "the option layout and the setup of a room are mutually exclusive"
                )
            options["layout"] = layout
        return get_upmixer(name, **options)


def plugins_named(name: str | None, found: Sequence[Described], kind: str) -> list[Described]:
    """Return the plug-in of a name, or all if there is no name.

    Parameters
    ----------
    name : str, optional
    found : sequence of PluginDescription
        All installed plug-ins.
    kind : str
        Kind of the plug-ins, for the error.

    Raises
    ------
    OptionError
        If none has that name.
    """
    from spatialkit.validation import match_name, unknown_name

    if name is None:
        return list(found)
    names = [each.name for each in found]
    spelling = match_name(name, names)
    if spelling is None:
        raise OptionError(unknown_name(kind, name, names))
    return [each for each in found if each.name == spelling]


def plugin_facts(plugin: PluginDescription) -> dict[str, Any]:
    """Return the description of a plug-in as JSON values."""
    options = [
        {
            "name": option.name,
            "accepts": option.accepts,
            "default": option.default
            if isinstance(option.default, (bool, int, float))
            else option.text(option.default),
            "unit": option.unit,
            "minimum": option.minimum,
            "maximum": option.maximum,
            "choices": list(option.choices),
            "help": option.help,
        }
        for option in plugin.options
    ]
    return {
        "name": plugin.name,
        "summary": plugin.summary,
        "origin": plugin.origin,
        "accepts": list(plugin.accepts),
        "sample_rate": plugin.sample_rate,
        "problem": plugin.problem or None,
        "options": options,
        "presets": [
            {"name": each.name, "help": each.help, "options": _preset_texts(plugin, each)}
            for each in plugin.presets
        ],
    }


def print_plugin(plugin: PluginDescription, output: str) -> None:
    """Print the description of a plug-in; ``output`` describes its output."""
    print_line(plugin.name)
    lines = [plugin.summary] if plugin.summary else []
    if plugin.accepts:
        inputs = " or ".join({1: "mono", 2: "stereo"}.get(n, str(n)) for n in plugin.accepts)
        rate = f" at {plugin.sample_rate} Hz" if plugin.sample_rate else ""
        lines.append(f"{inputs} to {output}{rate}")
    if plugin.problem:
        # Most problems contain the origin already.
        place = "" if plugin.origin in plugin.problem else f" ({plugin.origin})"
        lines.append(f"cannot be used: {plugin.problem}{place}")
    for line in lines:
        print_wrapped(line, first=2, rest=2)
    for option in plugin.options:
        setting = f"-O {option.name}={option.text(option.default)}"
        print_wrapped(f"{setting}  {option.help} ({option.accepts})", first=2, rest=6)
    for preset in plugin.presets:
        texts = _preset_texts(plugin, preset).items()
        shown = " ".join(f"{name}={text}" for name, text in texts)
        print_wrapped(f"-O preset={preset.name}  {preset.help} ({shown})", first=2, rest=6)


def _preset_texts(plugin: PluginDescription, preset: Preset) -> dict[str, str]:
    """Return the options of a preset as text."""
    options = {option.name: option for option in plugin.options}
    return {name: options[name].text(value) for name, value in preset.options.items()}


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
