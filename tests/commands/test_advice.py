"""Advice in messages: every option that a message names is an option of its command."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import spatialkit
import spatialkit_models
from spatialkit.commands import cli
from spatialkit.errors import AudioFileError, SpatialkitWarning, error_message

ROOT = Path(spatialkit.__file__).parent.parent
PACKAGES = [Path(package.__file__).parent for package in (spatialkit, spatialkit_models)]
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
# Texts about options of other programs contain these.
OTHER_PROGRAMS = ("pip install", "torchrun", "audio-separator")
CALLERS = ("spatialkit.benchmarks.systems.programs",)  # their command lines
DECLARATIONS = ("click.option", "click.argument")


def leaves(command: click.Command, name: str = "spatialkit") -> Iterator[tuple[str, click.Command]]:
    """Yield all commands by name, those of groups instead of the groups."""
    if not isinstance(command, click.Group):
        yield name, command
        return
    context = click.Context(command)
    for each in command.list_commands(context):
        found = command.get_command(context, each)
        assert found is not None
        yield from leaves(found, f"{name} {each}")


COMMANDS = dict(leaves(cli))


def options_of(command: click.Command) -> set[str]:
    return {name for each in command.params for name in each.opts} | {"--help"}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for package in PACKAGES for path in package.rglob("*.py")}


Node = ast.FunctionDef | ast.ClassDef


def functions() -> Iterator[tuple[str, Node]]:
    """Yield the functions and classes of the modules of commands, with their modules."""
    for module, path in MODULES.items():
        if ".command" in module:  # spatialkit.page.command, too
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, Node):
                    yield module, node


FUNCTIONS = list(functions())


def identifiers(node: ast.AST) -> set[str]:
    """Return the names that a function or class contains, decorators included."""
    found = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return found | {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}


def key(module: str, name: str) -> tuple[str, str]:
    """Return a function in a form that names a private one with its module."""
    return (module if name.startswith("_") else "", name)


def place(command: click.Command) -> tuple[str, str]:
    """Return module and name of the function of a command."""
    return command.callback.__module__, command.callback.__name__


# Not the functions of commands, which no other function calls.
DEFINED = {key(module, node.name) for module, node in FUNCTIONS} - {
    key(*place(command)) for command in COMMANDS.values()
}


def used_by(module: str, node: Node) -> set[tuple[str, str]]:
    return {key(module, name) for name in identifiers(node)} & DEFINED


USES: dict[tuple[str, str], set[tuple[str, str]]] = {name: set() for name in DEFINED}
for _module, _node in FUNCTIONS:
    if (_key := key(_module, _node.name)) in DEFINED:
        USES[_key] |= used_by(_module, _node)


def reached(names: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return functions with all functions that these use."""
    found: set[tuple[str, str]] = set()
    while names := names - found:
        found |= names
        names = set().union(*(USES[name] for name in names))
    return found


def callback_of(command: click.Command) -> Node:
    (found,) = (node for module, node in FUNCTIONS if (module, node.name) == place(command))
    return found


def users_of(module: str, node: Node) -> set[str]:
    """Return the commands that use a function; that of a command is used by no other."""
    own = {name for name, command in COMMANDS.items() if place(command) == (module, node.name)}
    return own or {name for name in COMMANDS if key(module, node.name) in REACHED[name]}


REACHED = {
    name: reached(used_by(place(command)[0], callback_of(command)))
    for name, command in COMMANDS.items()
}


def messages(tree: ast.AST) -> Iterator[str]:
    """Yield the texts that are neither documentation nor declarations of options.

    Texts of the argument ``command_line`` of errors and warnings are left out: the command line
    prints them only if the command has their options.
    """
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(id(node.value))  # a docstring
        elif isinstance(node, Node):
            skipped |= {id(each) for one in node.decorator_list for each in ast.walk(one)}
        elif (isinstance(node, ast.keyword) and node.arg == "command_line") or (
            isinstance(node, ast.Call) and ast.unparse(node.func) in DECLARATIONS
        ):
            skipped |= {id(each) for each in ast.walk(node)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in skipped
            and not any(program in node.value for program in OTHER_PROGRAMS)
        ):
            yield node.value


@pytest.mark.parametrize("module", sorted(MODULES))
def test_messages_of_the_library_name_no_option(module):
    if ".commands" in module or ".page" in module or module in CALLERS:
        pytest.skip("a module of commands, or one that runs them")
    tree = ast.parse(MODULES[module].read_text("utf-8"))
    assert not [text for text in messages(tree) if OPTION.search(text)]


def test_messages_of_commands_name_options_of_all_commands_that_print_them():
    assert len(COMMANDS) > 20
    wrong = []
    for module, node in FUNCTIONS:
        found = {option for text in messages(node) for option in OPTION.findall(text)}
        for option in found - {"--debug", "--help"}:
            users = users_of(module, node)
            lacking = [name for name in users if option not in options_of(COMMANDS[name])]
            if lacking or not users:
                wrong.append((module, node.name, option, lacking))
    assert not wrong


def test_the_next_action_depends_on_the_options_of_the_command():
    for kind in (AudioFileError, SpatialkitWarning):
        problem = kind("a.wav exists", python="; pass force=True", command_line=": add --force")
        assert str(problem) == error_message(problem) == "a.wav exists; pass force=True"
        assert error_message(problem, ["--force", "--json"]) == "a.wav exists: add --force"
        assert error_message(problem, ["--force-format"]) == "a.wav exists"
