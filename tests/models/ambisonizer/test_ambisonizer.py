"""The Ambisonizer's own network: X from W and Y, symmetries, and the training loss."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from spatialkit_models.ambisonizer import (
    Ambisonizer,
    AmbisonizerConfig,
    AmbisonizerLoss,
    AmbisonizerLossConfig,
)
from spatialkit_models.ambisonizer.losses import stage_errors
from spatialkit_models.ambisonizer.network import add_residual
from spatialkit_models.data.scenes import residual_x
from spatialkit_models.losses import ERROR_FLOOR
from spatialkit_models.modules import Covariance, MaskConfig, wiener_filters
from spatialkit_models.modules.wiener_filters import multichannel_filters, stem_covariances
from spatialkit_models.stem_names import N_STEMS

CONFIG = AmbisonizerConfig(
    masks=MaskConfig(
        sample_rate=8000,
        n_fft=512,
        hop_length=128,
        regions=((32, 1), (32, 2), (16, 8)),
        bands_per_group=4,
        group_features=4,
        width=16,
        dilations=(1, 2),
        dropout=0.0,
    ),
)
ALL_FRONT = torch.ones(1, N_STEMS)


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def build(seed=0, **changes):
    """Build a network with random weights, larger than the initial ones of training."""
    torch.manual_seed(seed)
    network = Ambisonizer(AmbisonizerConfig(**{**vars(CONFIG), **changes})).eval()
    torch.nn.init.normal_(network.turn.weight)
    torch.nn.init.normal_(network.masks.decide.weight)
    return network


def build_loss(network=None, **settings):
    settings = {"frames": 16, **settings}
    return AmbisonizerLoss(network or build(), AmbisonizerLossConfig(**settings))


def sounds(seed=0, samples=6000):
    """Return W and Y of noise, Y at half the level."""
    rng = np.random.default_rng(seed)
    pair = rng.standard_normal((1, 2, samples)) * [[1.0], [0.5]]
    return torch.from_numpy(pair.astype(np.float32))


@torch.inference_mode()
def front(network, audio, stage):
    return network(network.stft(audio), stage)


def test_a_new_network_keeps_three_quarters_of_the_residual():
    torch.manual_seed(0)
    network = Ambisonizer(CONFIG).eval()
    time = torch.arange(8000) / 8000
    source = sum(torch.sin(2 * torch.pi * tone * time) for tone in (300.0, 710.0, 1500.0))
    pair = torch.stack([source, 0.6 * source])[None]
    x = network.stft.inverse(front(network, pair, ALL_FRONT)[:, :, None], 8000)[0, 0]
    wanted = 0.75 * residual_x(pair[0].numpy())
    inside = slice(1000, 7000)
    assert np.abs(x.numpy() - wanted)[inside].max() < 0.15 * np.abs(wanted).max()


def test_x_can_be_the_residual_of_each_bin():
    # Tones in different directions, closer together than the width of a band.
    network = build()
    with torch.no_grad():
        network.turn.weight.zero_()
        kept, added, across, fine = network.turn.bias.unflatten(1, (4, -1)).unbind(1)
        for values, value in ((kept, 50.0), (added, -50.0), (across, 0.0), (fine, 50.0)):
            values.fill_(value)
    time = torch.arange(8000) / 8000
    tones = torch.stack([torch.sin(2 * torch.pi * tone * time) for tone in (2000.0, 2125.0)])
    pair = torch.stack([tones.sum(0), torch.tensor([0.8, -0.3]) @ tones])[None]
    x = network.stft.inverse(front(network, pair, ALL_FRONT)[:, :, None], 8000)[0, 0]
    wanted = torch.tensor([0.6, 0.91**0.5]) @ tones
    torch.testing.assert_close(x[1000:7000], wanted[1000:7000], atol=0.02, rtol=0.0)


def test_the_mirror_image_has_the_same_x():
    network, audio, stage = build(), sounds(), torch.tensor([[1.0, 0.3, -0.5, -1.0]])
    mirrored = audio * torch.tensor([1.0, -1.0])[:, None]
    assert torch.equal(front(network, audio, stage), front(network, mirrored, stage))


def test_it_is_linear_in_the_stage():
    network, audio = build(), sounds()
    first, second = torch.tensor([[1.0, 0.0, 0.5, 0.2]]), torch.tensor([[0.0, -1.0, 0.1, 0.6]])
    together = front(network, audio, first - 2.0 * second)
    apart = front(network, audio, first) - 2.0 * front(network, audio, second)
    torch.testing.assert_close(together, apart, atol=1e-4, rtol=1e-4)


def test_gains_that_alternate_from_frame_to_frame_are_smoothed(monkeypatch):
    network, audio = build(), sounds()
    spectrum = network.stft(audio)
    frames, bands = spectrum.shape[1], network.resolution.bands
    flutter = (torch.arange(frames) % 2.0 / N_STEMS).reshape(1, -1, 1, 1, 1)
    gains = flutter.expand(-1, -1, 3, N_STEMS, bands)
    monkeypatch.setattr(network, "gains", lambda pair, masks: (None, gains))
    with torch.inference_mode():
        x = network(spectrum, ALL_FRONT)[:, 1:-1]
    steady = 0.5 * add_residual(spectrum)[:, 1:-1].sum(2)
    torch.testing.assert_close(x, steady, atol=1e-4, rtol=1e-4)


def test_the_output_scales_with_the_input():
    network, audio = build(), sounds()
    loud = front(network, 8.0 * audio, ALL_FRONT)
    torch.testing.assert_close(loud, 8.0 * front(network, audio, ALL_FRONT), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("samples", [1, 100, 777])
def test_silence_stays_silent_and_any_length_is_supported(samples):
    network = build()
    assert not front(network, torch.zeros(1, 2, samples), ALL_FRONT).any()
    assert front(network, sounds(samples=samples), ALL_FRONT).isfinite().all()


@pytest.mark.parametrize("sides", [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, -1.0)])
def test_the_front_is_finite_and_not_loud(sides):
    audio = sounds()[:, :1] * torch.tensor(sides)[:, None]
    network = build()
    spectrum = network.stft(audio)
    made = front(network, audio, ALL_FRONT)
    assert made.isfinite().all()
    assert made.abs().square().sum() < 2.0 * spectrum.abs().square().sum()


def test_multichannel_filters_are_wiener_filters_whose_sum_is_nearly_the_identity(rng):
    masks = torch.from_numpy(rng.dirichlet(np.ones(N_STEMS), (1, 2, 5)).astype(np.float32))
    masks = masks.transpose(2, 3)
    roots = torch.from_numpy(rng.standard_normal((1, N_STEMS, 2, 2)).astype(np.float32))
    covariances = roots @ roots.transpose(2, 3)
    covariances /= covariances.diagonal(dim1=2, dim2=3).sum(-1)[..., None, None]
    images = torch.stack([covariances[..., i, j] for i, j in ((0, 0), (0, 1), (1, 1))], -1)
    found = multichannel_filters(masks, images)
    for time in range(2):
        for unit in range(5):
            parts = masks[0, time, :, unit, None, None] * covariances[0]
            whole = parts.sum(0) + wiener_filters.DIFFUSE * torch.eye(2)
            wanted = parts @ torch.linalg.inv(whole)
            torch.testing.assert_close(found[0, time, ..., unit], wanted, atol=1e-4, rtol=1e-3)
    together = found.sum(2).movedim(-1, 2)
    assert (together - torch.eye(2)).abs().max() < 0.3


def test_covariances_of_separate_stems_are_exact(rng):
    network = build()
    gains = torch.tensor([[1.0, 0.0], [1.0, 0.8], [1.0, -0.5], [0.2, 1.0]])
    # Each stem alone for a while.
    audio = np.zeros((1, 2, 16000), np.float32)
    for stem, gain in enumerate(gains):
        part = slice(4000 * stem, 4000 * (stem + 1))
        audio[0, :, part] = gain.numpy()[:, None] * rng.standard_normal(4000)
    pair = Covariance.of(network.stft(torch.from_numpy(audio)), network.resolution)
    frames = torch.arange(pair.products.shape[1]) * CONFIG.masks.hop_length // 4000
    masks = torch.nn.functional.one_hot(frames.clamp_max(3), N_STEMS).float()
    masks = masks[None, :, :, None].expand(-1, -1, -1, network.resolution.bands)
    found = stem_covariances(pair, masks)[0]
    power = gains.square().sum(1)
    wanted = torch.stack([gains[:, 0] ** 2, gains.prod(1), gains[:, 1] ** 2], 1) / power[:, None]
    torch.testing.assert_close(found, wanted, atol=0.05, rtol=0.0)


def test_placed_stems_add_up_to_mono():
    network, audio = build(), sounds()
    spectrum = network.stft(audio)
    gains = torch.tensor([[[0.6, 0.8, 0.5]]]).expand(1, N_STEMS, 3)
    with torch.inference_mode():
        w, y, x = network.place(spectrum, gains).unbind(2)
    assert torch.equal(w, spectrum[:, :, 0])
    torch.testing.assert_close(y, 0.6 * w + 0.5 * spectrum[:, :, 1], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(x, 0.8 * w, atol=1e-4, rtol=1e-4)


def test_without_width_the_decorrelated_copy_has_no_effect():
    network, audio = build(), sounds()
    gains = torch.randn(1, N_STEMS, 3)
    gains[..., 2] = 0.0
    other = torch.cat([audio[:, :1], 3.0 * audio[:, 1:]], 1)
    with torch.inference_mode():
        made = network.place(network.stft(audio), gains)
        again = network.place(network.stft(other), gains)
    torch.testing.assert_close(made, again)


@pytest.mark.parametrize(("panned", "apart"), [(0.0, 0.5), (0.4, 0.3), (-0.7, 0.0)])
def test_ambience_is_as_loud_as_the_uncorrelated_part_of_y(rng, panned, apart):
    network = build()
    w, d, decorrelated = rng.standard_normal((3, 1, 16000)).astype(np.float32)
    pair = torch.from_numpy(np.stack([w, panned * w + apart * d], 1))
    spectrum = network.stft(pair)
    other = network.stft(torch.from_numpy(decorrelated)[None])[:, :, 0]
    with torch.inference_mode():
        made = network.ambience(spectrum, other)
        mirrored = network.ambience(spectrum * torch.tensor([1.0, -1.0])[:, None], other)
    assert torch.equal(made, mirrored)
    seen = slice(0, network.resolution.bins)
    share = made.abs().square()[..., seen].sum() / other.abs().square()[..., seen].sum()
    assert float(share) == pytest.approx(apart**2, rel=0.15, abs=1e-6)


# The loss.


def scenes(seed=0, size=3, samples=4000):
    rng = np.random.default_rng(seed)
    stems = rng.standard_normal((size, N_STEMS, 3, samples)).astype(np.float32)
    stage = rng.uniform(-1, 1, (size, N_STEMS)).astype(np.float32)
    return torch.from_numpy(stems), torch.from_numpy(stage)


def test_errors_from_the_covariance_are_those_of_the_spectra():
    network = build()
    stems, stage = scenes(samples=2500)
    stages = torch.stack([stage, torch.ones_like(stage)], 1)
    # Of any three signals: W, Y and a third.
    whole = stems.sum(1)[:, :2]
    made_of = torch.cat([whole, whole.roll(7, -1).sum(1, keepdim=True)], 1)
    spectra = network.stft(torch.cat([made_of, stems[:, :, 2]], 1))
    gains = torch.randn(3, 2, spectra.shape[1], 3, network.resolution.bands)
    counts = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.5, 1.0]])
    found = stage_errors(Covariance.of(spectra, network.resolution), gains, stages, counts)
    every_bin = torch.cat(
        [torch.tensor([size]).repeat_interleave(count) for count, size in CONFIG.masks.regions]
    )
    seen = spectra[..., : network.resolution.bins]
    errors, missed = [], []
    for item in range(3):
        for number in range(2):
            gain = gains[item, number].repeat_interleave(every_bin, -1)
            w, *own = seen[item, :, [0, 3, 4, 5, 6]].unbind(1)
            x = sum(c * one for c, one in zip(stages[item, number], own, strict=True))
            made = (gain * seen[item, :, :3]).sum(1)
            ratio = (made - x).abs().square().sum() / x.abs().square().sum()
            errors.append(10.0 * (ratio + ERROR_FLOOR).log10())
            # Summed over each band before the absolute value.
            flow = network.resolution.sum_bins((w.conj() * (made - x)).real).abs().sum()
            missed.append(flow / w.abs().square().sum())
    for name, values in (("error", errors), ("intensity", missed)):
        wanted = np.average(torch.stack(values).numpy(), weights=counts.flatten().numpy())
        assert float(found[name]) == pytest.approx(wanted, rel=1e-3), name


def test_the_expected_stage_is_evaluated_and_others_where_there_is_a_stage():
    stage, expected = scenes()[1], scenes(1)[1]
    staged = torch.tensor([1.0, 0.0, 1.0])
    conditions, targets, weights = build_loss(random_stages=3)._stages(stage, expected, staged)
    assert conditions.shape == (3, 5, N_STEMS)
    assert torch.equal(conditions[:, 0], expected)
    assert torch.equal(targets[:, 0], stage)
    assert torch.equal(conditions[:, 1:], targets[:, 1:])
    assert torch.equal(conditions[:, 1], torch.ones(3, N_STEMS))
    assert weights.tolist() == [[1.0] * 5, [1.0, 0.0, 0.0, 0.0, 0.0], [1.0] * 5]


def test_the_gradient_reaches_every_parameter():
    network = build().train()
    stems, stage = scenes()
    batch = {"stems": stems, "stage": stage, "expected": stage}
    batch["staged"] = torch.tensor([1.0, 0.0, 1.0])
    build_loss(network)(batch, 0.5)[0].backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("frames", [slice(0, 3), slice(5, 9), slice(28, 32)])
def test_a_range_of_frames_equals_that_of_the_whole_transform(frames):
    spectra, audio = build().stft, sounds(samples=4000)
    torch.testing.assert_close(spectra.frames(audio, frames), spectra(audio)[:, frames])


def test_one_batch_can_be_overfitted():
    network = build().train()
    rng = np.random.default_rng(1)
    # Two tones, one of them behind.
    time = np.arange(4000) / 8000
    stems = np.zeros((2, N_STEMS, 3, 4000), np.float32)
    for item, tones in enumerate(((300.0, 900.0), (520.0, 1400.0))):
        for stem, tone in enumerate(tones):
            sound = np.sin(2 * np.pi * tone * time) + 0.01 * rng.standard_normal(4000)
            stems[item, stem] = sound * np.array([[1.0], [0.3], [0.9]])
    stage = torch.tensor([[1.0, -1.0, 1.0, 1.0]]).expand(2, -1)
    optimizer = torch.optim.AdamW(network.parameters(), 2e-2)
    batch = torch.from_numpy(stems)
    scenes = {"stems": batch, "stage": stage, "expected": stage, "staged": torch.ones(2)}
    compute_loss = build_loss(network)
    losses = []
    for _ in range(60):
        torch.manual_seed(0)
        loss, _ = compute_loss(scenes, 0.5)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] - 6.0
    with torch.inference_mode():
        x = front(network.eval(), batch.sum(1)[:, :2], stage)
    truth = network.stft((batch[:, :, 2] * stage[..., None]).sum(1, keepdim=True))[:, :, 0]
    error = (x - truth).abs().square().sum() / truth.abs().square().sum()
    assert float(error) < 0.1
