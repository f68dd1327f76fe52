"""The learned upmixers as plug-ins: listed without torch, honest about what is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from spatialkit.errors import UpmixerError
from spatialkit.upmixing import describe_upmixers, get_upmixer, upmixer_names
from spatialkit_models import upmixers, weights

LEARNED = {"style-vae": "5.0", "ambisonizer": "ambix1"}
TO_COME = {"style-vae": "its weights", "ambisonizer": "its network and weights"}


@pytest.fixture(autouse=True)
def nothing_shipped(monkeypatch, tmp_path):
    monkeypatch.setattr(weights, "SHIPPED", tmp_path)


@pytest.fixture(params=upmixers.REQUIREMENTS)
def missing(request, monkeypatch):
    """One requirement that is not installed, all others installed."""

    def find_spec(module):
        return None if module == request.param else object()

    monkeypatch.setattr(upmixers, "find_spec", find_spec)


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr(upmixers, "find_spec", lambda module: object())


@pytest.mark.parametrize("name", LEARNED)
@pytest.mark.usefixtures("missing")
def test_without_the_extra_the_error_says_what_to_install(name):
    message = rf"^upmixer '{name}' needs `pip install spatialkit\[models\]`; {TO_COME[name]} are"
    with pytest.raises(UpmixerError, match=message):
        get_upmixer(name)


@pytest.mark.parametrize("name", LEARNED)
@pytest.mark.usefixtures("installed")
def test_with_the_extra_the_error_says_what_is_still_to_come(name):
    message = rf"^upmixer '{name}' is not available in this version: {TO_COME[name]} are still"
    with pytest.raises(UpmixerError, match=message):
        get_upmixer(name)


@pytest.mark.usefixtures("missing")
def test_learned_upmixers_are_listed_with_what_they_need():
    assert set(LEARNED) <= set(upmixer_names())
    described = {found.name: found for found in describe_upmixers()}
    for name, format_name in LEARNED.items():
        assert described[name].format == format_name
        assert described[name].summary
        assert described[name].problem.startswith("needs `pip install spatialkit[models]`")


@pytest.mark.usefixtures("installed")
def test_with_weights_in_the_package_the_style_vae_has_no_problem(tmp_path):
    (tmp_path / "style-vae-fast.safetensors").touch()
    assert upmixers.StyleVAEUpmixer.unavailable() == ""


def test_listing_upmixers_does_not_import_torch():
    code = (
        "import sys, spatialkit.upmixing as u; u.describe_upmixers(); print('torch' in sys.modules)"
    )
    listed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert listed.stdout.strip() == "False"
