"""``spatialkit train``: listed without torch; shared options are passed on unchanged."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from importlib.metadata import EntryPoint
from pathlib import Path

import click
import pytest

from spatialkit.__main__ import main
from spatialkit.commands import GROUP, plugins
from spatialkit_models.commands import train, training_options
from spatialkit_models.style_vae import RECIPES
from spatialkit_models.training import TrainingConfig

LIGHT = """
import sys
import spatialkit_models.commands.train as train
assert train.command.name == "train"
print([name for name in ("torch", "lightning_fabric", "safetensors") if name in sys.modules])
"""


@pytest.fixture
def probe(monkeypatch):
    """The options that a subcommand of the group receives."""
    got = {}

    @click.command("probe")
    @click.option("--size", type=int)
    @training_options.training_options(RECIPES)
    def subcommand(**options):
        got.update(options)
        return 0

    monkeypatch.setitem(train.command.commands, "probe", subcommand)
    entry = EntryPoint("train", "spatialkit_models.commands.train:command", GROUP)
    monkeypatch.setattr(plugins, "find_plugins", lambda group: {"train": entry})
    return got


def test_importing_the_command_loads_nothing_heavy():
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_it_is_named_in_the_entry_points():
    setup = Path(__file__).parents[3] / "setup.cfg"
    if not setup.exists():
        pytest.skip("runs in the source tree")
    assert "\n    train = spatialkit_models.commands.train:command\n" in setup.read_text()


@pytest.mark.usefixtures("probe")
def test_help_has_every_setting_with_its_default(capsys):
    assert main(["train", "probe", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for field in fields(TrainingConfig):
        assert f"--{field.name.replace('_', '-')} " in text
    for default in ("8", "0.003 (fast), 0.005 (paper)", "0.01 (fast), 0.0 (paper)", "0.999"):
        assert f"[default: {default}]" in text


def test_specified_options_are_passed_on(probe, monkeypatch):
    monkeypatch.setattr(training_options, "REQUIREMENTS", ("click",))
    line = "train probe --out run --steps 7 --learning-rate 0.5 --precision float32 --size 3"
    assert main([*line.split(), "--resume", "--workers", "0"]) == 0
    assert probe == {
        "out": Path("run"),
        "size": 3,
        "settings": {"steps": 7, "learning_rate": 0.5, "precision": "float32"},
        "run": {"resume": True, "workers": 0, "device": "auto", "checkpoint_every": 60.0},
    }


@pytest.mark.usefixtures("probe")
def test_without_the_extra_the_error_contains_the_install_command(monkeypatch, capsys):
    monkeypatch.setattr(training_options, "REQUIREMENTS", ("click", "not_there"))
    assert main(["train", "probe", "--out", "run"]) == 2
    error = (
        "Error: training needs not_there: spatialkit's extra `train` "
        "(pip install 'spatialkit-audio[train]')\n"
    )
    assert capsys.readouterr().err == error
