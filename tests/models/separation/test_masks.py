"""The separator "masks": masked stereo stems of a small network, and the shipped weights."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from spatialkit_models.modules import Covariance, MaskConfig, Resolution, StemMasks
from spatialkit_models.modules.stem_masks import mean_nearby
from spatialkit_models.separation import RECIPES, MaskSeparator, check_separator, get_separator
from spatialkit_models.separation.mask_model import BIAS, SHARPNESS, load_mask_model
from spatialkit_models.stem_names import STEMS
from spatialkit_models.weights import Card, read_card, save_weights, shipped, shipped_names

# Shipped weights.
NAMES = ("masks", "scenes", "voices")
CONFIG = MaskConfig(group_features=4, width=16, dilations=(1, 2), reach=8)


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
    assert separator.version.startswith("spatialkit-audio ")


def test_masks_are_equal_for_both_channels_and_mirrored_with_the_song(separator, rng):
    song = 0.1 * rng.standard_normal((2, 20000))
    song[1] = 0.3 * song[0]
    stems = separator.separate(song, 44100)
    assert stems.shape == (len(STEMS), 2, 20000)
    # A source panned by level keeps its place in every stem; float32 inside.
    np.testing.assert_allclose(stems[:, 1], 0.3 * stems[:, 0], atol=1e-6)
    np.testing.assert_allclose(separator.separate(song[::-1], 44100), stems[:, ::-1], atol=1e-6)
    np.testing.assert_allclose(separator.separate(0.01 * song, 44100), 0.01 * stems, atol=1e-6)


def test_masks_depend_on_the_frames_within_reach_only(separator, rng):
    song = 0.1 * rng.standard_normal((2, 120_000))
    cut = 40_000  # no multiple of the hop: `start` aligns the frames
    stems = separator.separate_window(song, 44100)
    later = separator.separate_window(song[:, cut:], 44100, cut)
    # Reach of the level and of two blocks, their dilations, smoothing, and half a frame.
    settled = (3 * 8 + 1 + 2 + 2 + 2) * 1024
    expected = stems[..., cut + settled :]
    np.testing.assert_allclose(later[..., settled:], expected, atol=1e-6)
    assert np.abs(later[..., :1024] - stems[..., cut : cut + 1024]).max() > 1e-5


@pytest.mark.parametrize(("frames", "reach"), [(5, 0), (5, 2), (5, 3), (9, 2)])
def test_means_at_the_ends_are_those_of_the_nearest_frames(frames, reach):
    values = torch.arange(2.0 * frames).reshape(1, frames, 2) ** 2
    count = min(2 * reach + 1, frames) if reach else frames
    first = np.clip(np.arange(frames) - reach, 0, frames - count)
    expected = np.stack([values[0, i : i + count].mean(0).numpy() for i in first])
    found = mean_nearby(values, reach).expand_as(values)
    np.testing.assert_allclose(found[0], expected, rtol=1e-6)


def test_a_network_with_reach_is_trained_on_means_of_its_excerpts():
    recipe = RECIPES["masks"]
    assert 2 * recipe.network.reach + 1 >= recipe.scenes.frames


def test_values_of_bands_are_repeated_for_their_bins():
    resolution = Resolution(((2, 1), (2, 3)))
    spread = resolution.spread(torch.arange(4.0), 10)
    assert spread.tolist() == [0, 1, 2, 2, 2, 3, 3, 3, 3, 3]


def test_masks_of_mono_need_no_mirror_image(rng):
    model = load_mask_model()
    left = torch.from_numpy(rng.random((1, 20, 1, model.resolution.bands)).astype(np.float32))
    mono = Covariance(left.expand(-1, -1, 3, -1), 2)
    assert model.masks_of(mono, mono=True).allclose(model.masks_of(mono), atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_weights_belong_to_the_separator(name):
    card = read_card(shipped(f"separator-{name}"))
    assert (card.model, card.architecture) == ("separator", "separator-masks")
    assert MaskSeparator.unavailable() == ""
    assert card.sha256[:8] in MaskSeparator().version


def test_the_shipped_masks_are_those_of_the_mean_logits(rng):
    audio = np.float32(0.1 * rng.standard_normal((2, 20_000)))
    alone = [load_mask_model(shipped(f"separator-{name}")) for name in NAMES]
    product = np.prod([model.masks(audio) for model in alone], axis=0) ** (SHARPNESS / len(NAMES))
    product *= np.exp(BIAS)[:, None]
    expected = product / product.sum(1, keepdims=True)
    np.testing.assert_allclose(load_mask_model().masks(audio), expected, atol=1e-4)


def test_all_shipped_weights_together_have_at_most_8_mb():
    files = [shipped(name).stat().st_size for name in shipped_names()]
    assert sum(files) <= 8_000_000
