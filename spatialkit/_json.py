"""JSON: writing of numbers that may be undefined or infinite, and reading of untrusted text.

Text from outside (layouts, styles, model cards, records, logs) is limited in size, depth and
digits, and its fields are compared with the types of a dataclass, so that invalid text results in
one error with a message and never in an error of Python.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import reprlib
import stat
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from spatialkit.errors import OptionError, SpatialkitError

__all__ = ["as_dataclass", "parse_json", "read_json", "read_json_lines", "read_text", "to_json"]

MAX_BYTES = 1_000_000
MAX_DEPTH = 64
# More than any number of 128 bits has.
MAX_DIGITS = 40

T = TypeVar("T")


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Write values as JSON: NaN, which it cannot say, is null, infinity is "inf" or "-inf"."""
    return json.dumps(_plain(value), indent=indent, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return value if math.isfinite(value) else str(value)
    return value


def parse_json(
    text: str | bytes, name: str, *, error: type[SpatialkitError] = OptionError
) -> dict[str, Any]:
    """Parse the text of a JSON object.

    Parameters
    ----------
    text : str or bytes
        UTF-8, with or without a byte order mark. Lists and objects may be nested 64 deep; whole
        numbers may have 40 digits.
    name : str
        Description of the text for error messages, such as its path.
    error : type
        Class of the error that is raised, a subclass of `spatialkit.SpatialkitError`.

    Raises
    ------
    OptionError
        Or ``error``: if the text is no JSON, exceeds a limit, or contains no object.

    Examples
    --------
    >>> parse_json('{"gain": 0.5}', "settings")
    {'gain': 0.5}
    """
    if not isinstance(text, (str, bytes)):
        raise error(f"{name} must be text, got {reprlib.repr(text)}")
    try:
        if isinstance(text, bytes):
            text = text.decode()
        found = json.loads(text.removeprefix("\ufeff"), parse_int=_integer)
    except (ValueError, RecursionError) as reason:
        if isinstance(reason, RecursionError):
            reason = ValueError(f"lists or objects are nested more than {MAX_DEPTH} deep")
        raise error(f"{name} is not valid JSON: {reason}") from reason
    if not isinstance(found, dict):
        raise error(f"{name} must contain a JSON object, got {type(found).__name__}")
    level: list[Any] = [found]
    for _ in range(MAX_DEPTH):
        level = [item for each in level for item in _items(each)]
    if level:
        raise error(f"{name} is not valid JSON: it is nested more than {MAX_DEPTH} deep")
    return found


def read_json(
    path: str | os.PathLike[str],
    *,
    max_bytes: int = MAX_BYTES,
    error: type[SpatialkitError] = OptionError,
) -> dict[str, Any]:
    """Read a file that contains a JSON object, with the limits of `parse_json`.

    Parameters
    ----------
    path : str or path
        Regular file.
    max_bytes : int
        Largest size in bytes.
    error : type
        Class of the error that is raised, a subclass of `spatialkit.SpatialkitError`.

    Raises
    ------
    OptionError
        Or ``error``: if the file cannot be read, is larger, or contains anything else.
    """
    data = _read_bytes(path, max_bytes, error)
    return parse_json(data, os.fspath(path), error=error)


def read_text(
    path: str | os.PathLike[str],
    *,
    max_bytes: int = MAX_BYTES,
    error: type[SpatialkitError] = OptionError,
) -> str:
    """Read a file of text in UTF-8, with or without a byte order mark, such as CSV.

    Lines end with LF in the result, also those that end with CR LF or CR in the file.

    Parameters
    ----------
    path : str or path
        Regular file.
    max_bytes : int
        Largest size in bytes.
    error : type
        Class of the error that is raised if the file cannot be read.

    Raises
    ------
    OptionError
        Or ``error``: if the file cannot be read or is larger. OptionError if it is not UTF-8.
    """
    data = _read_bytes(path, max_bytes, error)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as reason:
        raise OptionError(f"{os.fspath(path)} is not text in UTF-8") from reason
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _read_bytes(
    path: str | os.PathLike[str], max_bytes: int, error: type[SpatialkitError]
) -> bytes:
    """Return the content of a regular file of at most ``max_bytes``, or raise ``error``."""
    if not isinstance(path, (str, os.PathLike)):
        raise error(f"path must be text or a path object, got {reprlib.repr(path)}")
    name = os.fspath(path)
    try:
        # Reading a pipe or device may never end.
        data = None
        found = os.stat(path)
        if stat.S_ISREG(found.st_mode):
            with open(path, "rb") as file:
                # Python reserves as much memory as is asked for.
                data = file.read(min(found.st_size, max_bytes) + 1)
    except OSError as reason:
        raise error(f"{name} cannot be read: {reason.strerror}") from reason
    except ValueError as reason:  # a path with a null character
        raise error(f"{name!r} cannot be read: {reason}") from reason
    if data is None:
        raise error(f"{name} is not a regular file")
    if len(data) > max_bytes:
        raise error(f"{name} is larger than {max_bytes} bytes, the maximum for this file")
    return data


def read_json_lines(path: str | os.PathLike[str]) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file of JSON lines; lines that are anything else are skipped.

    A line is truncated if its process was killed, and any line may be edited by hand.

    Parameters
    ----------
    path : str or path

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with open(path, "rb") as file:
        while line := file.readline(MAX_BYTES):
            try:
                yield parse_json(line, "line")
            except OptionError:
                continue


def as_dataclass(
    kind: type[T],
    fields: Mapping[str, Any],
    name: str,
    *,
    error: type[SpatialkitError] = OptionError,
) -> T:
    """Return a dataclass whose fields are the values of a JSON object.

    Lists become tuples and objects become dataclasses where these are the types of fields.

    Parameters
    ----------
    kind : type
        Dataclass whose fields have annotations of JSON types.
    fields : mapping
        Values by name of the field.
    name : str
        Description of the object for error messages, such as its path.
    error : type
        Class of the error that is raised, a subclass of `spatialkit.SpatialkitError`.

    Raises
    ------
    OptionError
        Or ``error``: if a field is missing or unknown, has another type, or is refused by the
        dataclass.

    Examples
    --------
    >>> @dataclasses.dataclass
    ... class Filter:
    ...     taps: tuple[float, ...]
    >>> as_dataclass(Filter, {"taps": [0.5, 1]}, "filter.json")
    Filter(taps=(0.5, 1.0))
    >>> as_dataclass(Filter, {"taps": [0.5, "1"]}, "filter.json")
    Traceback (most recent call last):
    spatialkit.errors.OptionError: filter.json: taps must be a list of numbers, got [0.5, '1']
    """
    try:
        return _dataclass(kind, fields, "")
    except SpatialkitError as reason:
        raise error(f"{name}: {reason}") from reason


class _TypeMismatch(Exception):
    """A value has another type than its field."""


def _dataclass(kind: Any, fields: Mapping[str, Any], place: str) -> Any:
    known = {field.name: field for field in dataclasses.fields(kind)}
    for name in sorted(fields.keys() - known.keys()):
        raise OptionError(
            f"unknown field {_shown(place + name)}; accepted: {', '.join(sorted(known))}"
        )
    for name, field in known.items():
        needed = field.default is field.default_factory is dataclasses.MISSING
        if needed and name not in fields:
            raise OptionError(f"the field {place + name!r} is missing")
    hints = typing.get_type_hints(kind)
    values = {}
    for name, value in fields.items():
        try:
            values[name] = _converted(value, hints[name], place + name)
        except _TypeMismatch:
            raise OptionError(
                f"{place}{name} must be {_described(hints[name])}, got {_shown(value)}"
            ) from None
    return kind(**values)


def _converted(value: Any, hint: Any, place: str) -> Any:
    """Return a value in the type of its field, or raise a _TypeMismatch."""
    if hint is Any:
        return value
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise _TypeMismatch
        return _dataclass(hint, value, f"{place}.")
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        for each in arguments:
            try:
                return _converted(value, each, place)
            except _TypeMismatch:
                continue
        raise _TypeMismatch
    if origin in (dict, Mapping):
        if not isinstance(value, dict):
            raise _TypeMismatch
        return {key: _converted(item, arguments[1], place) for key, item in value.items()}
    if origin in (list, tuple, Sequence):
        fixed = origin is tuple and Ellipsis not in arguments
        if not isinstance(value, (list, tuple)) or (fixed and len(value) != len(arguments)):
            raise _TypeMismatch
        hints = arguments if fixed else [arguments[0]] * len(value)
        items = [_converted(item, each, place) for item, each in zip(value, hints, strict=True)]
        return items if origin is list else tuple(items)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise _TypeMismatch
    return value


def _described(hint: Any) -> str:
    """Return the description of a type in error messages."""
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    if hint in names:
        return names[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return " or ".join("null" if each is type(None) else _described(each) for each in arguments)
    if origin in (list, tuple, Sequence):
        plurals = {int: "whole numbers", float: "numbers", str: "texts"}
        nested = typing.get_origin(arguments[0]) in (list, tuple, Sequence)
        return f"a list of {plurals.get(arguments[0], 'lists' if nested else 'JSON objects')}"
    return "a JSON object"


def _items(value: Any) -> Any:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a whole number has more than {MAX_DIGITS} digits")
    return int(digits)


def _shown(value: Any) -> str:
    """Return a value for error messages, shortened."""
    return reprlib.repr(value)
