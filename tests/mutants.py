"""Mutation testing: small changes to the code that the tests of a folder have to notice.

``python tests/mutants.py panning --count 25`` changes one operator, constant or condition at a
time in a copy of the source tree and runs ``tests/panning`` and the doctests of the folder. It
prints the mutants that no test noticed and the share of those killed. The sample depends only on
the seed and the code. Needs an operating system with ``fork``.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import json
import multiprocessing
import os
import random
import resource
import shutil
import sys
import tempfile
import time
import tomllib
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("panning", "ambisonics", "binaural", "downmix", "metrics", "files", "stft")
EQUIVALENT = ROOT / "tests" / "data" / "equivalent_mutants.toml"
# Imported once, before the fork of each run.
PRELOADED = (
    *("numba", "numpy", "scipy.signal", "scipy.spatial", "scipy.special", "scipy.stats"),
    *("hypothesis", "soundfile", "soxr", "click"),
)
# Slow to import; the tests that need it compare with an independent implementation.
BLOCKED = ("torch",)
SWAPS: dict[type, tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Pow: ("**", "*"),
    ast.And: ("and", "or"),
    ast.Or: ("or", "and"),
}
# Arguments that change neither a result nor an error; ``strict`` of zip is an assertion.
IGNORED_ARGUMENTS = ("stacklevel", "maxsize", "copy", "strict")
OPTIONS = ["-x", "-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
BROKEN = 99  # exit status if pytest itself failed
WALL_SECONDS = 900  # for a test that waits; endless loops meet the limit of CPU time


@dataclass(frozen=True)
class Mutant:
    """One change: characters ``start`` to ``end`` of a file are replaced."""

    file: str
    line: int
    start: int
    end: int
    text: str

    def apply(self, source: str) -> str:
        return source[: self.start] + self.text + source[self.end :]

    def lines(self, source: str) -> tuple[str, str]:
        """The changed line before and after, without indentation."""
        first = source.rfind("\n", 0, self.start) + 1
        last = source.find("\n", self.end)
        after = source[first : self.start] + self.text + source[self.end : last]
        return source[first:last].strip(), after.strip()


class Finder(ast.NodeVisitor):
    """Collect the mutants of one module."""

    def __init__(self, file: str, source: str) -> None:
        self.file, self.source = file, source
        self.found: list[Mutant] = []
        lines = source.splitlines(keepends=True)
        self.offsets = [0]
        for line in lines:
            self.offsets.append(self.offsets[-1] + len(line))
        self.ascii_only = source.isascii()
        self.raw_lines = lines

    def at(self, line: int, column: int) -> int:
        if not self.ascii_only:  # ast counts bytes
            column = len(self.raw_lines[line - 1].encode()[:column].decode())
        return self.offsets[line - 1] + column

    def start(self, node: ast.expr) -> int:
        return self.at(node.lineno, node.col_offset)

    def end(self, node: ast.expr) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.at(node.end_lineno, node.end_col_offset)

    def add(self, start: int, end: int, text: str) -> None:
        line = self.source.count("\n", 0, start) + 1
        self.found.append(Mutant(self.file, line, start, end, text))

    def between(self, left: ast.expr, right: ast.expr, operator: ast.AST) -> None:
        if type(operator) in SWAPS:
            old, new = SWAPS[type(operator)]
            place = self.source.find(old, self.end(left), self.start(right))
            if place >= 0:
                self.add(place, place + len(old), new)

    def visit_Compare(self, node: ast.Compare) -> None:
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            self.between(left, right, operator)
            left = right
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if not isinstance(node.left, ast.Constant) or not isinstance(node.left.value, str):
            self.between(node.left, node.right, node.op)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self.between(node.values[0], node.values[1], node.op)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not | ast.USub):
            self.add(self.start(node), self.start(node.operand), "")
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        if isinstance(node.body[0], ast.Raise):
            self.add(self.start(node.test), self.end(node.test), "False")
        if getattr(node.test, "id", "") != "TYPE_CHECKING":
            self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            new = str(not value)
        elif isinstance(value, int):
            new = str(value + 1)
        elif isinstance(value, float):
            new = repr(value * 1.1 if value else 0.1)
        else:
            return
        self.add(self.start(node), self.end(node), new)

    def visit_arguments(self, node: ast.arguments) -> None:
        for default in (*node.defaults, *filter(None, node.kw_defaults)):
            self.visit(default)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.visit(node.args)
        for statement in node.body:
            self.visit(statement)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Leave the text of messages as it is."""

    def visit_Call(self, node: ast.Call) -> None:
        """Leave -1 in ``reshape(-1, ...)``: any negative number means the same."""
        if getattr(node.func, "attr", "") == "reshape":
            self.visit(node.func)
        else:
            self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg not in IGNORED_ARGUMENTS:
            self.visit(node.value)


def find_mutants(folder: str) -> list[Mutant]:
    """All mutants of a folder of ``spatialkit``, in the order of the code."""
    found = []
    for path in sorted((ROOT / "spatialkit" / folder).glob("*.py")):
        source = path.read_text(encoding="utf-8")
        finder = Finder(path.relative_to(ROOT).as_posix(), source)
        finder.visit(ast.parse(source))
        found += finder.found
    return sorted(found, key=lambda mutant: (mutant.file, mutant.start, mutant.text))


@dataclass(frozen=True)
class Equivalent:
    """A mutant that no test can notice, and why."""

    file: str
    before: str
    after: str
    reason: str


def read_equivalents(folder: str) -> list[Equivalent]:
    """Return those of a folder, after checking that the code still has their lines."""
    listed = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["mutant"]
    entries = [Equivalent(**entry) for entry in listed if f"/{folder}/" in entry["file"]]
    for entry in entries:
        source = (ROOT / entry.file).read_text(encoding="utf-8")
        if entry.before not in map(str.strip, source.splitlines()):
            raise SystemExit(f"{EQUIVALENT.name}: no line {entry.before!r} in {entry.file}")
    return entries


class Tracer:
    """A pytest plug-in that records the duration of each test and the lines that it runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder) + os.sep
        self.tests: dict[str, dict] = {}

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item) -> Iterator[None]:
        lines: set[tuple[str, int]] = set()

        def trace_line(frame, event, _):
            lines.add((frame.f_code.co_filename, frame.f_lineno))
            return trace_line

        def trace(frame, event, _):
            return trace_line if frame.f_code.co_filename.startswith(self.folder) else None

        start = time.perf_counter()
        sys.settrace(trace)
        try:
            yield
        finally:
            sys.settrace(None)
        self.tests[item.nodeid] = {
            "seconds": time.perf_counter() - start,
            "lines": [[Path(name).name, line] for name, line in lines],
        }


class Sorter:
    """A pytest plug-in that runs the tests of a line first, quick ones before slow ones."""

    def __init__(self, tests: dict[str, dict], file: str, line: int) -> None:
        place = [Path(file).name, line]
        self.keys = {
            name: (place not in test["lines"], test["seconds"]) for name, test in tests.items()
        }

    def pytest_collection_modifyitems(self, items) -> None:
        items.sort(key=lambda item: self.keys.get(item.nodeid, (True, 0.0)))


def run_tests(tree: Path, folder: str, cpu_seconds: int, cache: Path, plugin, report: Path) -> None:
    """Run the tests of a folder in this process, forked for it, and exit with their status."""
    os.setsid()
    if cpu_seconds:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 5))
    os.chdir(tree)
    sys.path.insert(0, str(tree))
    os.environ |= {"PYTHONPATH": str(tree), "NUMBA_CACHE_DIR": str(cache)}
    if not isinstance(plugin, Tracer):  # of the code without mutant, bytecode is valid for all runs
        os.environ |= {"PYTHONDONTWRITEBYTECODE": "1"}
        sys.dont_write_bytecode = True
    sys.modules |= dict.fromkeys(BLOCKED)
    import_module("numba").config.CACHE_DIR = str(cache)
    with (report.with_suffix(".log")).open("w") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            arguments = [*OPTIONS, f"tests/{folder}", f"spatialkit/{folder}"]
            status = int(pytest.main(arguments, plugins=[plugin]))
            assert Path(sys.modules["spatialkit"].__file__ or "").is_relative_to(tree)
            if isinstance(plugin, Tracer):
                report.write_text(json.dumps(plugin.tests))
        except BaseException:
            traceback.print_exc()
            status = BROKEN
        sys.stdout.flush()
        os._exit(status)


def fork(*arguments) -> int:
    """Call `run_tests` in a fork and return its exit status, negative if it was ended."""
    process = multiprocessing.get_context("fork").Process(target=run_tests, args=arguments)
    process.start()
    process.join(WALL_SECONDS)
    with contextlib.suppress(ProcessLookupError, TypeError):
        os.killpg(process.pid, 9)  # with the processes that tests have started
    process.join()
    assert process.exitcode is not None
    return process.exitcode


@dataclass(frozen=True)
class Score:
    """Result of one folder."""

    folder: str
    killed: int
    survived: int
    equivalent: int
    possible: int

    def __str__(self) -> str:
        counted = self.killed + self.survived
        share = 100.0 * self.killed / max(counted, 1)
        return (
            f"{self.folder:<12}{self.killed:>4} of {counted} killed ({share:.0f} %), "
            f"{self.equivalent} equivalent, sampled from {self.possible}"
        )


def run_folder(folder: str, count: int, seed: int, lines: str = "") -> Score:
    """Try ``count`` mutants of a folder and print those that survive."""
    possible = find_mutants(folder)
    chosen = random.Random(f"{seed} {folder}").sample(possible, min(count, len(possible)))
    chosen = [mutant for mutant in chosen if f"{mutant.file}:{mutant.line}".endswith(lines)]
    chosen.sort(key=lambda mutant: (mutant.file, mutant.start))
    equivalents = {(entry.file, entry.before, entry.after) for entry in read_equivalents(folder)}
    killed = survived = equivalent = 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as temporary:
        tree, report = Path(temporary) / "tree", Path(temporary) / "report.json"
        skipped = shutil.ignore_patterns("__pycache__", ".*", "*.egg-info", "build", "dist")
        shutil.copytree(ROOT, tree, ignore=skipped)
        cache = Path(temporary) / "cache"
        tracer = Tracer(tree / "spatialkit" / folder)
        start = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        status = fork(tree, folder, 0, cache, tracer, report)
        if status:
            print(report.with_suffix(".log").read_text()[-3000:])
            raise SystemExit(f"the tests of {folder} fail without a mutant (status {status})")
        used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - start
        tests = json.loads(report.read_text())
        for mutant in chosen:
            path = tree / mutant.file
            source, stamp = path.read_text(encoding="utf-8"), path.stat()
            before, after = mutant.lines(source)
            if (mutant.file, before, after) in equivalents:
                equivalent += 1
                continue
            path.write_text(mutant.apply(source), encoding="utf-8")
            sorter = Sorter(tests, mutant.file, mutant.line)
            status = fork(tree, folder, 60 + 3 * int(used), cache, sorter, report)
            path.write_text(source, encoding="utf-8")
            os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
            if status == BROKEN:
                print(report.with_suffix(".log").read_text()[-3000:])
                raise SystemExit(f"the run of {mutant} failed")
            if status:
                killed += 1
            else:
                survived += 1
                print(f"{mutant.file}:{mutant.line}\n- {before}\n+ {after}\n", flush=True)
    return Score(folder, killed, survived, equivalent, len(possible))


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="*", help=f"of {', '.join(FOLDERS)}; default: all")
    parser.add_argument("--count", type=int, default=25, help="mutants per folder (default: 25)")
    parser.add_argument("--seed", type=int, default=0, help="of the sample (default: 0)")
    parser.add_argument("--only", default="", help="mutants of the sample in this FILE:LINE only")
    options = parser.parse_args()
    if unknown := set(options.folders) - set(FOLDERS):
        parser.error(f"unknown folders {sorted(unknown)}; accepted: {', '.join(FOLDERS)}")
    for name in PRELOADED:
        import_module(name)
    scores = []
    for folder in options.folders or FOLDERS:
        scores.append(run_folder(folder, options.count, options.seed, options.only))
        print(scores[-1], flush=True)
    if len(scores) > 1:
        print("\n".join(["", *map(str, scores)]))


if __name__ == "__main__":
    main()
