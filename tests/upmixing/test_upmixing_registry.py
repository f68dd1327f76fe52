"""Upmixers by name: entry points of installed packages, names registered at run time."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from spatialkit.__main__ import main
from spatialkit.errors import OptionError, UpmixerError
from spatialkit.layouts import get_layout
from spatialkit.upmixing import (
    Upmixer,
    check_upmixer,
    describe_upmixers,
    get_upmixer,
    load_upmixer,
    parse_options,
    register_upmixer,
    registry,
    upmixer_names,
)
from spatialkit.upmixing.passive import AllChannelStereo, Matrix


@pytest.fixture
def registered(monkeypatch):
    """Remove names registered at run time after the test."""
    monkeypatch.setattr(registry.UPMIXERS, "registered", {})


def install(
    folder: Path, monkeypatch, *, distribution: str, entries: str, module: str = "", code: str = ""
) -> None:
    """Write a package to ``folder`` as an installer does."""
    info = folder / f"{distribution.replace('-', '_')}-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[spatialkit.upmixers]\n{entries}\n")
    if module:
        (folder / f"{module}.py").write_text(code)
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.syspath_prepend(folder)


PLUG_IN = '''
from __future__ import annotations
from dataclasses import dataclass
import numpy as np
from spatialkit.layouts import get_layout
from spatialkit.upmixing import Upmixer, option

@dataclass(frozen=True)
class Options:
    back: float = option(0.5, "Gain of the rear pair.", minimum=0.0, maximum=1.0)

class Quad(Upmixer):
    """Both sides to the rear, too.

    More words.
    """
    name = "third-party-quad"
    accepts = (2,)
    format = get_layout("quad")
    options_class = Options
    memoryless = True

    def _upmix(self, audio, sample_rate):
        return np.concatenate([audio, audio * audio.dtype.type(self.options.back)])

def not_an_upmixer(**options):
    return 3

class Stranger:
    """No upmixer at all."""

class Misdeclared(Quad):
    accepts = 2

class Plain(Quad):
    options_class = dict
'''


@pytest.fixture
def third_party(tmp_path, monkeypatch):
    """Install a package with a valid upmixer, an invalid one and an invalid name."""
    entries = "third-party-quad = quad_plug_in:Quad\nnonsense = quad_plug_in:not_an_upmixer\n"
    entries += "stranger = quad_plug_in:Stranger\nmisdeclared = quad_plug_in:Misdeclared\n"
    entries += "plain = quad_plug_in:Plain\n"
    entries += "missing = quad_plug_in:Nothing\n../evil = quad_plug_in:Quad\nnumber = math:pi\n"
    install(
        tmp_path / "good",
        monkeypatch,
        distribution="quad-plug-in",
        entries=entries,
        module="quad_plug_in",
        code=PLUG_IN,
    )
    yield
    sys.modules.pop("quad_plug_in", None)


def test_built_in_names_are_found_by_entry_points():
    assert {"all-channel-stereo", "matrix", "style-vae", "ambisonizer"} <= set(upmixer_names())
    assert {"foa-pair", "foa-sides", "foa-residual", "foa-mono"} <= set(upmixer_names())
    assert list(upmixer_names()) == sorted(upmixer_names())
    assert load_upmixer("matrix").name == "matrix"


@pytest.mark.usefixtures("third_party")
def test_an_installed_package_adds_its_upmixer_without_being_imported():
    assert "third-party-quad" in upmixer_names()
    get_upmixer("matrix")
    assert "quad_plug_in" not in sys.modules
    upmixer = get_upmixer("third-party-quad", back=0.25)
    check_upmixer(upmixer)
    assert upmixer.options.back == 0.25
    assert parse_options(load_upmixer("third-party-quad"), {"back": "1"}) == {"back": 1.0}
    with pytest.raises(OptionError, match="back must be from 0 to 1"):
        get_upmixer("third-party-quad", back=2)


@pytest.mark.usefixtures("third_party")
def test_packages_removed_or_installed_at_run_time_are_noticed(tmp_path):
    assert "third-party-quad" in upmixer_names()
    (info,) = (tmp_path / "good").glob("*.dist-info")
    info.rename(tmp_path / "removed")
    assert "third-party-quad" not in upmixer_names()
    (tmp_path / "removed").rename(info)
    assert "third-party-quad" in upmixer_names()


@pytest.mark.usefixtures("third_party")
def test_upmixers_are_described_with_their_options_and_origin():
    found = {each.name: each for each in describe_upmixers()}["third-party-quad"]
    assert found.summary == "Both sides to the rear, too."
    assert found.origin == "quad_plug_in:Quad, from quad-plug-in 1.2"
    assert (found.format, found.accepts, found.sample_rate) == ("quad", (2,), None)
    assert [each.name for each in found.options] == ["back"]
    assert found.problem == ""


@pytest.mark.usefixtures("third_party")
def test_broken_plug_ins_are_reported_and_do_not_affect_others(tmp_path, monkeypatch):
    for number, code in enumerate(["import no_such_module", "import sys; sys.exit(3)", "1/0"]):
        install(
            tmp_path / str(number),
            monkeypatch,
            distribution=f"broken-{number}",
            entries=f"broken-{number} = broken_{number}:Thing",
            module=f"broken_{number}",
            code=code,
        )
    problems = {each.name: each.problem for each in describe_upmixers()}
    assert problems["third-party-quad"] == problems["matrix"] == ""
    for name, cause in [
        ("broken-0", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("broken-1", "SystemExit: 3"),
        ("broken-2", "ZeroDivisionError"),
    ]:
        message = rf"'{name}' \({name.replace('-', '_')}:Thing, from {name} 1.2\) failed.*{cause}"
        with pytest.raises(UpmixerError, match=message):
            get_upmixer(name)
        assert cause in problems[name]
    with pytest.raises(UpmixerError, match=r"'missing' .* failed to import: AttributeError"):
        get_upmixer("missing")
    with pytest.raises(UpmixerError, match=r"'nonsense' .* is a function, not an Upmixer class"):
        get_upmixer("nonsense")
    with pytest.raises(UpmixerError, match=r"'number' .* is a float, not an Upmixer class"):
        get_upmixer("number")


@pytest.mark.usefixtures("third_party")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("stranger", "is a class, not an Upmixer class: the entry point must refer to a subclass"),
        (
            "nonsense",
            "is a function, not an Upmixer class: the entry point must refer to a subclass",
        ),
        ("misdeclared", "accepts must be a tuple of channel counts, got 2"),
        ("plain", "options must be declared in a frozen dataclass, got <class 'dict'>"),
    ],
)
def test_invalid_classes_are_listed_with_the_reason_and_raise(name, reason):
    found = {each.name: each for each in describe_upmixers()}
    assert reason in found[name].problem
    assert found[name].origin.endswith("from quad-plug-in 1.2")
    assert found["third-party-quad"].problem == found["matrix"].problem == ""
    with pytest.raises(UpmixerError, match=reason):
        get_upmixer(name)


@pytest.mark.usefixtures("third_party")
def test_invalid_names_are_listed_with_a_problem_and_not_loaded():
    assert "../evil" not in upmixer_names()
    assert "letters, digits" in {each.name: each.problem for each in describe_upmixers()}["../evil"]
    with pytest.raises(UpmixerError, match="unknown upmixer"):
        get_upmixer("../evil")


@pytest.mark.usefixtures("third_party")
def test_duplicate_name_raises_an_error_with_both_packages(tmp_path, monkeypatch):
    entries = "third-party-quad = another:Quad"
    install(tmp_path / "more", monkeypatch, distribution="another", entries=entries)
    message = "another:Quad, from another 1.2; quad_plug_in:Quad, from quad-plug-in 1.2; uninstall"
    with pytest.raises(UpmixerError, match=message):
        get_upmixer("third-party-quad")
    assert upmixer_names().count("third-party-quad") == 1
    found = {each.name: each for each in describe_upmixers()}
    assert "uninstall all but one" in found["third-party-quad"].problem
    assert found["all-channel-stereo"].problem == ""
    check_upmixer(get_upmixer("all-channel-stereo"))


def test_a_built_in_upmixer_keeps_its_name(tmp_path, monkeypatch, capsys):
    install(tmp_path, monkeypatch, distribution="another", entries="matrix = another:Matrix")
    assert load_upmixer("matrix") is Matrix
    assert registry.upmixer_package("matrix").startswith("spatialkit-audio ")
    assert upmixer_names().count("matrix") == 1
    broken, built_in = (found for found in describe_upmixers() if found.name == "matrix")
    assert broken.problem == "'matrix' is the name of a built-in upmixer; choose another"
    assert broken.origin == "another:Matrix, from another 1.2"
    assert (built_in.problem, built_in.format) == ("", "5.1")
    assert main(["upmixers"]) == 0
    listed = " ".join(capsys.readouterr().out.split())
    assert f"matrix cannot be used: {broken.problem} ({broken.origin})" in listed


@pytest.mark.usefixtures("third_party")
def test_the_list_contains_the_origin_of_a_broken_upmixer_once(capsys):
    assert main(["upmixers"]) == 0
    listed = " ".join(capsys.readouterr().out.split())
    assert listed.count("quad_plug_in:not_an_upmixer, from quad-plug-in 1.2") == 1
    assert listed.count("quad_plug_in:Nothing, from quad-plug-in 1.2") == 1


@pytest.mark.parametrize("name", ["no-such", "", "-m", "a b", None, 3])
def test_unknown_names_raise_with_the_accepted_names(name):
    with pytest.raises(UpmixerError, match=r"upmixer .*Accepted: .*matrix"):
        get_upmixer(name)


def test_names_are_matched_without_regard_to_case():
    assert get_upmixer("Matrix").name == "matrix"
    assert load_upmixer("MATRIX") is Matrix


@pytest.mark.usefixtures("registered")
def test_a_registered_upmixer_is_found_by_name():
    register_upmixer("demo", Matrix)
    register_upmixer("made", lambda **options: Matrix(**options))
    assert {"demo", "made"} <= set(upmixer_names())
    assert get_upmixer("demo", layout="7.1").format.name == "7.1"
    assert isinstance(get_upmixer("made"), Matrix)
    found = {each.name: each for each in describe_upmixers()}
    assert found["demo"].format == "5.1"
    assert found["demo"].origin.endswith("Matrix, registered")
    assert found["made"].problem == ""


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    ("name", "factory", "message"),
    [
        ("demo", Matrix, "'demo' is in use by .*Matrix, registered"),
        ("matrix", Matrix, "'matrix' is in use by spatialkit.upmixing.passive:Matrix"),
        ("a/b", Matrix, "letters, digits and '-', got 'a/b'"),
        ("-x", Matrix, "letters, digits"),
        ("x", 3, "factory must be callable"),
    ],
)
def test_registering_used_or_invalid_names_raises(name, factory, message):
    register_upmixer("demo", Matrix)
    with pytest.raises(UpmixerError, match=message):
        register_upmixer(name, factory)


@pytest.mark.usefixtures("registered")
def test_factory_with_a_wrong_signature_is_named_in_the_error():
    register_upmixer("rigid", lambda size: None)
    with pytest.raises(UpmixerError, match=r"'rigid' .*could not be created: TypeError"):
        get_upmixer("rigid")


@pytest.mark.parametrize(
    ("members", "rule"),
    [
        ({"accepts": 2}, "accepts must be a tuple of channel counts, got 2"),
        ({"format": "quad"}, "format must be a Layout or AmbisonicFormat, got 'quad'"),
        ({"_upmix": Upmixer._upmix}, r"it must define _upmix\(audio, sample_rate\)"),
    ],
)
@pytest.mark.usefixtures("registered")
def test_declaration_is_checked_on_creation(members, rule):
    class Invalid(Upmixer):
        name = "invalid"
        accepts = (2,)
        format = get_layout("quad")

        def _upmix(self, audio, sample_rate):
            return np.concatenate([audio, audio])

    register_upmixer("invalid", type("Invalid", (Invalid,), members))
    with pytest.raises(UpmixerError, match=f"^upmixer 'invalid': {rule}"):
        get_upmixer("invalid")


@pytest.mark.usefixtures("registered")
def test_an_upmixer_has_the_name_that_it_was_requested_by():
    register_upmixer("another", AllChannelStereo)
    assert get_upmixer("another").name == "another"
    assert AllChannelStereo.name == "all-channel-stereo"
