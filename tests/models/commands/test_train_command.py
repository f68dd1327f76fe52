"""``spatialkit train``: listed without torch, its shared options handed on as they are given."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import click
import pytest

from spatialkit.__main__ import main
from spatialkit.commands import GROUP, plugins
from spatialkit_models.commands import train
from spatialkit_models.training import TrainingConfig

LIGHT = """
import sys
import spatialkit_models.commands.train as train
assert train.command.name == "train"
print([name for name in ("torch", "lightning_fabric", "safetensors") if name in sys.modules])
"""


@pytest.fixture
def probe(monkeypatch):
    """What a subcommand of the group gets."""
    got = {}

    @click.command("probe")
    @click.option("--size", type=int)
    @train.training_options
    def subcommand(**options):
        got.update(options)
        return 0

    monkeypatch.setitem(train.command.commands, "probe", subcommand)
    entry = EntryPoint("train", "spatialkit_models.commands.train:command", GROUP)
    monkeypatch.setattr(plugins, "find_plugins", lambda group: {"train": entry})
    return got


def test_the_command_is_light():
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
    told = capsys.readouterr().out
    for name, default in train.DEFAULTS.items():
        assert f"--{name.replace('_', '-')} " in told
        by_model = default is None or name in train.BY_MODEL
        assert (f"[default: {default}]" in " ".join(told.split())) != by_model


def test_what_is_given_arrives(probe, monkeypatch):
    monkeypatch.setattr(train, "NEEDED", ("click",))
    line = "train probe --out run --steps 7 --learning-rate 0.5 --precision float32 --size 3"
    assert main([*line.split(), "--resume", "--workers", "0"]) == 0
    assert probe == {
        "out": Path("run"),
        "size": 3,
        "settings": {"steps": 7, "learning_rate": 0.5, "precision": "float32"},
        "running": {"resume": True, "workers": 0, "device": "auto", "checkpoint_every": 60.0},
    }
    assert TrainingConfig(**probe["settings"]).batch_size == train.DEFAULTS["batch_size"]


@pytest.mark.usefixtures("probe")
def test_without_the_extra_the_error_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(train, "NEEDED", ("click", "not_there"))
    assert main(["train", "probe", "--out", "run"]) == 2
    error = (
        "Error: training needs not_there: spatialkit's extra `train` "
        "(pip install 'spatialkit-audio[train]')\n"
    )
    assert capsys.readouterr().err == error
