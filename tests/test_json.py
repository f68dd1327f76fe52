"""Reading of JSON from outside: limits, types, and files that are none."""

import dataclasses
import json
import os

import pytest

from spatialkit._json import read_text
from spatialkit.errors import LayoutError, OptionError, SpatialkitError
from spatialkit.validation import as_dataclass, parse_json, read_json, read_json_lines

HOSTILE = {
    "": "is not valid JSON",
    "\0": "is not valid JSON",
    "{": "is not valid JSON",
    "[" * 100_000: "is not valid JSON: .* nested more than 64",
    '{"a": ' * 100_000: "is not valid JSON: .* nested more than 64",
    '{"a": ' + "[" * 64 + "]" * 64 + "}": "is not valid JSON: .* nested more than 64",
    '{"a": 1' + "0" * 41 + "}": "is not valid JSON: .* more than 40 digits",
    '{"a": 1' + "0" * 5000 + "}": "is not valid JSON: .* more than 40 digits",
    "[1]": "must contain a JSON object, got list",
    "null": "must contain a JSON object, got NoneType",
    "1e999": "must contain a JSON object, got float",
}


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_gives_one_sentence(tmp_path, text):
    with pytest.raises(OptionError, match=f"^the text {HOSTILE[text]}") as caught:
        parse_json(text, "the text")
    assert "\n" not in str(caught.value)
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(LayoutError, match=f"a.json {HOSTILE[text]}"):
        read_json(tmp_path / "a.json", error=LayoutError)


def test_values_within_the_limits_are_those_of_python():
    text = '\ufeff{"a": ' + "[" * 62 + "1e3" + "]" * 62 + f', "b": {2**128}, "c": "\\ud800"}}'
    assert parse_json(text, "text") == json.loads(text[1:])
    assert parse_json(text.encode(), "text") == json.loads(text[1:])


def test_files_that_are_none_or_too_large_are_refused(tmp_path):
    (tmp_path / "large.json").write_text(json.dumps({"a": "b" * 100}))
    with pytest.raises(OptionError, match=r"large.json is larger than 50 bytes"):
        read_json(tmp_path / "large.json", max_bytes=50)
    with pytest.raises(OptionError, match=r"none.json cannot be read: No such file"):
        read_json(tmp_path / "none.json")
    with pytest.raises(OptionError, match="is not a regular file"):
        read_json(tmp_path)
    with pytest.raises(OptionError, match="cannot be read: embedded null"):
        read_json("a\0b.json")
    (tmp_path / "bytes.json").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(OptionError, match=r"bytes.json is not valid JSON: 'utf-8' codec"):
        read_json(tmp_path / "bytes.json")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_text_end_with_a_line_feed(tmp_path, end):
    """The csv module refuses text whose lines end with CR only."""
    (tmp_path / "a.csv").write_bytes(f"\ufeffa,b{end}1,2{end}".encode())
    assert read_text(tmp_path / "a.csv") == "a,b\n1,2\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_pipes_are_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(OptionError, match=r"pipe.json is not a regular file"):
        read_json(tmp_path / "pipe.json")


def test_invalid_lines_of_a_log_are_skipped(tmp_path):
    valid = [{"name": "a"}, {"name": "b", "peak_db": None}]
    lines = [*HOSTILE, json.dumps(valid[0]), "\xff", json.dumps(valid[1]), '{"name": "c"']
    (tmp_path / "log.jsonl").write_bytes("\n".join(lines).encode("latin-1"))
    assert list(read_json_lines(tmp_path / "log.jsonl")) == valid


@dataclasses.dataclass(frozen=True)
class Part:
    width: int

    def __post_init__(self):
        if self.width > 9:
            raise OptionError(f"width must be from 0 to 9, got {self.width}")


@dataclasses.dataclass(frozen=True)
class Whole:
    name: str
    part: Part
    sizes: tuple[tuple[int, int], ...] = ()
    gain: float | None = None
    labels: list[str] = dataclasses.field(default_factory=list)
    levels: dict[str, float] = dataclasses.field(default_factory=dict)
    flag: bool = False


VALID = {"name": "a", "part": {"width": 3}}


def test_lists_and_objects_become_the_types_of_fields():
    given = {**VALID, "sizes": [[1, 2]], "gain": 1, "labels": ["b"], "levels": {"c": 2}}
    found = as_dataclass(Whole, given, "file")
    assert found == Whole("a", Part(3), ((1, 2),), 1.0, ["b"], {"c": 2.0})
    assert type(found.gain) is type(found.levels["c"]) is float


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": 5}, "file: name must be text, got 5"),
        ({"part": [1]}, r"file: part must be a JSON object, got \[1\]"),
        ({"part": {}}, "file: the field 'part.width' is missing"),
        ({"part": {"width": True}}, "file: part.width must be a whole number, got True"),
        ({"part": {"width": 1.0}}, "file: part.width must be a whole number, got 1.0"),
        ({"part": {"width": 10**9}}, "file: width must be from 0 to 9, got 1000000000"),
        ({"part": {"width": 3, "depth": 1}}, "unknown field 'part.depth'; accepted: width"),
        ({"sizes": [[1]]}, r"file: sizes must be a list of lists, got \[\[1\]\]"),
        ({"gain": "1"}, "file: gain must be a number or null, got '1'"),
        ({"gain": "1" * 10**6}, r"gain must be a number or null, got '1+\.\.\.1+'$"),
        ({"labels": [1]}, r"file: labels must be a list of texts, got \[1\]"),
        ({"levels": {"c": "d"}}, "file: levels must be a JSON object, got"),
        ({"flag": 1}, "file: flag must be true or false, got 1"),
    ],
)
def test_other_fields_and_types_are_refused(change, message):
    with pytest.raises(LayoutError, match=message):
        as_dataclass(Whole, VALID | change, "file", error=LayoutError)
    assert issubclass(LayoutError, SpatialkitError)
