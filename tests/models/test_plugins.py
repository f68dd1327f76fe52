"""Learned upmixers as plug-ins: listed without torch, with their missing requirements."""

from __future__ import annotations

import subprocess
import sys

import pytest

from spatialkit.errors import UpmixerError
from spatialkit.upmixing import describe_upmixers, get_upmixer, upmixer_names
from spatialkit_models import upmixers
from spatialkit_models.weights import cards

LEARNED = {"style-vae": "5.0", "ambisonizer": "foa"}


@pytest.fixture(autouse=True)
def nothing_shipped(monkeypatch, tmp_path):
    monkeypatch.setattr(cards, "SHIPPED", tmp_path)


@pytest.fixture(params=cards.REQUIREMENTS)
def missing(request, monkeypatch):
    """One requirement that is not installed, all others installed."""

    def find_spec(module):
        return None if module == request.param else object()

    monkeypatch.setattr(cards, "find_spec", find_spec)


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr(cards, "find_spec", lambda module: object())


@pytest.mark.parametrize("name", LEARNED)
@pytest.mark.usefixtures("missing")
def test_without_the_extra_the_error_contains_the_install_command(name):
    message = rf"^upmixer '{name}' needs spatialkit's extra `models` \(pip install"
    with pytest.raises(UpmixerError, match=message):
        get_upmixer(name)


@pytest.mark.parametrize("name", LEARNED)
@pytest.mark.usefixtures("installed")
def test_with_the_extra_the_error_names_the_other_missing_module(name):
    message = f"^upmixer '{name}' lacks its weights, which are part of the package"
    with pytest.raises(UpmixerError, match=message):
        get_upmixer(name)


@pytest.mark.usefixtures("missing")
def test_learned_upmixers_are_listed_with_their_requirements():
    assert set(LEARNED) <= set(upmixer_names())
    described = {found.name: found for found in describe_upmixers()}
    for name, format_name in LEARNED.items():
        assert described[name].format == format_name
        assert described[name].summary
        assert described[name].problem.startswith("needs spatialkit's extra `models`")


@pytest.mark.parametrize(
    ("upmixer", "file"),
    [
        (upmixers.StyleVAEUpmixer, "style-vae-fast.safetensors"),
        (upmixers.AmbisonizerUpmixer, "ambisonizer-stage.safetensors"),
    ],
)
@pytest.mark.usefixtures("installed")
def test_with_weights_in_the_package_there_is_no_problem(upmixer, file, tmp_path):
    (tmp_path / file).touch()
    assert upmixer.unavailable() == ""


def test_listing_upmixers_does_not_import_torch():
    code = (
        "import sys, spatialkit.upmixing as u; u.describe_upmixers(); print('torch' in sys.modules)"
    )
    listed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert listed.stdout.strip() == "False"
