"""Random command lines on hostile files: every command, with valid, wrong and odd arguments."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import IO

import click
import numpy as np
import soundfile
from judging import FOREIGN, Finding, check_sentence

from spatialkit import encode_foa, get_layout, read, write
from spatialkit.commands import cli, main
from spatialkit.errors import SpatialkitError

RATE = 8000
# Commands that compute long, with arguments that make them short; the last value counts.
SHORT = {
    ("train",): ["--steps", "1", "--minutes", "0.01", "--workers", "0", "--device", "cpu"],
    ("benchmark", "upmix"): ["--seconds", "1"],
    ("benchmark",): ["--examples", "1", "--seconds", "1"],
    ("rooms",): ["--count", "1", "--directions", "1", "--jobs", "1"],
    ("scenes",): ["--train", "1", "--valid", "0", "--test", "0", "--seconds", "1", "--jobs", "1"],
}
# Portion of the cases for commands that take seconds even so.
SLOW = {"train", "benchmark", "rooms", "scenes", "separate", "check", "warmup"}
SLOW_PORTION = 0.06
# Names of files that mean something else to a shell, a terminal, a decoder or a file system.
NAMES = [
    *("-o.wav", "--help.wav", "a b.wav", "new\nline.wav", "\x1b[2J\x1b]0;title\x07.wav", "..wav"),
    *("'quotes\".wav", "$(touch run).wav", "%s%n.wav", "http:..host.wav", "concat:a|b.wav"),
    *("pipe:0.wav", "file:a.wav", "音楽🎧.wav", "Dvořák.wav", "Dvor\u030ca\u0301k.wav"),
    *("\u202egnp.wav", "\u2028.wav", "con.wav", "n" * 251 + ".wav", "\udcff\udc80.wav", ".wav"),
    *("a.WAV", "a.wav.wav", "a.txt", "nothing", "*.wav", "?.wav", "[a].wav", "~.wav", "a:1.wav"),
]
WORDS = [
    *("", " ", "0", "-1", "1", "2", "1.5", "nan", "inf", "-inf", "1e308", "1e-320", "٣", "1_0"),
    *("99999999999999999999", "1" + "0" * 400, "None", "true", "5.1", "7.1.4", "stereo", "ambix1"),
    *("ambix7", "fuma1", "quad", "binaural", "x", "\x1b[31m", "a\nb", "é" * 300, "\udcff"),
    *("=", "a=", "=b", "a=b", "a=b=c", "1/2", "0/0", "3/2", "30,-30", "30,", ",", "1:30"),
    *("-1:0", "0:0:1"),
    *("--", "-", "-o", "--force", "--json", "--debug", "--help", "--version", "-h", "--unknown"),
    *("/dev/null", "/dev/zero", "/", ".", "..", "/nonexistent/a.wav", "layout.json", "bad.json"),
]
CONTROL = {character for character in map(chr, [*range(32), *range(127, 160)]) if character != "\n"}


class State:
    """Command line and input files."""

    def __init__(self, folder: Path) -> None:
        self.inputs = folder / "inputs"
        self.inputs.mkdir()
        make_inputs(self.inputs)
        self.names = sorted(os.listdir(self.inputs))
        # A page is served until it is interrupted; its own tests attack it.
        self.commands = [each for each in all_commands(cli, ()) if each[0] != ("serve",)]


def make_inputs(folder: Path) -> None:
    rng = np.random.default_rng(3)

    def noise(*shape: int) -> np.ndarray:
        return rng.uniform(-0.5, 0.5, shape).astype(np.float32)

    write(folder / "mono.wav", noise(1, 900), RATE)
    write(folder / "stereo.wav", noise(2, 900), RATE)
    write(folder / "loud.wav", 3.0 * noise(2, 900), RATE, format="stereo")
    write(folder / "five.wav", noise(5, 900), RATE, format="5.0")
    write(folder / "surround.wav", noise(6, 900), RATE, format="5.1")
    write(folder / "foa.wav", encode_foa(noise(900), 30.0), RATE, format="ambix1")
    write(folder / "four.wav", noise(4, 900), RATE)
    write(folder / "music.flac", noise(2, 900), RATE, subtype="PCM_16")
    write(folder / "empty.wav", noise(2, 0), RATE)
    write(folder / "one.wav", noise(2, 1), RATE)
    bad = noise(2, 900)
    bad[1, 70] = np.nan
    soundfile.write(folder / "nan.wav", bad.T, RATE, subtype="FLOAT")
    data = (folder / "stereo.wav").read_bytes()
    (folder / "cut.wav").write_bytes(data[:900])
    (folder / "text.wav").write_text("not audio")
    (folder / "nothing.wav").write_bytes(b"")
    (folder / "layout.json").write_text(get_layout("5.0").to_json())
    (folder / "bad.json").write_text('{"LoudspeakerLayout": [')
    (folder / "log.jsonl").write_text('{"a": 1}\n[[[\n')
    song = folder / "song"
    song.mkdir()
    for name in ("vocals", "drums", "bass", "other"):
        write(song / f"{name}.wav", noise(2, 2 * RATE), RATE)
    out = folder / "out"
    out.mkdir()
    records = ['{"name": "stereo.wav", "status": "done", "key": 5, "size": [], "digest": {}}']
    records += ['{"name": ["mono.wav"], "status": {}}', "[" * 100_000, '{"name": null}', "\0", "{"]
    for log in (out / "upmix.jsonl", folder / "scores.jsonl"):
        log.write_text("\n".join(records))
    (folder / "pairs.csv").write_text("stereo.wav,loud.wav\nmono.wav,mono.wav\n")


def all_commands(
    command: click.Command, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(command)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from all_commands(found, (*path, name))
    else:
        yield path, command


def prepare(folder: Path) -> State:
    return State(folder)


def attack(state: State, folder: Path, rng: np.random.Generator) -> str:
    """Run one command line in a copy of the inputs."""
    work = Path(tempfile.mkdtemp(dir=folder))
    shutil.copytree(state.inputs, work, dirs_exist_ok=True)
    names = hostile_names(work, state.names, rng)
    line = command_line(state, names, rng)
    print(line, file=sys.stderr)
    before = contents(work)
    os.chdir(work)
    try:
        status, out, err = run(line)
        os.chdir(folder)
        judge(line, status, out, err)
        judge_files(line, status, before, work)
    except Finding as finding:
        raise Finding(f"{line}: {finding}") from finding.__cause__
    finally:
        os.chdir(folder)
        shutil.rmtree(work, ignore_errors=True)
    return f"status {status}"


def hostile_names(work: Path, names: list[str], rng: np.random.Generator) -> list[str]:
    """Rename a file now and then; return the names of all inputs."""
    names = list(names)
    if rng.random() < 0.3:
        old, new = int(rng.integers(len(names))), str(rng.choice(NAMES))
        if names[old].endswith(".wav"):
            with contextlib.suppress(OSError):
                (work / names[old]).rename(work / new)
                names[old] = new
    return names


def command_line(state: State, names: list[str], rng: np.random.Generator) -> list[str]:
    slow = rng.random() < SLOW_PORTION
    chosen = [each for each in state.commands if (each[0][0] in SLOW) == slow]
    path, command = chosen[rng.integers(len(chosen))]
    line: list[str] = []
    for parameter in command.params:
        is_argument = isinstance(parameter, click.Argument)
        often = 0.97 if parameter.required else 0.12 if not is_argument else 0.7
        if rng.random() > often:
            continue
        count = int(rng.integers(1, 4)) if is_argument and parameter.nargs == -1 else 1
        for _ in range(count):
            if not is_argument:
                line.append(str(rng.choice(parameter.opts)))
                if getattr(parameter, "is_flag", False):
                    continue
            line += values(parameter, names, rng)
    if rng.random() < 0.08:
        line.insert(int(rng.integers(len(line) + 1)), word(names, rng))
    short = SHORT.get(path) or SHORT.get(path[:1]) or []
    return [*path, *line, *short]


def values(parameter: click.Parameter, names: list[str], rng: np.random.Generator) -> list[str]:
    """One value for a parameter, mostly of the right type."""
    count = parameter.nargs if parameter.nargs > 0 else 1
    return [value(parameter, names, rng) for _ in range(count)]


def value(parameter: click.Parameter, names: list[str], rng: np.random.Generator) -> str:
    if rng.random() < 0.1:
        return word(names, rng)
    kind, name = parameter.type, str(parameter.name)
    if name in ("output", "out", "log", "figure", "facts", "latents", "cache"):
        suffix = ["wav", "flac", "ogg", "opus", "mp3", "json", "csv", "png", ""][rng.integers(9)]
        options = [f"out.{suffix}", "out.wav", "out/", "new/", *NAMES, *names]
        return options[rng.integers(3 if rng.random() < 0.8 else len(options))]
    if isinstance(kind, click.Choice):
        return str(rng.choice(list(kind.choices)))
    if hasattr(kind, "names") and (found := list(kind.names())):
        return str(rng.choice(found))
    if isinstance(kind, (click.types.IntParamType, click.IntRange)):
        return str(rng.choice(["0", "1", "2", "3", "-1", "16000"]))
    if isinstance(kind, click.types.FloatParamType):
        return str(rng.choice(["0", "0.5", "1", "0.01", "-0.5"]))
    if name in ("datasets", "style_datasets", "stems"):
        return "."
    if isinstance(kind, click.Path) or name in ("sources", "source", "files", "reference"):
        return names[rng.integers(len(names))]
    known = {
        "azimuth": ["0", "30", "-110", "30,-30", "0,90,180", "720"],
        "elevation": ["0", "45", "-90", "10,20"],
        "settings": ["ambience=-3", "layout=5.1", "center=0.5", "x=1", "stems=song"],
        "name": ["ambience", "matrix", "foa-pair", "5.1", "stereo"],
        "names": ["ambience", "matrix"],
        "start": ["0", "0.05", "1:00"],
        "duration": ["0.05", "0.01", "1"],
        "sample_rate": ["8000", "16000", "44100"],
    }
    if name in known:
        return str(rng.choice(known[name]))
    return str(rng.choice(["5.1", "stereo", "7.1.4", "ambix1", "layout.json", "1", "0", "a"]))


def word(names: list[str], rng: np.random.Generator) -> str:
    every = [*WORDS, *NAMES, *names]
    return every[rng.integers(len(every))]


def run(line: list[str]) -> tuple[int, str, str]:
    """Run a command in this process; return its exit status and what it wrote to descriptors."""
    with redirected(1) as out, redirected(2) as err:
        try:
            with (
                open(1, "w", closefd=False, encoding="utf-8") as stdout,
                open(2, "w", closefd=False, encoding="utf-8") as stderr,
                contextlib.redirect_stdout(stdout),
                contextlib.redirect_stderr(stderr),
            ):
                status = main(line)
        except SystemExit as end:
            status = int(end.code or 0)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "backslashreplace"))
    return status, texts[0], texts[1]


@contextlib.contextmanager
def redirected(number: int) -> Iterator[IO[bytes]]:
    """Let a descriptor of this process refer to a temporary file."""
    kept = os.dup(number)
    try:
        with tempfile.TemporaryFile() as file:
            os.dup2(file.fileno(), number)
            yield file
    finally:
        os.dup2(kept, number)
        os.close(kept)


def judge(line: list[str], status: int, out: str, err: str) -> None:
    """Compare the exit status with the texts, and look for texts that are not ours."""
    if "-" in line:
        out = ""  # may be audio
    for name, text in (("stdout", out), ("stderr", err)):
        allowed = "\r" if name == "stderr" else ""  # of progress bars
        if found := CONTROL & set(text) - set(allowed):
            raise Finding(f"control characters {sorted(found)!r} on {name}")
    if "--debug" not in line and (found := FOREIGN.search(err)):
        raise Finding(f"a foreign message ({found[0]!r}): {err[-500:]!r}")
    errors = [each for each in err.splitlines() if each.startswith("Error: ")]
    if status not in (0, 1, 2):
        raise Finding(f"status {status}: {err[-300:]!r}")
    if status == 2 and len(errors) != 1:
        raise Finding(f"status 2 with {len(errors)} errors: {err[-300:]!r}")
    if status == 0 and errors:
        raise Finding(f"status {status} with an error: {errors[0]!r}")
    for sentence in errors:
        check_sentence(sentence)
    if is_json(line) and status != 2:
        try:
            json.loads(out, parse_constant=refuse)
        except ValueError as error:
            raise Finding(f"--json printed no JSON ({error}): {out[:300]!r}") from None
    elif is_json(line) and out:
        raise Finding(f"status 2, but stdout has {out[:300]!r}")


def is_json(line: list[str]) -> bool:
    """Return whether a command prints JSON: the flag may also be the value of another option."""
    if (
        "-" in line
        or "--help" in line
        or "-h" in line
        or "--version" in line
        or line[0] == "benchmark"
    ):
        return False
    options = line[: line.index("--")] if "--" in line else line  # the rest are names of files
    at = options.index("--json") if "--json" in options else -1
    return at > 0 and (not line[at - 1].startswith("-") or line[at - 1] in ("--force", "--resume"))


def refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def contents(folder: Path) -> dict[str, str]:
    """Hashes of all files by path."""
    return {
        os.path.relpath(os.path.join(where, name), folder): hashlib.sha256(
            Path(where, name).read_bytes()
        ).hexdigest()
        for where, _, names in os.walk(folder)
        for name in names
        if os.path.isfile(os.path.join(where, name))
    }


def judge_files(line: list[str], status: int, before: dict[str, str], work: Path) -> None:
    """Nothing is lost, half written or left behind."""
    after = contents(work)
    if lost := before.keys() - after.keys():
        raise Finding(f"{sorted(lost)} were removed")
    changed = {name for name in before if before[name] != after[name]}
    replaced = {name for name in changed if not name.endswith(".jsonl")}  # logs are continued
    if replaced and "--force" not in line:
        raise Finding(f"{sorted(replaced)} were changed without --force")
    new = after.keys() - before.keys()
    if status == 2 and (new or changed):
        raise Finding(f"status 2, but {sorted(new | changed)} were written")
    for name in sorted(new | changed):
        base = os.path.basename(name)
        if ".part" in base or (base.startswith(".") and base not in (".wav", "..wav")):
            raise Finding(f"{name} was left behind")
        if name.lower().endswith((".wav", ".flac", ".ogg", ".opus")) and not is_log(line, name):
            try:
                read(work / name)
            except SpatialkitError as error:
                raise Finding(f"{name} was written, but {error}") from None


def is_log(line: list[str], name: str) -> bool:
    """Return whether a file has the ending of audio, but contains text that was asked for."""
    return line[0] == "benchmark" or any(
        first == "--log" and last == name for first, last in pairwise(line)
    )
