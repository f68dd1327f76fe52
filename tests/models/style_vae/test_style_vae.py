"""Networks of the style-transfer VAE compared with slow reference code and known results."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from spatialkit import downmix, vbap_gains
from spatialkit.errors import OptionError
from spatialkit_models.data.scenes import mix, stereo_downmix
from spatialkit_models.losses import ERROR_FLOOR
from spatialkit_models.modules import (
    STFT,
    Covariance,
    MaskConfig,
    Resolution,
    StemMasks,
    power,
    sparsemax,
    sparsemax_loss,
    wiener_filters,
)
from spatialkit_models.style_vae import (
    RECIPES,
    FastConfig,
    FastLoss,
    FastLossConfig,
    FastStyleVAE,
    PaperConfig,
    PaperLoss,
    PaperLossConfig,
    PaperStyleVAE,
    StyleCode,
    StyleSceneConfig,
)

RATE = 8000
MASKS = MaskConfig(
    sample_rate=RATE,
    n_fft=512,
    hop_length=128,
    regions=((32, 1), (32, 2), (16, 8)),
    bands_per_group=4,
    group_features=4,
    width=16,
    dilations=(1, 2),
    dropout=0.0,
)
FAST = FastConfig(masks=MASKS, latent_size=8, hidden=16)
PAPER = PaperConfig(
    sample_rate=RATE,
    n_fft=64,
    hop_length=16,
    latent_size=6,
    growth=3,
    convolutions=2,
    blocks=3,
    transition_channels=4,
)
BATCH = ("stems", "style_stems", "gains", "seed_gains", "style_gains")
AZIMUTH = (0.0, 70.0, -45.0, 20.0)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Use one thread: on a busy machine threads of small products mostly wait."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def build(config, seed=0):
    torch.manual_seed(seed)
    return (PaperStyleVAE if isinstance(config, PaperConfig) else FastStyleVAE)(config)


def build_loss(config, **settings):
    model = build(config)
    if isinstance(config, PaperConfig):
        return PaperLoss(model, PaperLossConfig(**settings))
    return FastLoss(model, FastLossConfig(**{"frames": 8, **settings}), StyleSceneConfig())


def make_stems(rng, size=1, samples=4096):
    """Return four noises (size, 4, samples), separate in some bins and overlapping in others."""
    spectrum = np.fft.rfft(rng.standard_normal((size, 4, samples)))
    place = np.linspace(0.0, 1.0, spectrum.shape[-1])
    shape = [
        np.exp(-(((place - c) / w) ** 2))
        for c, w in zip((0.3, 0.6, 0.03, 0.15), (0.1, 0.2, 0.05, 0.1), strict=True)
    ]
    stems = np.fft.irfft(spectrum * shape)
    time = np.arange(samples) / samples
    gates = [1.2 + np.sin(2.0 * np.pi * (n + 1) * time + n) for n in range(4)]
    return (0.2 * stems * gates / stems.std(-1, keepdims=True)).astype(np.float32)


def make_scenes(rng, size=2, samples=4096):
    """A batch of the models' losses."""
    azimuth = rng.uniform(-180.0, 180.0, (2, size, 4))
    gains = vbap_gains(azimuth, layout="5.0").astype(np.float32)
    seed = stereo_downmix(gains[1].swapaxes(1, 2)).swapaxes(1, 2)
    arrays = make_stems(rng, size, samples), make_stems(rng, size, samples)
    arrays = map(torch.from_numpy, (*arrays, gains[0], seed, gains[0]))
    return dict(zip(BATCH, arrays, strict=True))


def make_recordings(rng, size=2, samples=4096):
    """The same for music with unknown stems."""
    scenes = make_scenes(rng, size, samples)
    five = mix(scenes["stems"], scenes["gains"])
    eye = torch.eye(5).expand(size, 5, 5)
    fold = torch.from_numpy(stereo_downmix(np.eye(5, dtype=np.float32))).T.expand(size, 5, 2)
    return dict(zip(BATCH, (five, five, eye, fold, eye), strict=True))


def true_masks(entered):
    """Return the ratios of the power of each stem in the channels, (batch, time, stems, bands)."""
    return entered / (entered.sum(2, keepdim=True) + 1e-12)


def every_bin(spectrum):
    return Covariance.of(spectrum, Resolution(((spectrum.shape[-1], 1),)))


def as_tensor(array):
    return torch.as_tensor(np.asarray(array), dtype=torch.float32)


# Covariance.

COARSE = Resolution(((5, 1), (3, 2), (2, 4)))  # of 19 bins, 10 bands


def test_bands_are_sums_of_bins():
    values = torch.arange(25.0)
    joined = COARSE.sum_bins(values)
    assert joined.tolist() == [0, 1, 2, 3, 4, 11, 15, 19, 50, 66]
    expected = [0, 1, 2, 3, 4, 5, 5, 6, 6, 7, 7, *[8] * 4, *[9] * 4, *[9] * 6]
    spread = np.full(25, -1)
    for bands, bins in COARSE.slices(25):
        count = bands.stop - bands.start
        spread[bins] = np.repeat(np.arange(10)[bands], (bins.stop - bins.start) // count)
    assert spread.tolist() == expected
    stereo = torch.ones(1, 1, 2, 25, dtype=torch.complex64)
    filters = torch.zeros(1, 1, 1, 2, 10)
    filters[0, 0, 0, 1] = torch.arange(10.0)
    assert wiener_filters.apply_filters(filters, stereo, COARSE).real.flatten().tolist() == expected


def test_the_covariance_of_panned_channels_is_that_of_their_spectra():
    stems = torch.randn(2, 3, 4, 25, dtype=torch.complex64)
    gains, others = torch.randn(2, 4, 5), torch.randn(2, 4, 2)
    covariance = Covariance.of(stems, COARSE)
    five, two = wiener_filters.pan(stems, gains), wiener_filters.pan(stems, others)
    close = {"atol": 1e-4, "rtol": 1e-4}
    panned = covariance.mixed(gains)
    np.testing.assert_allclose(panned.products, Covariance.of(five, COARSE).products, **close)
    np.testing.assert_allclose(panned.powers, COARSE.sum_bins(power(five)), **close)
    np.testing.assert_allclose(
        covariance.along(others.transpose(1, 2)), COARSE.sum_bins(power(two)), **close
    )
    between = COARSE.sum_bins((five[:, :, :, None] * two[:, :, None].conj()).real)
    np.testing.assert_allclose(covariance.cross(gains, others), between, **close)
    covariances = panned.weighted_sums(torch.ones(2, 3, 1, 10))[0, 0]
    seen = five[0, ..., : COARSE.bins]
    np.testing.assert_allclose(
        covariances, torch.einsum("tcf,tdf->cd", seen, seen.conj()).real, **close
    )


def test_rounding_errors_give_no_negative_powers():
    """Stems that nearly cancel: float32 would give powers of -1e-7 of theirs."""
    gains = torch.rand(1, 4, 5) * torch.tensor([1.0, -1.0, 1e-4, 1.0])[:, None]
    source = 30.0 * torch.randn(1, 200, 1, 25, dtype=torch.complex64)
    gains[:, 1] = -gains[:, 0] * (1.0 + 1e-6 * torch.rand(5))
    gains[:, 2:] = 0.0
    panned = Covariance.of(source.expand(-1, -1, 4, -1), COARSE).mixed(gains)
    assert panned.powers.min() == 0.0
    masks = torch.full((1, 200, 4, 10), 0.25)
    assert wiener_filters.estimate_gains(panned, masks).isfinite().all()


def test_the_reconstruction_error_is_that_of_the_spectra(rng):
    loss = build_loss(dataclasses.replace(FAST, power_iterations=0), frames=1000).eval()
    model, scenes = loss.network, make_scenes(rng)
    gains, seed_gains = scenes["gains"], scenes["seed_gains"]
    _, parts = loss(scenes, 0.0)
    spectrum = model.stft(scenes["stems"])
    stereo = wiener_filters.pan(spectrum, seed_gains)
    sources, _ = model.separate(stereo)
    target, made = wiener_filters.pan(spectrum, gains), wiener_filters.pan(sources, gains)
    seen = slice(0, model.resolution.bins)
    wanted = power(target)[..., seen].sum((1, 2, 3))
    error = power(made - target)[..., seen].sum((1, 2, 3))
    expected = -10.0 * (error / wanted + ERROR_FLOOR).log10().mean()
    assert parts["snr"].item() == pytest.approx(expected.item(), abs=1e-3)


# The choice with zeros.


def project(values):
    """Nearest point of the simplex, its threshold by bisection."""
    low, high = values.min() - 1.0, values.max()
    for _ in range(100):
        middle = 0.5 * (low + high)
        low, high = (
            (middle, high) if np.maximum(values - middle, 0.0).sum() > 1.0 else (low, middle)
        )
    return np.maximum(values - low, 0.0)


def test_sparsemax_is_the_projection_onto_the_simplex(rng):
    logits = rng.standard_normal((60, 5)) * rng.uniform(0.01, 4.0, (60, 1))
    logits[0] = 0.0
    found = sparsemax(torch.from_numpy(logits)).numpy()
    np.testing.assert_allclose(found, [project(row) for row in logits], atol=1e-12)
    assert (found == 0.0).any(1).sum() > 20


def test_the_gradient_of_the_sparsemax_loss_is_the_difference(rng):
    logits = torch.from_numpy(rng.standard_normal((40, 5)) * 2.0).requires_grad_()
    shares = torch.from_numpy(rng.dirichlet(np.full(5, 0.3), 40))
    loss = sparsemax_loss(logits, shares)
    loss.sum().backward()
    expected = [project(row) for row in logits.detach().numpy()] - shares.numpy()
    np.testing.assert_allclose(logits.grad.numpy(), expected, atol=1e-12)
    assert (loss > 0.0).all()
    reached = sparsemax_loss(logits, sparsemax(logits).detach())
    np.testing.assert_allclose(reached.detach().numpy(), 0.0, atol=1e-12)


# Closed forms.


@pytest.mark.parametrize("channels", [2, 5])
def test_gains_are_principal_axes_of_covariances(rng, channels):
    shape = (2, 6, channels, 9)
    true = np.abs(rng.standard_normal((2, 3, channels)))
    owner = rng.integers(0, 3, (2, 6, 9))
    masks = 0.05 + 0.85 * (owner[:, :, None] == np.arange(3)[:, None])
    sound = rng.standard_normal((2, 6, 9)) + 1j * rng.standard_normal((2, 6, 9))
    which = np.take_along_axis(true, owner.reshape(2, -1, 1), 1).reshape(2, 6, 9, channels)
    noise = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    spectrum = (sound[..., None] * which).swapaxes(2, 3) + 0.1 * noise
    covariance = every_bin(torch.from_numpy(spectrum.astype(np.complex64)))
    found = wiener_filters.estimate_gains(covariance, as_tensor(masks)).numpy()
    for item, stem in np.ndindex(2, 3):
        matrix = np.zeros((channels, channels))
        for frame, bin in np.ndindex(6, 9):
            x = spectrum[item, frame, :, bin]
            weight = masks[item, frame, stem, bin] ** 2 / np.linalg.norm(x)
            matrix += weight * np.outer(x, x.conj()).real
        values, vectors = np.linalg.eigh(matrix)
        axis = vectors[:, -1] * np.sign(vectors[:, -1].sum())
        # Eight rounds of the power iteration leave the eighth power of the ratio.
        tolerance = 1e-5 + (values[-2] / values[-1]) ** 8
        np.testing.assert_allclose(found[item, stem], axis, atol=tolerance)
        assert tolerance < 2e-3


def test_sources_are_those_of_a_wiener_filter_per_bin(rng):
    x = rng.standard_normal((2, 3, 2, 4)) + 1j * rng.standard_normal((2, 3, 2, 4))
    masks = rng.dirichlet(np.ones(4), (2, 3, 4)).swapaxes(2, 3)
    angle = rng.uniform(0.0, np.pi / 2.0, (2, 4))
    gains = np.stack([np.cos(angle), np.sin(angle)], -1)
    filters = wiener_filters.extraction_filters(as_tensor(masks), as_tensor(gains))
    spectrum = torch.from_numpy(x.astype(np.complex64))
    found = wiener_filters.apply_filters(filters, spectrum, Resolution(((4, 1),)))
    for item, frame, bin in np.ndindex(2, 3, 4):
        powers, steering = masks[item, frame, :, bin], gains[item].T
        mixture = steering @ np.diag(powers) @ steering.T + wiener_filters.DIFFUSE * np.eye(2)
        wanted = np.diag(powers) @ steering.T @ np.linalg.inv(mixture) @ x[item, frame, :, bin]
        # Single precision, and a condition number of up to 300.
        np.testing.assert_allclose(found[item, frame, :, bin].numpy(), wanted, atol=3e-4)


def test_panning_and_downmix_equal_the_core(rng):
    model = build(FAST)
    stems = make_stems(rng)
    gains = vbap_gains(AZIMUTH, layout="5.0")
    five = np.einsum("st,sc->ct", stems[0], gains)
    panned = wiener_filters.pan(model.stft(as_tensor(stems)), as_tensor(gains)[None])
    samples = five.shape[-1]
    np.testing.assert_allclose(model.stft.inverse(panned, samples)[0], five, atol=1e-5)
    stereo = downmix(five, "5.0", "stereo", method="sum")
    expected = Covariance.of(model.stft(as_tensor(stereo)[None]), model.resolution).products
    found = model.downmix(Covariance.of(panned, model.resolution)).products
    np.testing.assert_allclose(found, expected, atol=1e-5 * float(expected.max()))


@pytest.mark.parametrize("samples", [1, 100, 1000])
def test_the_inverse_stft_returns_the_signal(rng, samples):
    spectra = STFT(64, 16)
    audio = as_tensor(rng.standard_normal((2, 3, samples)))
    spectrum = spectra(audio)
    assert spectrum.shape == (2, 1 + samples // 16, 3, 33)
    np.testing.assert_allclose(spectra.inverse(spectrum, samples), audio, atol=1e-5)


def test_true_masks_separate_a_scene_and_pan_it_again(rng):
    spectra = STFT(512, 128)
    stems = spectra(as_tensor(make_stems(rng, samples=16384)))
    seed = as_tensor(stereo_downmix(vbap_gains(AZIMUTH, layout="5.0").T).T)[None]
    stereo = wiener_filters.pan(stems, seed)
    masks = true_masks(power(stems) * seed.square().sum(-1)[:, None, :, None])
    found = wiener_filters.estimate_gains(every_bin(stereo), masks)
    level = seed.norm(dim=-1)
    np.testing.assert_allclose(found, seed / level[..., None], atol=0.03)
    gains = as_tensor(vbap_gains((100.0, -20.0, 30.0, 45.0), layout="5.0"))[None]
    filters = wiener_filters.extraction_filters(masks, found)
    filters = wiener_filters.pan_filters(filters, gains / level[..., None])
    target = wiener_filters.pan(stems, gains)
    made = wiener_filters.apply_filters(filters, stereo, Resolution(((stereo.shape[-1], 1),)))
    snr = 10.0 * float((power(target).sum() / power(made - target).sum()).log10())
    assert snr > 15.0
    silent = gains[0].sum(0) == 0.0
    assert silent.tolist() == [False, False, False, False, True]
    assert (made[:, :, silent] == 0.0).all()


def test_directions_separate_stems_that_masks_do_not(rng):
    """Constant masks and true gains: each bin is assigned to the gains of its direction."""
    gains = as_tensor(np.eye(2))[None]
    spectrum = torch.zeros(1, 1, 2, 2, dtype=torch.complex64)
    spectrum[0, 0, 0, 0] = 2.0j
    spectrum[0, 0, 1, 1] = -3.0
    shared = wiener_filters.refine_by_direction(
        every_bin(spectrum), torch.full((1, 1, 2, 2), 0.5), gains, torch.tensor(4.0)
    )
    # A softmax of sharpness and 0.
    expected = 1.0 / (1.0 + np.exp(-4.0 * np.eye(2) + 4.0 * (1 - np.eye(2))))
    np.testing.assert_allclose(shared[0, 0], expected, rtol=1e-5)


# The fast model's parts.


def test_masks_do_not_depend_on_the_level():
    masks = StemMasks(MASKS).eval()
    spectrum = torch.randn(2, 5, 2, 257, dtype=torch.complex64)
    with torch.no_grad():
        found = masks(Covariance.of(spectrum, masks.resolution))
        louder = masks(Covariance.of(100.0 * spectrum, masks.resolution))
    np.testing.assert_allclose(found, louder, atol=1e-4)
    assert found.shape == (2, 5, 4, 80)


def test_masks_start_at_the_prior(rng):
    masks = StemMasks(MASKS)
    shares = as_tensor(rng.dirichlet(np.ones(4), (1, 40, 80)).swapaxes(2, 3))
    torch.nn.init.zeros_(masks.decide.weight)
    spectrum = torch.randn(1, 40, 2, 257, dtype=torch.complex64)
    covariance = Covariance.of(spectrum, masks.resolution)
    masks.calibrate(masks.features(covariance), shares)
    found = masks(covariance).softmax(2)[0, 0]
    np.testing.assert_allclose(found.detach(), shares.mean((0, 1)), atol=1e-5)
    scaled = (masks.features(covariance) - masks.feature_mean) * masks.feature_scale
    np.testing.assert_allclose(scaled.mean((0, 1)), 0.0, atol=1e-3)
    np.testing.assert_allclose(scaled.std((0, 1)), 1.0, atol=1e-3)


def test_groups_that_do_not_fit_are_refused():
    with pytest.raises(OptionError, match="regions cover 1536 bins, but a spectrum has only 257"):
        StemMasks(MaskConfig(n_fft=512))
    with pytest.raises(OptionError, match="bands_per_group must divide the 576 bands"):
        StemMasks(MaskConfig(bands_per_group=7))


def test_a_config_survives_json():
    lists = {"regions": [[32, 1], [32, 2], [16, 8]], "dilations": [1, 2]}
    assert MaskConfig(**{**dataclasses.asdict(MASKS), **lists}) == MASKS


def test_features_of_places_are_vbap_gains_and_energies():
    model = build(FAST)
    azimuth = (15.0, 80.0, -150.0, -10.0)
    bins, level = (20, 60, 110, 200), np.array([1.0, 0.5, 0.25, 0.5])
    time = np.arange(8192) / 512
    tones = level[:, None] * [np.sin(2.0 * np.pi * bin * time) for bin in bins]
    gains = vbap_gains(azimuth, layout="5.0")
    stems = model.stft(as_tensor(tones)[None])
    five = wiener_filters.pan(stems, as_tensor(gains)[None])
    masks = true_masks(Covariance.of(stems, model.resolution).powers)
    places = model.find_places(Covariance.of(five, model.resolution), masks)
    described = places.features[0].detach()
    # What is not the tones is the window's sidelobes at both ends.
    np.testing.assert_allclose(described[:, :5], gains, atol=5e-3)
    expected = np.log10(level**2 / np.sum(level**2))
    np.testing.assert_allclose(described[:, 5], expected, atol=5e-3)


def test_level_is_the_mean_over_directions_with_the_same_stereo_gains():
    model = build(FAST)
    # Between front and rear left, by the pair's 2 x 2 equations, all goes to the left side.
    angle = np.deg2rad(np.linspace(30.0, 110.0, 2001))
    pair = np.linalg.inv(np.cos(np.deg2rad([[30.0, 110.0], [-60.0, 20.0]])))
    weights = pair @ [np.cos(angle), np.sin(angle)]
    expected = np.mean(np.linalg.norm(weights, axis=0) / weights.sum(0))
    sides = as_tensor([[[1.0, 0.0], [0.0, 1.0], [0.6, 0.8], [0.8, 0.6]]])
    left, right, one, other = model.level_of(sides)[0].tolist()
    # 1.4 degrees of the next directions count to the side.
    assert left == pytest.approx(expected, rel=0.01)
    assert left == pytest.approx(right, rel=1e-3)
    assert one == pytest.approx(other, rel=1e-3)


def test_loudspeakers_without_gain_stay_silent(rng):
    model = build(FAST).eval()
    wanted = torch.tensor(
        [[0.0, 0, 1, 0, 0], [0, 0, 1, 0, 0], [1, 0, 0, 0, 0], [0.5, 0, 0, 0.5, 0]]
    )
    for layer in (model.decoder.direct, model.decoder.added[-1]):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    model.decoder.direct.bias.data = wanted.flatten()
    np.testing.assert_allclose(
        model.pan_gains(torch.randn(1, 8))[0].detach(),
        wanted / wanted.norm(dim=1, keepdim=True),
        atol=1e-6,
    )
    stems = model.stft(as_tensor(make_stems(rng)))
    stereo = wiener_filters.pan(stems, torch.rand(1, 4, 2))
    five = model.decode(stereo, torch.randn(1, 8))
    assert five.shape == (1, stereo.shape[1], 5, 257)
    assert (power(five).sum((0, 1, 3)) > 0.0).tolist() == [True, False, True, True, False]


def test_samples_of_a_style_have_its_mean_and_variance():
    code = StyleCode(torch.tensor([[1.0, -2.0]]), torch.log(torch.tensor([[0.25, 4.0]])))
    torch.manual_seed(0)
    drawn = torch.cat([code.sample() for _ in range(4000)])
    # Five standard errors of the mean of 4000.
    np.testing.assert_allclose(drawn.mean(0), code.mean[0], atol=0.16)
    np.testing.assert_allclose(drawn.std(0), [0.5, 2.0], rtol=0.06)


# Both models.

both = pytest.mark.parametrize("config", [FAST, PAPER], ids=["fast", "paper"])


@both
def test_the_items_of_a_batch_are_independent(rng, config):
    model = build(config).eval()
    audio = (
        as_tensor(rng.standard_normal((3, 5, 3000))) * torch.tensor([0.1, 1.0, 5.0])[:, None, None]
    )
    five = model.stft(audio)
    with torch.no_grad():
        code = model.encode(five)
        made = model.decode(five[:, :, :2], code.mean)
        for item in range(3):
            part = slice(item, item + 1)
            one = model.encode(five[part])
            np.testing.assert_allclose(one.mean, code.mean[part], atol=1e-5)
            np.testing.assert_allclose(one.log_variance, code.log_variance[part], atol=1e-5)
            single = model.decode(five[part, :, :2], code.mean[part])
            np.testing.assert_allclose(
                single, made[part], atol=2e-4 * float(made[part].abs().max())
            )
    assert code.mean.shape == (3, config.latent_size)


@both
def test_the_level_scales_the_output_and_does_not_change_the_style(rng, config):
    model = build(config).eval()
    five = model.stft(as_tensor(rng.standard_normal((1, 5, 2000))))
    with torch.no_grad():
        style = model.encode(five).mean
        np.testing.assert_allclose(model.encode(20.0 * five).mean, style, atol=1e-4)
        made = model.decode(five[:, :, :2], style)
        louder = model.decode(20.0 * five[:, :, :2], style)
    np.testing.assert_allclose(louder, 20.0 * made, atol=1e-3 * float(louder.abs().max()))


@both
@pytest.mark.parametrize("samples", [1, 90, 2500])
def test_any_length_and_silence(config, samples):
    model = build(config).eval()
    for audio in (torch.randn(1, 5, samples), torch.zeros(1, 5, samples)):
        five = model.stft(audio)
        with torch.no_grad():
            code = model.encode(five)
            made = model.stft.inverse(model.decode(five[:, :, :2], code.mean), samples)
        assert made.shape == (1, 5, samples)
        assert torch.isfinite(made).all()
        assert torch.isfinite(code.mean).all()
    assert made.abs().max() < 1e-4


@both
@pytest.mark.parametrize(
    ("make", "progress"),
    [(make_scenes, 0.0), (make_scenes, 1.0), (make_recordings, 0.0)],
    ids=["supervised", "end to end", "recordings"],
)
def test_the_gradient_reaches_every_parameter(rng, config, make, progress):
    compute_loss = build_loss(config)
    model = compute_loss.network
    loss, parts = compute_loss(make(rng), progress)
    loss.backward()
    unreached = [
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is None or not parameter.grad.any()
    ]
    assert not unreached
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())
    if config is FAST:
        assert ("masks" in parts) == (make is make_scenes)


@both
def test_half_precision_changes_little(rng, config):
    compute_loss = build_loss(config)
    scenes = make_scenes(rng)
    torch.manual_seed(1)
    exact, exact_terms = compute_loss(scenes, 1.0)
    torch.manual_seed(1)
    with torch.autocast("cpu", torch.bfloat16):
        rough, rough_terms = compute_loss(scenes, 1.0)
    for name, value in {"loss": exact, **exact_terms}.items():
        found = {"loss": rough, **rough_terms}[name]
        # Eight bits of mantissa, through a few layers.
        assert found.item() == pytest.approx(value.item(), rel=0.05, abs=0.05), name


def learn(compute_loss, scenes, progress):
    """Return loss and terms of the first step, and their mean in the last 5 steps of 100."""
    optimizer = torch.optim.Adam(compute_loss.parameters(), lr=1e-2)
    found = []
    for _ in range(100):
        loss, terms = compute_loss(scenes, progress)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append({name: term.item() for name, term in {"loss": loss, **terms}.items()})
    return found[0], {name: np.mean([one[name] for one in found[-5:]]) for name in found[0]}


@pytest.mark.parametrize("progress", [0.0, 1.0], ids=["supervised", "end to end"])
def test_one_batch_can_be_overfitted(rng, progress):
    """Each term by itself: styles are learned without masks, too."""
    first, last = learn(build_loss(FAST), make_scenes(rng), progress)
    assert last["snr"] > first["snr"] + 7.0
    assert last["masks"] < 0.6 * first["masks"]
    assert last["directions"] < 0.5 * first["directions"]
    assert last["auxiliary"] < first["auxiliary"] - 10.0


def test_one_batch_can_be_overfitted_by_the_published_network(rng):
    first, last = learn(build_loss(PAPER), make_scenes(rng, samples=1024), 0.0)
    assert last["loss"] < 0.4 * first["loss"]


# What panning does not make.


def test_out_of_phase_channels_are_not_lost(rng):
    model = build(FAST).eval()
    side = as_tensor(rng.standard_normal((1, 1, 8000)))
    for other in (-side, -0.5 * side):
        stereo = model.stft(torch.cat([side, other], 1))
        with torch.no_grad():
            made = model.decode(stereo, torch.randn(1, 8), residual=True)
        level = 10.0 * float((power(made).sum() / power(stereo).sum()).log10())
        assert abs(level) < 4.0


def test_out_of_phase_channels_have_gradients(rng):
    compute_loss, scenes = build_loss(FAST), make_recordings(rng)
    five = scenes["stems"]
    five = torch.stack([five[:, 0], -five[:, 0], 0.0 * five[:, 0], five[:, 3], -five[:, 3]], 1)
    compute_loss({**scenes, "stems": five, "style_stems": five}, 1.0)[0].backward()
    assert all(torch.isfinite(p.grad).all() for p in compute_loss.parameters())


def test_the_power_of_extraction_is_limited():
    """Channels 90 degrees apart in phase have no direction: two stems near it would gain 10 dB."""
    left = torch.randn(1, 40, 1, 25, dtype=torch.complex64)
    stereo = Covariance.of(torch.cat([left, 1j * left], 2), COARSE)
    angle = torch.tensor([0.7, 0.72, 0.85, 0.9])
    gains = torch.stack([angle.cos(), angle.sin()], -1)[None]
    filters = wiener_filters.extraction_filters(torch.full((1, 40, 4, 10), 0.25), gains)

    def taken(filters):
        made = wiener_filters.apply_filters(filters, torch.cat([left, 1j * left], 2), COARSE)
        return COARSE.sum_bins(power(made)).sum(2) / stereo.powers.sum(2)

    assert taken(filters).max() > 2.0 * wiener_filters.MAX_POWER_RATIO
    assert (
        taken(wiener_filters.limit_power(filters, stereo)).max()
        < 1.001 * wiener_filters.MAX_POWER_RATIO
    )


def test_small_gains_are_zero_except_in_training():
    model = build(FAST)
    for layer in (model.decoder.direct, model.decoder.added[-1]):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    shares = torch.tensor([0.84, 0.09, 0.07, 0.0, 0.0])
    model.decoder.direct.bias.data = shares.repeat(4)
    style = torch.zeros(1, 8)
    assert (model.pan_gains(style)[0, 0] > 0.0).tolist() == [True, True, True, False, False]
    gains = model.eval().pan_gains(style)[0, 0]
    assert (gains > 0.0).tolist() == [True, True, False, False, False]
    assert gains.detach().square().sum().item() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("config", "wrong"),
    [
        (FastConfig, {"power_iterations": -1}),
        (FastConfig, {"power_iterations": 10**9}),
        (FastConfig, {"direction_iterations": 10**9}),
        (MaskConfig, {"dropout": 1e30}),
        (MaskConfig, {"dilations": (1, 10**9)}),
        (MaskConfig, {"n_fft": 10**9}),
        (PaperConfig, {"blocks": 10**9}),
        (FastLossConfig, {"beta": 1e300}),
        (StyleSceneConfig, {"seconds": 1e9}),
        (StyleSceneConfig, {"level_db": 1e4}),
        (FastLossConfig, {"random_panning": 0}),
        (FastLossConfig, {"frames": 0}),
        (FastLossConfig, {"supervised_ratio": 1.5}),
        (StyleSceneConfig, {"min_active": 5}),
        (PaperLossConfig, {"likelihood_deviation": 0.0}),
    ],
)
def test_invalid_settings_are_refused(config, wrong):
    (name,) = wrong
    with pytest.raises(OptionError, match=f"^{name} must be"):
        config(**wrong)


# The published model.


def test_the_published_shape():
    """513 x 384 of 98,048 samples, 50 numbers; parameters counted by hand, layer by layer."""
    model = build(PaperConfig())
    spectra = model.stft(torch.zeros(1, 1, 98_048))
    assert spectra.shape == (1, 384, 1, 513)
    assert round(RECIPES["paper"].scenes.seconds * 44_100) == 98_048

    def block(inputs):
        sizes = [inputs + 20 * number for number in range(5)]
        return sum(2 * size + 9 * size * 20 + 20 for size in sizes)

    def network(inputs, kernel):
        first = block(inputs) + (inputs + 100) * 40 * kernel**2 + 40
        return first + 3 * (block(40) + 140 * 40 * kernel**2 + 40) + block(40)

    counts = {
        name: sum(p.numel() for p in part.parameters()) for name, part in model.named_children()
    }
    assert counts["encoder"] == network(5, 3)
    assert counts["decoder"] == network(52, 1)
    text = PaperStyleVAE.__doc__
    assert f"encoder has {counts['encoder'] + counts['posterior']:,} parameters" in text
    assert f"decoder {counts['decoder'] + counts['heads']:,}." in text


@pytest.mark.parametrize(("pooling", "normalization"), [("mean", "layer"), ("energy", "batch")])
def test_the_published_length_with_few_channels(pooling, normalization):
    config = PaperConfig(growth=1, transition_channels=1, convolutions=2)
    config = dataclasses.replace(config, pooling=pooling, normalization=normalization)
    model = build(config).eval()
    five = torch.randn(1, 384, 5, 513, dtype=torch.complex64)
    with torch.no_grad():
        # Four transitions halve bins and frames.
        maps = model.encoder(five.abs().transpose(1, 2))
        assert maps.shape[2:] == (24, 33)
        code = model.encode(five)
        assert code.mean.shape == code.log_variance.shape == (1, 50)
        assert model.decode(five[:, :, :2], code.mean).shape == (1, 384, 5, 513)


def test_the_rule_for_phases(rng):
    model = build(PAPER)
    stereo = torch.randn(1, 4, 2, 33, dtype=torch.complex64)
    five = model.decode(stereo, torch.randn(1, 6)).detach().numpy()
    left, right = stereo[:, :, 0].numpy(), stereo[:, :, 1].numpy()
    for channel, of in enumerate([left, right, (left + right) / 2.0, left, right]):
        turned = five[:, :, channel] * of.conj()
        np.testing.assert_allclose(np.angle(turned), 0.0, atol=1e-4)
        assert (np.abs(five[:, :, channel]) > 0.0).all()


def test_the_loss_is_the_negative_elbo(rng):
    """Eq. 2 by torch.distributions, of a normal likelihood of magnitudes."""
    compute_loss = build_loss(PAPER, likelihood_deviation=0.7)
    model, scenes = compute_loss.network, make_scenes(rng, size=3, samples=500)
    stems, style_stems, gains, seed_gains, style_gains = (scenes[name] for name in BATCH)
    torch.manual_seed(5)
    loss, _ = compute_loss(scenes, 0.0)
    stereo = model.stft(mix(stems, seed_gains))
    rms = stereo.abs().square().mean((1, 2, 3), keepdim=True).sqrt()
    target = model.stft(mix(stems, gains)).abs() / rms
    code = model.encode(model.stft(mix(style_stems, style_gains)))
    torch.manual_seed(5)
    made = model.decode(stereo, code.sample()).abs() / rms
    normal = torch.distributions.Normal
    likelihood = normal(made, 0.7).log_prob(target) - normal(0.0, 0.7).log_prob(torch.tensor(0.0))
    divergence = torch.distributions.kl_divergence(
        normal(code.mean, (0.5 * code.log_variance).exp()), normal(0.0, 1.0)
    )
    elbo = likelihood.sum((1, 2, 3)) - divergence.sum(1)
    assert loss.item() == pytest.approx(-elbo.mean().item(), rel=1e-4)


@pytest.mark.parametrize("field", ["normalization", "pooling"])
def test_open_choices_are_checked(field):
    with pytest.raises(OptionError, match=f"unknown {field}"):
        PaperConfig(**{field: "other"})
