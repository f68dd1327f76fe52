"""The upmixer "ambisonizer": both networks, joined windows, stages, scenes of mono."""

from __future__ import annotations

import itertools
import json
import warnings
from dataclasses import asdict

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from spatialkit.ambisonics import decode_foa, virtual_microphones
from spatialkit.errors import OptionError, SpatialkitWarning, UpmixerError
from spatialkit.files import write
from spatialkit.metrics import loudness
from spatialkit.rendering import render
from spatialkit.upmixing import check_upmixer, get_upmixer, parse_options
from spatialkit_models.ambisonizer import (
    AmbisonizerConfig,
    PublishedModel,
    StageModel,
    inference,
    load_ambisonizer_model,
)
from spatialkit_models.ambisonizer.inference import latent_noise
from spatialkit_models.ambisonizer.published import PublishedConfig
from spatialkit_models.data.scenes import mono_gains, parse_stage
from spatialkit_models.modules import STFT, Covariance, MaskConfig
from spatialkit_models.separation.mask_model import load_mask_model
from spatialkit_models.stem_names import STEMS
from spatialkit_models.upmixers import AmbisonizerUpmixer
from spatialkit_models.weights import ARCHITECTURES, Card, WeightsError, cards, save_weights

RATE = 44100
STAGE = AmbisonizerConfig(MaskConfig(group_features=4, width=16, dilations=(1, 2)))
PUBLISHED = PublishedConfig(
    latent_size=4,
    filters=4,
    lstm_layers=1,
    transformer_layers=1,
    transformer_heads=2,
    transformer_hidden=8,
    reduction=2,
)


def save(path, config):
    torch.manual_seed(0)
    variant = "published" if isinstance(config, PublishedConfig) else "stage"
    architecture = f"ambisonizer-{variant}"
    model = ARCHITECTURES[architecture].build(json.loads(json.dumps(asdict(config))))
    with torch.no_grad():
        for parameter in model.parameters():  # away from a start that treats all stems alike
            parameter += 0.05 * torch.randn_like(parameter)
    card = Card(model="ambisonizer", architecture=architecture, config=asdict(config))
    save_weights(path, model, card)
    return str(path)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    return save(tmp_path_factory.mktemp("own") / "best.safetensors", STAGE)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return save(tmp_path_factory.mktemp("published") / "best.safetensors", PUBLISHED)


def make(path, **options):
    return get_upmixer("ambisonizer", weights=path, **options)


def noise(rng, channels=2, samples=RATE, dtype=np.float32):
    """Correlated and unequal channels."""
    audio = 0.1 * rng.standard_normal((channels, samples))
    audio[-1] += 0.5 * audio[0]
    return audio.astype(dtype)


def test_ambience_changes_x_only_and_scales(own, rng):
    audio = noise(rng)
    plain, soft, loud = (
        make(own, ambience=level).upmix(audio, RATE) for level in (-60.0, -12.0, 0.0)
    )
    np.testing.assert_array_equal(plain[:3], loud[:3])
    added = loud[3] - plain[3]
    assert np.mean(added**2) > 0.01 * np.mean(plain[1] ** 2)
    np.testing.assert_allclose(soft[3] - plain[3], 10 ** (-12 / 20) * added, atol=1e-5)


# The contract.


@pytest.mark.parametrize("options", [{}, {"stage": "band", "layout": "5.1", "exact_downmix": True}])
def test_it_passes_the_conformance_check(own, options):
    check_upmixer(make(own, **options))


# Stems and separators.


class Vocals:
    """Masks that give everything to vocals."""

    def masks_of(self, stereo):
        batch, frames, _, bands = stereo.products.shape
        return torch.eye(4)[0][:, None].expand(batch, frames, 4, bands)


def test_masks_of_the_separator_replace_those_of_the_network(own, rng):
    """Everything is vocals: other stages have no effect, and mono is at their place."""
    network = load_ambisonizer_model(weights=own).network
    model = StageModel(network, "", Vocals())
    stereo = noise(rng)
    x, other, rear = (
        model.foa(stereo, stage=stage)[3]
        for stage in ((1.0, 1.0, 1.0, 1.0), (1.0, 0.0, -1.0, 0.5), (-1.0, 1.0, 1.0, 1.0))
    )
    np.testing.assert_allclose(other, x, atol=1e-5)
    np.testing.assert_allclose(rear, -x, atol=1e-5)
    assert not np.allclose(StageModel(network, "").foa(stereo, stage=(1.0, 0.0, -1.0, 0.5))[3], x)
    y_gain, x_gain, _ = mono_gains(0, (1.0, 1.0, 1.0, 1.0))[0]
    w, y, _, x = model.foa(stereo[:1])
    np.testing.assert_allclose(y, y_gain * w, atol=1e-3)
    np.testing.assert_allclose(x, x_gain * w, atol=1e-3)


def test_the_shipped_weights_use_the_masks_of_the_separator(rng):
    model, masks = load_ambisonizer_model(), load_mask_model()
    pair = torch.from_numpy(noise(rng))[None]
    spectrum = model.network.stft(pair)
    left_right = model.network.stft(
        torch.stack([pair[:, 0] + pair[:, 1], pair[:, 0] - pair[:, 1]], 1)
    )
    expected = masks.masks_of(Covariance.of(left_right, masks.resolution))
    np.testing.assert_allclose(model._masks(spectrum), expected, atol=1e-4)


def write_stems(folder, stems):
    folder.mkdir()
    for name, stem in zip(STEMS, stems, strict=True):
        write(folder / f"{name}.wav", stem, RATE, subtype="FLOAT")
    return folder


def test_x_of_stems_is_that_of_each_as_a_plane_wave_on_the_stage(own, rng, tmp_path):
    mono = 0.1 * rng.standard_normal((4, RATE)).astype(np.float32)
    azimuth = np.deg2rad([0.0, 50.0, -30.0, 20.0])
    left, right = 1.0 + np.sin(azimuth), 1.0 - np.sin(azimuth)
    stems = mono[:, None] * np.stack([left, right], 1)[..., None].astype(np.float32)
    song, folder = stems.sum(0), write_stems(tmp_path / "stems", stems)
    result = make(own, stage="vocals:1,drums:0.5,bass:0,other:-1", stems=folder).upmix(song, RATE)
    np.testing.assert_allclose(result[0] + result[1], song[0], atol=1e-6)
    np.testing.assert_allclose(result[0] - result[1], song[1], atol=1e-6)
    expected = (np.array([1.0, 0.5, 0.0, -1.0]) * np.cos(azimuth)) @ mono
    np.testing.assert_allclose(result[3, 4096:-4096], expected[4096:-4096], atol=1e-4)


@pytest.mark.parametrize("channels", [1, 2])
def test_streams_of_stems_equal_the_whole(own, rng, channels):
    upmixer = make(own, separator="masks", stage="band", seed=2 - channels)
    audio = noise(rng, channels, 12 * RATE)
    stream = upmixer.stream(RATE)
    parts = [stream.process(audio[:, n : n + 70000]) for n in range(0, audio.shape[1], 70000)]
    joined = np.concatenate([*parts, stream.flush()], 1)
    np.testing.assert_array_equal(joined, upmixer.upmix(audio, RATE))
    np.testing.assert_allclose(joined[0], audio.mean(0), atol=1e-6)


def test_stems_of_mono_are_placed_by_the_seed(own, rng, tmp_path):
    stems = np.zeros((4, 1, RATE), np.float32)
    stems[0] = 0.1 * rng.standard_normal(RATE)
    upmixer = make(own, seed=3, stems=write_stems(tmp_path / "stems", stems))
    result = upmixer.upmix(stems.sum(0), RATE)
    y, x, _ = mono_gains(3, (1.0,) * 4)[0]
    np.testing.assert_allclose(result[3], x * stems[0, 0], atol=1e-6)
    assert abs(np.vdot(result[1], stems[0, 0]) / np.vdot(stems[0], stems[0]) - y) < 0.1


def test_the_published_network_has_no_stems(published):
    with pytest.raises(OptionError, match="no effect with the variant 'published'"):
        make(published, variant="published", separator="masks")


def test_the_published_network_keeps_the_contract(published):
    check_upmixer(make(published, variant="published", seed=3))


def test_weights_are_bundled_or_specified(own, published, monkeypatch, tmp_path):
    monkeypatch.setattr(cards, "SHIPPED", tmp_path)
    with pytest.raises(UpmixerError, match="lacks its weights"):
        get_upmixer("ambisonizer")
    save(tmp_path / "ambisonizer-stage.safetensors", STAGE)
    assert get_upmixer("ambisonizer").format.name == "ambix1"
    with pytest.raises(WeightsError, match=r"'published' needs weights=: .* convert-checkpoint"):
        get_upmixer("ambisonizer", variant="published")
    with pytest.raises(WeightsError, match="cannot be read"):
        make(str(tmp_path / "none.safetensors"))
    assert make(tmp_path / "ambisonizer-stage.safetensors").options.weights.startswith("/")
    for path, variant, other in ((own, "published", "stage"), (published, "stage", "published")):
        with pytest.raises(OptionError, match=f"the weights belong to the variant '{other}'"):
            make(path, variant=variant)


def test_options_without_effect_are_reported(own, published, rng):
    with pytest.warns(SpatialkitWarning, match="ambience has no effect: the published"):
        make(published, variant="published", ambience=0.0)
    with pytest.warns(SpatialkitWarning, match="ambience has no effect: mono"):
        make(own, ambience=0.0).upmix(noise(rng, 1), RATE)


def test_models_have_a_description(own, published):
    model = load_ambisonizer_model(weights=own)
    assert model is load_ambisonizer_model(weights=own)
    assert (model.name, model.sample_rate) == ("ambisonizer-stage", RATE)
    assert load_ambisonizer_model(weights=published).name == "ambisonizer-published"
    with pytest.raises(OptionError, match="variant"):
        load_ambisonizer_model("paper")


# What is known is passed through.


@pytest.mark.parametrize("rate", [44100, 48000, 22050])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_w_and_y_equal_the_stereo_input_exactly(own, rng, rate, dtype):
    left, right = stereo = noise(rng, 2, rate, dtype)
    w, y, z, x = make(own).upmix(stereo, rate)
    half = dtype(0.5)
    assert np.array_equal(w, half * (left + right))
    assert np.array_equal(y, half * (left - right))
    assert not z.any()
    assert x.std() > 0.01


def test_w_and_y_equal_the_input_across_windows(own, published, rng, monkeypatch):
    for path, variant in ((own, "stage"), (published, "published")):
        shorten(monkeypatch, load_ambisonizer_model(variant, path))
        left, right = stereo = noise(rng, 2, 4 * RATE)
        w, y, _, _ = make(path, variant=variant).upmix(stereo, RATE)
        assert np.array_equal(w, np.float32(0.5) * (left + right))
        assert np.array_equal(y, np.float32(0.5) * (left - right))


@pytest.mark.parametrize("stage", ["front", "vocals:-1,drums:0.3,bass:0.1,other:-0.2"])
@pytest.mark.parametrize("rate", [44100, 48000])
def test_swapped_channels_give_exactly_the_mirrored_scene(own, rng, stage, rate):
    stereo = noise(rng, 2, rate)
    upmixer = make(own, stage=stage)
    mirrored = upmixer.upmix(stereo[::-1], rate)
    assert np.array_equal(mirrored, [[1], [-1], [1], [1]] * upmixer.upmix(stereo, rate))


def test_w_of_mono_is_the_input(own, published, rng):
    mono = noise(rng, 1)
    for upmixer in (make(own), make(published, variant="published")):
        w, y, z, x = upmixer.upmix(mono, RATE)
        assert np.array_equal(w, mono[0])
        assert not z.any()
        assert min(x.std(), y.std()) > 0.001


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("variant", ["stage", "published"])
def test_degenerate_input_gives_finite_output(own, published, rng, variant, channels):
    upmixer = make({"stage": own, "published": published}[variant], variant=variant)
    sound = rng.uniform(-1.0, 1.0, 9000).astype(np.float32)
    full_scale = np.sign(sound)
    pairs = {
        "full scale": [full_scale, full_scale[::-1]],
        "equal": [sound, sound],
        "opposed": [sound, -sound],
        "left": [sound, 0 * sound],
        "late": [np.where(np.arange(9000) > 8000, sound, 0)] * 2,
        "click": [np.eye(1, 9000, 3000, dtype=np.float32)[0]] * 2,
        "one sample": [sound[:1], sound[1:2]],
        "nothing": [sound[:0], sound[:0]],
    }
    for pair in pairs.values():
        made = upmixer.upmix(np.stack(pair[:channels]), RATE)
        assert np.isfinite(made).all()
        assert np.abs(made).max(initial=0.0) < 30.0
    assert not upmixer.upmix(np.zeros((channels, 9000)), RATE).any()


def test_two_cardioids_to_the_sides_return_the_stereo(own, rng):
    stereo = noise(rng, 2, RATE // 2)
    scene = make(own).upmix(stereo, RATE)
    cardioids = 2.0 * virtual_microphones(scene, [90.0, -90.0], pattern=0.5)
    np.testing.assert_allclose(cardioids, stereo, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 2])
def test_loudspeaker_feeds_are_the_rendered_field_at_the_loudness_of_the_song(own, rng, channels):
    audio = noise(rng, channels)
    feeds = make(own, layout="7.1.4").upmix(audio, RATE)
    rendered = render(make(own).upmix(audio, RATE), "foa", "7.1.4")
    gain = np.vdot(feeds, rendered) / np.vdot(rendered, rendered)
    np.testing.assert_allclose(feeds, gain * rendered, atol=1e-5)
    song = loudness(audio, "stereo" if channels == 2 else "mono", RATE)
    np.testing.assert_allclose(loudness(feeds, "7.1.4", RATE), song, atol=0.01)


def test_loudspeaker_feeds_are_decoded_by_the_decoder_of_the_option(own, rng):
    """One window: its scene decoded, at the loudness of the song."""
    audio = noise(rng, 2)
    feeds = make(own, layout="7.1.4", decoder="dirac").upmix(audio, RATE)
    scene = make(own).upmix(audio, RATE)
    sharp = decode_foa(scene, "7.1.4", decoder="dirac", sample_rate=RATE)
    gain = np.vdot(feeds, sharp) / np.vdot(sharp, sharp)
    np.testing.assert_allclose(feeds, gain * sharp, atol=1e-5)
    np.testing.assert_allclose(
        loudness(feeds, "7.1.4", RATE), loudness(audio, "stereo", RATE), atol=0.01
    )
    with pytest.raises(OptionError, match="has no effect on the output format 'ambix1'"):
        make(own, decoder="dirac")


def test_the_loudness_of_what_is_too_short_to_measure_is_raised_by_the_usual_gain(own, rng):
    audio = noise(rng, samples=RATE // 10)
    feeds = make(own, layout="5.0").upmix(audio, RATE)
    rendered = render(make(own).upmix(audio, RATE), "foa", "5.0")
    np.testing.assert_allclose(feeds, 10 ** (4.5 / 20) * rendered, atol=1e-5)


# What the network makes, by networks whose answers are known.


class HalfFront(torch.nn.Module):
    """Predicts X = stage . (1, 2, 3, 4) / 8 W of stereo, and places mono as if it were vocals."""

    config = STAGE

    def __init__(self):
        super().__init__()
        self.stft = STFT(4096, 1024)

    def forward(self, pair, stage, masks=None):
        return pair[:, :, 0] * (stage @ torch.arange(1.0, 5.0) / 8.0)

    def place(self, mono, gains, masks=None):
        w, copy = mono.unbind(2)
        y, x, width = gains[0, 0]
        return torch.stack([w, y * w + width * copy, x * w], 2)


class Turned(torch.nn.Module):
    """Interpret the pair as in training and return the scene on its axis."""

    config = PUBLISHED

    def frames(self, samples):
        return -(-samples // self.config.hop)

    def ambisonics(self, audio, noise=None):
        w = audio.mean(1, keepdim=True)
        side = audio[:, :1] - w
        if noise is not None:
            w = w + noise.mean(2).repeat_interleave(320, 1)[:, None, : w.shape[2]]
        axis, across = np.deg2rad(22.5), 0.25 * w  # what is found: 0.25 W to the left of the axis
        x = np.cos(axis) * side - np.sin(axis) * across
        y = np.sin(axis) * side + np.cos(axis) * across
        return torch.cat([w, x, y], 1)


def standing_for(monkeypatch, model):
    monkeypatch.setattr(inference, "load_ambisonizer_model", lambda variant, weights: model)
    return model


@pytest.fixture
def half_ahead(monkeypatch):
    return standing_for(monkeypatch, StageModel(HalfFront(), ""))


@pytest.fixture
def turned(monkeypatch):
    return standing_for(monkeypatch, PublishedModel(Turned(), ""))


def shorten(monkeypatch, model):
    """Windows of about a second: whole frames of the latent, as they are."""
    monkeypatch.setattr(model, "window", 137 * 320)
    monkeypatch.setattr(model, "overlap", 60 * 320)


@pytest.mark.parametrize(
    ("stage", "expected"),
    [("front", 1.25), ("band", 0.25), ("vocals:-1,other:0.5", 0.125 * (-1 + 2 + 3 + 2))],
)
def test_the_stage_reaches_the_network(half_ahead, rng, stage, expected):
    stereo = noise(rng)
    w, _, _, x = make("own", stage=stage).upmix(stereo, RATE)
    assert np.allclose(x, expected * w, atol=1e-5)


@pytest.mark.parametrize("length", [1, 4000, 43840, 43841, 80000, 150000])
def test_blocks_and_windows_of_a_linear_network_join_to_the_whole(
    half_ahead, rng, monkeypatch, length
):
    shorten(monkeypatch, half_ahead)
    stereo = noise(rng, 2, length)
    stream = make("own").stream(RATE)
    parts, start = [], 0
    while start < length:
        size = int(rng.integers(0, 20000))
        parts.append(stream.process(stereo[:, start : start + size]))
        start += size
    w, _, _, x = np.concatenate([*parts, stream.flush()], axis=1)
    assert np.allclose(x, 1.25 * w, atol=1e-5)
    assert np.array_equal(make("own").upmix(stereo, RATE)[3], x)


def test_frames_of_all_windows_begin_at_multiples_of_the_hop_in_the_song(
    half_ahead, rng, monkeypatch
):
    received = []

    def recorded(audio):
        received.append(audio)
        return STFT.forward(half_ahead.network.stft, audio)

    monkeypatch.setattr(half_ahead.network.stft, "forward", recorded)
    stereo, start = noise(rng, 2, 9000), 3000
    x = half_ahead.predict(stereo, inference.Scene(), start)
    early = start % half_ahead.network.stft.hop_length
    assert received[0].shape[-1] == 9000 + early
    assert not received[0][..., :early].any()
    assert np.allclose(x[0], 0.625 * stereo.sum(0), atol=1e-5)


def test_only_the_output_of_the_network_is_resampled(half_ahead, rng, monkeypatch):
    shorten(monkeypatch, half_ahead)
    time = np.arange(4 * 48000) / 48000
    tone = np.sin(2 * np.pi * 997 * time)
    w, _, _, x = make("own").upmix(np.stack([tone, 0.5 * tone]), 48000)
    # soxr's VHQ: artefacts below -140 dB, away from where the tone begins and ends.
    assert np.allclose(x[2000:-2000], 1.25 * w[2000:-2000], atol=1e-5)


def test_stems_of_mono_are_placed_and_widened_by_all_passes(half_ahead, rng, monkeypatch):
    shorten(monkeypatch, half_ahead)
    mono = noise(rng, 1, 3 * RATE)
    y_gain, x_gain, width = mono_gains(5, (1.0,) * 4)[0]
    w, y, _, x = make("own", seed=5).upmix(mono, RATE)
    assert np.allclose(x, x_gain * w, atol=1e-5)
    decorrelated = (y - y_gain * w) / width
    # Windows make no difference: what rings on from before them is 70 dB down.
    whole = get_upmixer("foa-mono", side=1.0).upmix(mono, RATE)[1]
    found, wanted = (np.fft.rfft(signal) for signal in (decorrelated, whole))
    frequency = np.fft.rfftfreq(len(decorrelated), 1.0 / RATE)
    wide, narrow = frequency > 300.0, frequency < 30.0
    assert np.abs(found - wanted)[wide].max() < 2e-3 * np.abs(wanted).max()
    # Long notes stay in the middle.
    assert np.linalg.norm(found[narrow]) < 0.3 * np.linalg.norm(wanted[narrow])


def test_the_natural_conditioning_preserves_left(turned, rng):
    """By hand: a quarter of W to the left of the axis, which is behind after rotation by 67.5."""
    left, right = stereo = noise(rng)
    w, y, _, x = make("published", variant="published").upmix(stereo, RATE)
    assert np.array_equal(y, np.float32(0.5) * (left - right))
    assert np.allclose(x, -0.25 / np.sqrt(3.0) * w, atol=1e-6)


def test_the_published_conditioning_is_not_rotated(turned, rng):
    left, right = stereo = noise(rng)
    upmixer = make("published", variant="published", conditioning="published")
    w, y, _, x = upmixer.upmix(stereo, RATE)
    side, axis = 0.5 * (left - right), np.deg2rad(22.5)
    assert np.allclose(x, (np.cos(axis) * side - np.sin(axis) * 0.25 * w) / 3**0.5, atol=1e-6)
    assert np.allclose(y, (np.sin(axis) * side + np.cos(axis) * 0.25 * w) / 3**0.5, atol=1e-6)


def test_the_published_scene_of_mono_is_rotated_too(turned, rng):
    mono = noise(rng, 1)
    w, y, _, x = make("published", variant="published").upmix(mono, RATE)
    assert np.allclose(x, -0.25 / np.sqrt(3.0) * w, atol=1e-6)
    assert np.allclose(y, 0.0, atol=1e-6)


def test_noise_depends_on_frames_of_the_song_not_on_windows(turned, monkeypatch):
    """Windows of a network that adds the noise itself join to the noise of the whole song."""
    frames = 500
    mono = np.ones((1, frames * 320), np.float32)
    upmixer = make("published", variant="published", seed=7, conditioning="published")
    whole = upmixer.upmix(mono, RATE)
    shorten(monkeypatch, turned)
    assert np.allclose(upmixer.upmix(mono, RATE), whole, atol=1e-4)
    drawn = latent_noise(7, 0, frames, 4).mean(1)
    heard = whole[1, ::320] * 3**0.5 / (0.25 * np.cos(np.deg2rad(22.5)))
    # Heard at an RMS of 0.1, and scaled back by 10.
    assert np.allclose(heard, 1.0 + 10.0 * drawn, atol=1e-3)


def test_noise_is_standard_normal_and_differs_by_seed():
    first, second = (latent_noise(seed, 0, 5000, 16) for seed in (1, 2))
    assert abs(first.mean()) < 0.02  # five standard errors of 80000 draws
    assert abs(first.std() - 1.0) < 0.02
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.02
    assert np.array_equal(latent_noise(1, 1000, 2100, 16), first[1000:3100])


# Real networks.


@pytest.mark.parametrize("channels", [1, 2])
def test_the_level_is_constant_across_windows(own, channels):
    """The level of X of a steady tone, over 50 ms, changes by less than 0.1 dB."""
    time = np.arange(20 * RATE) / RATE
    tone = 0.1 * np.sin(2 * np.pi * 440 * time) * np.array([[1.0], [0.4]])[:channels]
    x = make(own).upmix(tone, RATE)[3]
    level = np.sqrt(np.square(x[RATE:-RATE]).reshape(-1, RATE // 20).mean(1))
    assert np.ptp(20.0 * np.log10(level)) < 0.1


def test_seeds_change_the_scene_of_mono_only(own, rng):
    mono, stereo = noise(rng, 1), noise(rng)
    scenes = [make(own, seed=seed).upmix(mono, RATE) for seed in (0, 1, 2)]
    for scene, other in itertools.pairwise(scenes):
        assert np.array_equal(scene[0], other[0])
        assert not np.allclose(scene[1], other[1], atol=1e-3)
    with pytest.warns(SpatialkitWarning, match="seed has no effect"):
        seeded = make(own, seed=1).upmix(stereo, RATE)
    assert np.array_equal(seeded, make(own).upmix(stereo, RATE))


def test_seeds_change_the_published_scene(published, rng):
    for audio in (noise(rng, 1), noise(rng)):
        upmixers = [make(published, variant="published", seed=seed) for seed in (0, 1, 2)]
        xs = [upmixer.upmix(audio, RATE)[3] for upmixer in upmixers]
        assert not np.allclose(xs[0], xs[1], atol=1e-4)
        assert not np.allclose(xs[1], xs[2], atol=1e-4)


def test_a_whole_excerpt_is_upmixed_by_the_model_itself(own, published, rng):
    for path, variant in ((own, "stage"), (published, "published")):
        model = load_ambisonizer_model(variant, path)
        for audio in (noise(rng), noise(rng, 1)):
            made = model.foa(audio)
            assert (made.shape, made.dtype) == ((4, RATE), np.float32)
            assert np.allclose(make(path, variant=variant).upmix(audio, RATE), made, atol=1e-6)


def test_the_published_network_receives_w_and_sqrt_3_y(published, rng):
    left, right = stereo = noise(rng)
    model = load_ambisonizer_model("published", published)
    w, y = 0.5 * (left + right), 0.5 * (left - right)
    level = 0.1 / np.sqrt(np.mean(np.square([w, y])))
    pair = level * np.stack([w + 3**0.5 * y, w - 3**0.5 * y])
    with torch.inference_mode():
        _, x, side = model.network.ambisonics(torch.from_numpy(pair)[None].float())[0].numpy()
    turn = np.exp(1j * np.deg2rad(67.5))
    expected = ((x + 1j * side) * turn).real / 3**0.5 / level
    assert np.allclose(model.foa(stereo)[3], expected, atol=1e-5)


# Options.


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        ("front", (1, 1, 1, 1)),
        ("band", (1, 1, 1, -1)),
        ("other:-0.5, vocals:0.25", (0.25, 1, 1, -0.5)),
        ({"drums": 0.7}, (1, 0.7, 1, 1)),
        ({}, (1, 1, 1, 1)),
    ],
)
def test_stages_are_specified_by_name_or_by_stem(own, stage, expected):
    assert parse_stage(stage) == expected
    upmixer = make(own, stage=stage)
    assert tuple(upmixer.stage.values()) == expected
    again = type(upmixer)(weights=own, stage=upmixer.options.stage)
    assert again.stage == upmixer.stage
    if isinstance(stage, str):
        assert parse_options(AmbisonizerUpmixer, {"stage": stage}) == {"stage": stage}


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ("", "unknown stage ''. Accepted: 'front', 'band', or values by stem from -1"),
        ("frnt", "unknown stage 'frnt'; did you mean 'front'"),
        ("drums", "unknown stage 'drums'"),
        ("drums:", "such as vocals:1,drums:0.7,other:-0.5"),
        ("drums:1,", "each once"),
        ("drums:1,drums:1", "each once"),
        ("vocal:1", "unknown stem of stage 'vocal'; did you mean 'vocals'"),
        ("drums:1.5", "stage of drums must be from -1 to 1, got 1.5"),
        ("drums:nan", "stage of drums"),
        ({"drums": "loud"}, "stage of drums"),
        ({"flute": 1}, "unknown stem of stage 'flute'. Accepted: 'vocals'"),
        (0.5, "stage must be a string"),
    ],
)
def test_invalid_stages_are_refused(own, stage, message):
    with pytest.raises(OptionError, match=message):
        make(own, stage=stage)


def test_conditions_that_a_network_does_not_support_are_refused(own, published):
    with pytest.raises(OptionError, match="'published' is not supported by the variant 'stage'"):
        make(own, conditioning="published")
    with pytest.raises(OptionError, match="not supported by the variant 'stage'"):
        load_ambisonizer_model(weights=own).foa(np.ones((2, 9)), conditioning="published")
    with pytest.warns(SpatialkitWarning, match="the published network does not separate stems"):
        make(published, variant="published", stage="band")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(published, variant="published", seed=1, conditioning="published")


# Scenes of mono.


def test_scenes_of_mono_follow_the_rules_of_a_band():
    drawn = np.array([mono_gains(seed, (1.0, 1.0, 1.0, -1.0)) for seed in range(1, 2000)])
    y, x, width = drawn.transpose(2, 1, 0).astype(float)
    # Two plane waves at half the amplitude each: of what they have in common
    # (x, y) = cos(width / 2) (cos a, sin a).
    azimuth = np.degrees(np.arctan2(y, np.abs(x)))
    half = np.degrees(np.arccos(np.minimum(np.hypot(x, y), 1.0)))
    for stem, (side, least, most) in enumerate([(20, 0, 60), (10, 30, 120), (15, 0, 40)]):
        assert np.isclose(np.abs(azimuth[stem]).max(), side, rtol=0.02)
        assert np.isclose(2 * half[stem].min(), least, atol=0.5)
        assert np.isclose(2 * half[stem].max(), most, rtol=0.02)
    assert (x[:3] > 0).all()
    assert (x[3] < 0).all()
    assert np.abs(azimuth[3]).max() > 85.0
    assert (width >= 0).all()
    assert (x**2 + y**2 + width**2 < 1.0 + 1e-6).all()
    assert np.abs(azimuth.mean(1)).max() < 3.0  # of no side more than of the other


def test_the_stage_scales_x_of_mono_and_nothing_else():
    ahead, other = mono_gains(3, (1.0,) * 4), mono_gains(3, (0.5, -1.0, 0.0, 1.0))
    assert np.allclose(other[:, 1], ahead[:, 1] * [0.5, -1.0, 0.0, 1.0])
    assert np.array_equal(other[:, [0, 2]], ahead[:, [0, 2]])
