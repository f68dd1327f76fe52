"""The separator "masks": masked stereo stems of a small network, and the shipped weights."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from spatialkit_models.modules import MaskConfig, Resolution, StemMasks
from spatialkit_models.separation import MaskSeparator, check_separator, get_separator
from spatialkit_models.stem_names import STEMS
from spatialkit_models.weights import Card, read_card, save_weights, shipped

CONFIG = MaskConfig(group_features=4, width=16, dilations=(1, 2))


@pytest.fixture(scope="module")
def separator(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("masks") / "small.safetensors"
    card = Card(model="separator", architecture="separator-masks", config=asdict(CONFIG))
    save_weights(path, StemMasks(CONFIG), card)
    return get_separator("masks", weights=path)


def test_the_separator_conforms(separator):
    results = check_separator(separator)
    assert {result.status for result in results} == {"passed"}
    assert "separator-masks" in separator.version


def test_masks_are_equal_for_both_channels_and_mirrored_with_the_song(separator, rng):
    song = 0.1 * rng.standard_normal((2, 20000))
    song[1] = 0.3 * song[0]
    stems = separator.separate(song, 44100)
    assert stems.shape == (len(STEMS), 2, 20000)
    # A source panned by level keeps its place in every stem; float32 inside.
    np.testing.assert_allclose(stems[:, 1], 0.3 * stems[:, 0], atol=1e-6)
    np.testing.assert_allclose(separator.separate(song[::-1], 44100), stems[:, ::-1], atol=1e-6)
    np.testing.assert_allclose(separator.separate(0.01 * song, 44100), 0.01 * stems, atol=1e-6)


def test_values_of_bands_are_repeated_for_their_bins():
    resolution = Resolution(((2, 1), (2, 3)))
    spread = resolution.spread(torch.arange(4.0), 10)
    assert spread.tolist() == [0, 1, 2, 2, 2, 3, 3, 3, 3, 3]


def test_the_shipped_weights_belong_to_the_separator():
    card = read_card(shipped("separator-masks"))
    assert (card.model, card.architecture) == ("separator", "separator-masks")
    assert MaskSeparator.unavailable() == ""
