"""Registry of one kind of plug-in: entry points of packages, and names registered at run time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from spatialkit._distribution import DISTRIBUTION, describe_conflict, find_entry_points
from spatialkit.errors import SpatialkitError, error_message
from spatialkit.plugins.folder import kept_folder
from spatialkit.plugins.interface import Plugin
from spatialkit.plugins.options import Option, describe_options
from spatialkit.plugins.presets import Preset, describe_presets
from spatialkit.validation import match_name, shown, unknown_name

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["PluginDescription", "Registry", "is_plugin_name"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")

PluginT = TypeVar("PluginT", bound=Plugin)
DescriptionT = TypeVar("DescriptionT", bound="PluginDescription")


@dataclass(frozen=True)
class PluginDescription:
    """Description of a plug-in, available without creating it."""

    name: str
    origin: str
    """Entry point and package: "matrix_pkg.core:Matrix, from matrix-pkg 1.2"."""
    summary: str = ""
    """First line of its docstring."""
    accepts: tuple[int, ...] = ()
    """Channel counts of the input."""
    sample_rate: int | None = None
    """Native sample rate in hertz, None for any."""
    options: tuple[Option, ...] = ()
    presets: tuple[Preset, ...] = ()
    problem: str = ""
    """Reason why the plug-in cannot be used, "" if it can."""


def is_plugin_name(name: Any) -> bool:
    """Return whether ``name`` is a valid name: letters, digits and "-", not "-" first."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


class Registry(Generic[PluginT]):
    """Registry of one kind of plug-in.

    Names are listed without an import. A plug-in is imported when it is requested; if that fails,
    the error names its package. A package cannot replace a built-in plug-in of the same name.

    Parameters
    ----------
    base : type
        Base class of the plug-ins, a subclass of `Plugin`.
    group : str
        Group of the entry points, such as "spatialkit.upmixers".
    check : callable
        Called with a new plug-in: raises an error if its declaration is invalid.
    """

    def __init__(self, base: type[PluginT], group: str, check: Callable[[PluginT], object]) -> None:
        self.base, self.group, self._check = base, group, check
        self.registered: dict[str, Callable[..., PluginT]] = {}
        self._kind, self._error = base.kind, base.error_class

    def names(self) -> tuple[str, ...]:
        """Return the names that `create` accepts, sorted; no plug-in is imported."""
        names = {*self.entries(), *self.registered}
        return tuple(sorted(name for name in names if is_plugin_name(name)))

    def create(self, name: str, options: dict[str, Any]) -> PluginT:
        """Return a new plug-in by name, in upper or lower case."""
        name = self.spelling(name)
        factory = self.load(name)
        described = f"{self._kind} {name!r} ({self.origin(name)})"
        try:
            with kept_folder():
                plugin = factory(**options)
        except SpatialkitError:
            raise
        except Exception as error:
            raise self._error(
                f"{described} could not be created: {error_message(error)}"
            ) from error
        if not isinstance(plugin, self.base):
            raise self._error(
                f"{described} is a {type(plugin).__name__}, not {self._a_base()}; derive it from "
                f"{self._base_path()}"
            )
        plugin.name = name  # may differ from the name of the class
        self._check(plugin)
        return plugin

    def register(self, name: str, factory: Callable[..., PluginT]) -> None:
        """Register a plug-in under a name for the lifetime of the process."""
        if not is_plugin_name(name):
            raise self._error(
                f"{self._kind} name must consist of letters, digits and '-', got {shown(name)}"
            )
        if not callable(factory):
            example = f"such as {self._a_base()} class"
            raise self._error(f"factory must be callable, {example}, got {shown(factory)}")
        if name in self.registered or name in self.entries():
            raise self._error(
                f"{self._kind} name {name!r} is in use by {self.origin(name)}; choose another"
            )
        self.registered[name] = factory

    def load(self, name: str) -> Callable[..., PluginT]:
        """Return the factory of a plug-in by name, usually its class."""
        name = self.spelling(name)
        if name in self.registered:
            return self.registered[name]
        entries = self.matching_entries(name)[0] if is_plugin_name(name) else []
        if not entries:
            raise self._error(unknown_name(self._kind, name, self.names()))
        described = f"{self._kind} {name!r} ({self.origin(name)})"
        if len(entries) > 1:
            raise self._error(
                f"more than one {self._kind} is named {name!r}: {self.origin(name)}; uninstall "
                "all but one"
            )
        try:
            with kept_folder():
                factory = entries[0].load()
        except (Exception, SystemExit) as error:  # a plug-in must not exit the program
            failed = f"{described} failed to import: {error_message(error)}"
            raise self._error("; ".join(filter(None, (failed, describe_conflict())))) from error
        if not (isinstance(factory, type) and issubclass(factory, self.base)):
            found = "class" if isinstance(factory, type) else type(factory).__name__
            raise self._error(
                f"{described} is a {found}, not {self._a_base()} class: the entry point must "
                f"refer to a subclass of {self._base_path()}"
            )
        return factory

    def describe(
        self,
        description: type[DescriptionT],
        facts: Callable[[Any, Mapping[str, Option]], dict[str, Any]],
    ) -> tuple[DescriptionT, ...]:
        """Describe all plug-ins, sorted by name; ``problem`` is set for those that cannot be used.

        Classes are imported, but no plug-in is created. A plug-in of a package with the name of a
        built-in one is listed before the built-in one, with a problem.

        Parameters
        ----------
        description : type
            Class of the descriptions, a subclass of `PluginDescription`.
        facts : callable
            Called with a factory and its options by name; returns further fields, or raises an
            error if its declaration is invalid.
        """
        entries = self.entries()
        found = []
        for name in sorted({*entries, *self.registered}):
            if len(entries.get(name, ())) > 1:
                problem = f"{name!r} is the name of a built-in {self._kind}; choose another"
                found += [
                    description(name=name, origin=origin, problem=problem)
                    for origin in sorted(map(self.entry_text, self.matching_entries(name)[1]))
                ]
            found.append(self._describe(name, description, facts))
        return tuple(found)

    def _describe(
        self,
        name: str,
        description: type[DescriptionT],
        facts: Callable[[Any, Mapping[str, Option]], dict[str, Any]],
    ) -> DescriptionT:
        origin = self.origin(name)
        try:
            if not is_plugin_name(name):
                raise self._error(f"{self._kind} name must consist of letters, digits and '-'")
            factory: Any = self.load(name)
            options = describe_options(factory)
            # First, because it checks the declaration.
            further = facts(factory, {option.name: option for option in options})
            return description(
                name=name,
                origin=origin,
                summary=(factory.__doc__ or "").strip().partition("\n")[0],
                accepts=tuple(getattr(factory, "accepts", ())),
                sample_rate=getattr(factory, "sample_rate", None),
                options=options,
                presets=describe_presets(factory),
                problem=factory.unavailable() if hasattr(factory, "unavailable") else "",
                **further,
            )
        except Exception as error:  # an invalid plug-in must not prevent the listing
            return description(name=name, origin=origin, problem=error_message(error))

    def spelling(self, name: str) -> str:
        """Return the name of a plug-in as it is installed, for a name in upper or lower case."""
        if not isinstance(name, str):
            raise self._error(unknown_name(self._kind, name, self.names()))
        return match_name(name, self.names()) or name

    def entries(self) -> dict[str, list[EntryPoint]]:
        """Return the entry points of all installed packages by name."""
        found: dict[str, list[EntryPoint]] = {}
        for entry in find_entry_points(self.group):
            found.setdefault(entry.name, []).append(entry)
        return found

    def matching_entries(self, name: str) -> tuple[list[EntryPoint], list[EntryPoint]]:
        """Return the entry points of a name, and those that a built-in plug-in overrides."""
        entries = self.entries().get(name, [])
        built_in = [entry for entry in entries if entry.dist and entry.dist.name == DISTRIBUTION]
        if not built_in:
            return entries, []
        return built_in, [entry for entry in entries if entry not in built_in]

    def origin(self, name: str) -> str:
        """Return the entry point and package of a plug-in as text."""
        if name in self.registered:
            factory = self.registered[name]
            kind = factory if hasattr(factory, "__qualname__") else type(factory)
            return f"{kind.__module__}.{kind.__qualname__}, registered"
        return "; ".join(sorted(map(self.entry_text, self.matching_entries(name)[0])))

    def package(self, name: str) -> str:
        """Return distribution and version of a plug-in; "" if it was registered at run time."""
        return "; ".join(sorted(filter(None, map(_package, self.matching_entries(name)[0]))))

    def entry_text(self, entry: EntryPoint) -> str:
        """Return an entry point and its package as text."""
        return f"{entry.value}, from {_package(entry)}" if entry.dist else entry.value

    def _a_base(self) -> str:
        name = self.base.__name__
        return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"

    def _base_path(self) -> str:
        """Return where users import the base class from: its folder lists it."""
        return f"{self.base.__module__.rpartition('.')[0]}.{self.base.__name__}"


def _package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else ""
