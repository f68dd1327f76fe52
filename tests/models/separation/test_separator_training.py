"""Training of separation masks: loss, measures and the task."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

import spatialkit
from spatialkit.errors import OptionError
from spatialkit_models.data.powers import PowerMixConfig, natural_excerpts
from spatialkit_models.data.songs import find_songs
from spatialkit_models.modules import MaskConfig, StemMasks
from spatialkit_models.separation import RECIPES, MaskLoss, MaskLossConfig, separator_task
from spatialkit_models.separation.losses import calibration_error, mix_covariance, stem_sdr
from spatialkit_models.stem_names import STEMS
from spatialkit_models.training import train
from spatialkit_models.weights import load_weights

RATE = 8000
MASKS = MaskConfig(
    sample_rate=RATE,
    n_fft=512,
    hop_length=128,
    regions=((64, 1), (32, 2), (32, 4)),
    group_features=4,
    width=16,
    dilations=(1, 2),
)
RECIPE = dataclasses.replace(
    RECIPES["masks"], network=MASKS, scenes=PowerMixConfig(frames=24)
).with_training(steps=40, batch_size=4, validate_every=20, warmup=5, learning_rate=1e-2)


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """Stems in frequency ranges of their own."""
    root, rng = tmp_path_factory.mktemp("songs"), np.random.default_rng(0)
    for split, name in (("train", "one"), ("train", "two"), ("valid", "three")):
        folder = root / split / name
        folder.mkdir(parents=True)
        spectrum = np.fft.rfft(0.1 * rng.standard_normal((4, 2, 4 * RATE)))
        for number, stem in enumerate(STEMS):
            audio = np.zeros_like(spectrum[number])
            audio[:, 4000 * number : 4000 * (number + 1)] = 1.0
            samples = np.fft.irfft(audio * spectrum[number], 4 * RATE)
            spatialkit.write(folder / f"{stem}.wav", samples.astype(np.float32), RATE)
    return root


def batch(**changes):
    rng = np.random.default_rng(1)
    powers = rng.gamma(0.2, 1.0, (2, 24, 4, 128))
    mix = np.stack([0.5 * powers.sum(2), 0.5 * powers.sum(2), 0.0 * powers.sum(2)], 2)
    arrays = {"mix": mix.astype(np.float32), "powers": powers.astype(np.float32)}
    groups = np.tile(np.arange(4), (2, 1))
    return {k: torch.from_numpy(v) for k, v in {**arrays, "groups": groups, **changes}.items()}


def test_the_loss_is_lowest_for_the_true_ratios(monkeypatch):
    network = StemMasks(MASKS)
    loss, scene = MaskLoss(network, MaskLossConfig()), batch()
    ratios = scene["powers"] / scene["powers"].sum(2, keepdim=True)
    monkeypatch.setattr(network, "forward", lambda stereo: (ratios + 1e-9).log())
    best, terms = loss(scene, 0.0)
    for wrong in (0.5 * ratios + 0.125, torch.full_like(ratios, 0.25)):
        monkeypatch.setattr(network, "forward", lambda stereo, wrong=wrong: wrong.log())
        assert loss(scene, 0.0)[0] > best
    assert set(terms) == {"cross_entropy", "error"}


def test_joint_stems_are_judged_together(monkeypatch):
    network = StemMasks(MASKS)
    loss, scene = MaskLoss(network, MaskLossConfig()), batch(groups=np.array([[0, 0, 0, 3]] * 2))
    joint = scene["powers"].clone()
    joint[:, :, 0], joint[:, :, 1:3] = joint[:, :, :3].sum(2), 0.0
    scene["powers"] = joint
    found = []
    for part in (0.1, 0.6):
        share = joint[:, :, :1] / joint.sum(2, keepdim=True)
        masks = torch.cat([part * share, (1 - part) * share, 0.0 * share, 1.0 - share], 2)
        monkeypatch.setattr(network, "forward", lambda stereo, masks=masks: (masks + 1e-9).log())
        found.append(float(loss(scene, 0.0)[0]))
    assert np.isclose(*found, atol=1e-3)


def test_sdr_from_powers_is_that_of_the_spectra(songs):
    (song,) = (song for song in find_songs(songs) if song.name == "three")
    scene = natural_excerpts([song], MASKS, seconds=2.0, count=1)
    tensors = {name: torch.from_numpy(array) for name, array in scene.items()}
    rng = np.random.default_rng(0)
    masks = rng.dirichlet(np.ones(4), (scene["powers"].shape[1], 128)).transpose(0, 2, 1)
    found = stem_sdr(torch.from_numpy(masks)[None], tensors)[0]
    stems = np.stack([song.read(stem, 0.0, 2 * RATE, RATE, stereo=True) for stem in STEMS])
    spectra = spatialkit.stft(stems, n_fft=512, hop=128)
    sizes = np.repeat([1, 2, 4], [64, 32, 32])
    spread = np.repeat(masks.transpose(1, 2, 0), sizes, axis=1)
    spectra = spectra[:, :, : spread.shape[1]]
    error = np.square(np.abs(spectra - spread[:, None] * spectra.sum(0))).sum((1, 2, 3))
    expected = 10.0 * np.log10(np.square(np.abs(spectra)).sum((1, 2, 3)) / error)
    np.testing.assert_allclose(found, expected, atol=0.01)


def test_calibration_is_0_for_true_probabilities_and_half_for_confident_guesses():
    rng = np.random.default_rng(0)
    masks = torch.from_numpy(rng.dirichlet(np.ones(4), 40000)).T.reshape(1, 1, 4, -1)
    chosen = torch.distributions.Categorical(masks.movedim(2, -1)).sample()
    powers = torch.nn.functional.one_hot(chosen, 4).movedim(-1, 2).double()
    assert calibration_error(masks, powers) < 0.02
    guess = torch.zeros_like(masks)
    guess[:, :, 0] = 1.0
    assert np.isclose(float(calibration_error(guess, powers)), 0.375, atol=0.01)


def test_mix_covariance_is_that_of_left_and_right():
    left, right = torch.tensor([1.0, 2.0]), torch.tensor([3.0, -1.0])
    mix = torch.stack([left**2, right**2, (left - right) ** 2])[None, None]
    products = mix_covariance(mix).products[0, 0]
    torch.testing.assert_close(products, torch.stack([left**2, left * right, right**2]))


def test_masks_are_trained_and_the_best_are_saved(songs, tmp_path):
    task = separator_task(RECIPE, [(songs, 1.0)], cache=tmp_path / "powers")
    result = train(task, tmp_path / "run", workers=0)
    assert result.finished
    assert result.best["score"] > 5.0
    network, card = load_weights(tmp_path / "run" / "best.safetensors", "separator")
    assert network.config == MASKS
    assert card.data == [{"name": str(songs), "songs": {"train": 2, "valid": 1}}]


def test_generated_songs_are_refused(tmp_path):
    with pytest.raises(OptionError, match="leave out 'procedural'"):
        separator_task(RECIPE, [("procedural", 1.0)], cache=tmp_path)
