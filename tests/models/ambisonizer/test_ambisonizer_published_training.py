"""Training of the published Ambisonizer: scenes, variations of stems, loss and task."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import signal

from spatialkit import convert_ambisonics, encode_foa, virtual_microphones, write
from spatialkit.errors import OptionError, ShapeError
from spatialkit_models.data.rooms import RoomResponses
from spatialkit_models.data.scenes import PublishedScenes, published
from spatialkit_models.data.songs import absorb, sample_seven_bands, transition
from spatialkit_models.data.songs.augmentation import air_attenuation, seven_bands

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")
pytest.importorskip("lightning_fabric")
pytest.importorskip("tensorboard")

from spatialkit_models import losses
from spatialkit_models.ambisonizer import RECIPES
from spatialkit_models.ambisonizer.published import (
    PublishedAmbisonizer,
    PublishedConfig,
    PublishedLossConfig,
    PublishedSceneConfig,
    PublishedTask,
    published_task,
    training_task,
)
from spatialkit_models.training import train
from spatialkit_models.weights import load_weights

RATE = 8000
SAMPLES = 1600
ROOT = np.sqrt(3.0)
TINY = PublishedConfig(
    latent_size=8,
    filters=4,
    lstm_layers=1,
    transformer_layers=1,
    transformer_heads=4,
    transformer_hidden=32,
    reduction=2,
    sample_rate=RATE,
)
SHORT = replace(
    RECIPES["published"], network=TINY, scenes=PublishedSceneConfig(seconds=0.25)
).with_training(batch_size=2, seed=1)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(training_task, "VALIDATION_SCENES", 2)
    monkeypatch.setattr(published, "RUN_IN", 0.1)


class Noise:
    """Excerpts of noise: four stems in stereo, or the requested number in mono."""

    seconds = SAMPLES / RATE

    def __init__(self, level=0.01, stems=4, channels=2):
        self.level, self.shape = level, (stems, channels, SAMPLES)

    def excerpt(self, index):
        noise = np.random.default_rng(index).standard_normal(self.shape)
        return np.broadcast_to(self.level * noise, (self.shape[0], 2, SAMPLES)).astype(np.float32)


class Walls:
    """Rooms whose responses are noise or, by default, one plane wave; records azimuths."""

    sample_rate = RATE

    def __init__(self, azimuth=None):
        self.azimuth, self.asked = azimuth, []

    def responses(self, index, azimuth):
        """AmbiX."""
        self.asked.append(np.array(azimuth))
        if self.azimuth is not None:
            wave = encode_foa(np.ones(1, np.float32), self.azimuth)
            return np.tile(wave, (len(azimuth), 1, 1))
        noise = np.random.default_rng([index, 1]).standard_normal((len(azimuth), 4, 300))
        return noise.astype(np.float32)

    published = responses


# Scenes.


@pytest.mark.parametrize("azimuth", [22.5, 202.5, 112.5, -67.5, 90.0, 0.0])
def test_a_plane_wave_without_a_room(azimuth):
    """Closed forms: the gain of the left microphone is 1 + sqrt(3) cos(azimuth - 22.5 degrees)."""
    scenes = PublishedScenes(
        Noise(stems=1, channels=1), Walls(azimuth), physical=True, probability=0.0
    )
    made = scenes.scenes([3])
    (left, right), (x, y) = made["stereo"][0], made["sides"][0]
    w = (left + right) / 2
    scale = w.std() / 0.01  # the gain of the scene, and how loud the noise happened to be
    angle = np.radians(azimuth)
    off = np.cos(angle - np.radians(22.5))
    tolerance = 1e-6 * scale  # float32, of samples up to 0.04
    np.testing.assert_allclose(left, (1 + ROOT * off) * w, atol=tolerance)
    np.testing.assert_allclose(right, (1 - ROOT * off) * w, atol=tolerance)
    np.testing.assert_allclose(x, ROOT * np.cos(angle) * w, atol=tolerance)
    np.testing.assert_allclose(y, ROOT * np.sin(angle) * w, atol=tolerance)


def test_stereo_is_a_pair_of_opposed_microphones():
    """Oracle: the microphones of the core, on the AmbiX of the scene."""
    made = PublishedScenes(Noise(), Walls()).scenes([5])
    x, y = made["sides"][0]
    w = made["stereo"][0].mean(0)
    ambix = convert_ambisonics(np.stack([w, y, 0 * x, x]), "N3D-ACN-1", "ambix1")
    pattern = ROOT / (1 + ROOT)
    varied = (1 + ROOT) * virtual_microphones(ambix, [22.5, 202.5], pattern=pattern)
    np.testing.assert_allclose(made["stereo"][0], varied, atol=1e-5)


@pytest.mark.parametrize("physical", [False, True])
def test_scenes_are_sums_of_convolutions(physical):
    """Oracle: numpy.convolve with the requested responses."""
    excerpts, walls = Noise(level=1e-4), Walls()
    made = PublishedScenes(excerpts, walls, physical=physical, probability=0.0).scenes([7])
    responses = walls.responses(7, walls.asked[0]).astype(np.float64)
    scale = ROOT if physical else 1.0  # AmbiX to N3D; the authors' way has its gains already
    expected = np.zeros((3, SAMPLES))
    sources = excerpts.excerpt(7).reshape(8, SAMPLES)
    for source, (w, y, _, x) in zip(sources, responses, strict=True):
        for row, response in enumerate((w, scale * x, scale * y)):
            expected[row] += 0.5 * np.convolve(source, response)[:SAMPLES]
    found = np.stack([made["stereo"][0].mean(0), *made["sides"][0]])
    level = np.vdot(found, expected) / np.vdot(expected, expected)
    assert 0.5 <= level <= 1.0
    np.testing.assert_allclose(found, level * expected, atol=1e-5 * np.abs(expected).max())


def test_sources_are_all_around_and_up_to_180_degrees_wide():
    walls = Walls(0.0)
    PublishedScenes(Noise(), walls, probability=0.0).scenes(range(200))
    left, right = np.stack(walls.asked).reshape(200, 4, 2).reshape(-1, 2).T
    middle, width = (left + right) / 2, left - right
    # Kolmogorov-Smirnov of 800 uniform draws: above 0.069 once in a thousand.
    for values, least, most in ((middle, -180.0, 180.0), (width, 0.0, 180.0)):
        share = np.sort((values - least) / (most - least))
        assert np.abs(share - np.linspace(0.0, 1.0, 800)).max() < 0.069
    walls = Walls(0.0)
    PublishedScenes(Noise(channels=1), walls, probability=0.0).scenes([0])
    assert len(walls.asked[0]) == 4  # mono stems are one source each
    assert np.abs(np.corrcoef(middle, width)[0, 1]) < 0.12  # four times 1 / sqrt(800)


def test_loud_scenes_are_divided_by_their_peak():
    for number in range(5):
        made = PublishedScenes(Noise(level=10.0), Walls()).scenes([number])
        found = np.stack([made["stereo"][0].mean(0), *made["sides"][0]])
        assert 0.5 <= np.abs(found).max() <= 1.0 + 1e-6


def test_silent_stems_give_a_silent_scene():
    made = PublishedScenes(Noise(level=0.0), Walls()).scenes([0, 1])
    assert made["stereo"].shape == (2, 2, SAMPLES)
    assert not made["stereo"].any()
    assert not made["sides"].any()


def test_the_reverberation_of_earlier_audio_is_part_of_a_scene():
    whole = PublishedScenes(Noise(), Walls())
    cut = PublishedScenes(Noise(), Walls(), run_in=0.05)
    assert cut.seconds == pytest.approx(0.15)
    first, second = whole.scenes([2]), cut.scenes([2])
    assert second["sides"].shape == (1, 2, SAMPLES - 400)
    for name in ("stereo", "sides"):
        later = first[name][..., 400:]
        level = np.vdot(second[name], later) / np.vdot(later, later)
        assert level >= 1.0 - 1e-6  # the peak may lie in what is cut off
        np.testing.assert_allclose(second[name], level * later, atol=1e-6)


def test_scenes_depend_on_seed_and_number_only():
    first, again = (PublishedScenes(Noise(), Walls(), seed=5) for _ in range(2))
    later = first.scenes([8, 9])
    again.scenes([3])
    for name, array in again.scenes([9]).items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array[0], later[name][1])
    other = PublishedScenes(Noise(), Walls(), seed=6).scenes([8])
    assert not np.allclose(other["sides"][0], later["sides"][0])


def test_with_the_authors_rule_a_room_keeps_its_own_direction(tmp_path):
    """Y of a response from the front is silent for all sources; Y of a rotated one is not."""
    write(tmp_path / "a.wav", encode_foa(np.eye(1, 400)[0], 0.0), RATE, format="ambix1")
    rooms = RoomResponses([tmp_path], "train", RATE)
    x, y = PublishedScenes(Noise(), rooms).scenes([1])["sides"][0]
    assert np.abs(x).max() > 1e-3
    assert np.abs(y).max() < 1e-7
    turned = PublishedScenes(Noise(), rooms, physical=True).scenes([1])["sides"][0]
    assert np.abs(turned[1]).max() > 1e-3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "seed must be at least 0"),
        ({"probability": 1.5}, "probability must be from 0 to 1"),
        ({"run_in": 0.2}, r"run_in must be shorter than an excerpt \(0.2 s\), got 0.2 s"),
    ],
)
def test_invalid_scenes_are_refused(arguments, message):
    with pytest.raises(OptionError, match=message):
        PublishedScenes(Noise(), Walls(), **arguments)


# Variations.


def test_air_attenuates_as_the_standard_tabulates():
    """Oracle: table 2 of ISO 9613-2, dB per kilometre at 63 Hz to 8 kHz by ISO 9613-1."""
    table = {
        (10, 70): (0.1, 0.4, 1.0, 1.9, 3.7, 9.7, 32.8, 117),
        (20, 70): (0.1, 0.3, 1.1, 2.8, 5.0, 9.0, 22.9, 76.6),
        (30, 70): (0.1, 0.3, 1.0, 3.1, 7.4, 12.7, 23.1, 59.3),
        (15, 20): (0.3, 0.6, 1.2, 2.7, 8.2, 28.2, 88.8, 202),
        (15, 50): (0.1, 0.5, 1.2, 2.2, 4.2, 10.8, 36.2, 129),
        (15, 80): (0.1, 0.3, 1.1, 2.4, 4.1, 8.3, 23.7, 82.8),
    }
    midbands = 1000.0 * 10.0 ** (0.3 * np.arange(-4, 4))
    for (temperature, humidity), expected in table.items():
        found = 1000.0 * air_attenuation(midbands, temperature, humidity)
        # The table is rounded, one of its values (4.15) down.
        np.testing.assert_allclose(found, expected, rtol=4e-3, atol=0.051)


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_the_air_filter_has_the_attenuation_and_no_delay(rate):
    impulse = np.eye(1, 1001, 500, dtype=np.float32)[0]
    made = absorb(np.stack([impulse, -2.0 * impulse]).astype(np.float32), 10.0, 10.0, 30.0, rate)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made[0], made[0, ::-1], atol=1e-7)
    np.testing.assert_allclose(made[1], -2.0 * made[0], atol=1e-7)
    frequencies = np.linspace(20.0, 0.45 * rate, 100)
    turns = np.exp(-2j * np.pi * frequencies[:, None] / rate * (np.arange(1001) - 500))
    found = 20.0 * np.log10(np.abs(turns @ made[0]))
    expected = -10.0 * air_attenuation(frequencies, 10.0, 30.0)
    assert expected.min() < (-3.0 if rate > 8000 else -0.5)
    # What a filter of 129 taps leaves of a curve that has a kink at half of the sample rate.
    np.testing.assert_allclose(found, expected, atol=0.02)


def analogue(s, gain_db, quality, kind):
    """Prototypes of the Audio EQ Cookbook, s in units of the frequency of the section."""
    a = 10.0 ** (gain_db / 40.0)
    if kind == "bell":
        return (s**2 + s * a / quality + 1) / (s**2 + s / (a * quality) + 1)
    low = s**2 + np.sqrt(a) / quality * s + a, a * s**2 + np.sqrt(a) / quality * s + 1
    return a * (low[0] / low[1] if kind == "low shelf" else low[1] / low[0])


def test_the_equalizer_equals_the_cookbook_prototypes(rng):
    frequency = np.array([60.0, 150.0, 300.0, 700.0, 1500.0, 3000.0, 7000.0])
    gain = np.array([12.0, -12.0, 6.0, -3.0, 9.0, -7.0, -11.0])
    quality = np.array([0.1, 0.5, 5.0, 2.0, 1.0, 0.7, 0.9])
    sections = seven_bands(frequency, gain, quality, 44100)
    tested = np.geomspace(10.0, 21000.0, 300)
    _, found = signal.sosfreqz(sections, tested, fs=44100)
    expected = np.ones(300, complex)
    kinds = ["low shelf", *["bell"] * 5, "high shelf"]
    for middle, *parameters in zip(frequency, gain, quality, kinds, strict=True):
        # The bilinear transform, with the middle where it should be.
        s = 1j * np.tan(np.pi * tested / 44100) / np.tan(np.pi * middle / 44100)
        expected *= analogue(s, *parameters)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    drawn = sample_seven_bands(rng, 44100, 12.0)
    assert drawn.shape == (7, 6)
    assert np.abs(signal.sos2zpk(drawn)[1]).max() < 1.0  # stable
    _, flat = signal.sosfreqz(sample_seven_bands(rng, 44100, 0.0), tested, fs=44100)
    np.testing.assert_allclose(flat, 1.0, rtol=1e-6)


@pytest.mark.parametrize(("start", "length"), [(10, 20), (-5, 20), (90, 20), (-30, 20), (120, 1)])
def test_transitions_are_straight_lines_in_decibels(start, length):
    found = 20.0 * np.log10(transition(100, start, length, -24.0, 6.0))
    for sample in range(100):
        done = min(max((sample - start) / length, 0.0), 1.0)
        assert found[sample] == pytest.approx(-24.0 + 30.0 * done, abs=1e-4)


def test_stems_are_varied_in_four_ways(monkeypatch):
    """Each variation alone, with the others disabled, by its random numbers."""
    same = {
        "GAIN_DB": (0.0, 0.0),
        "METRES": (0.0, 0.0),
        "EQUALIZER_DB": 0.0,
        "TRANSITION_DB": (0.0, 0.0),
    }
    excerpts, walls = Noise(level=1e-4, stems=1, channels=1), Walls(0.0)

    def varied(**different):
        for name, value in {**same, **different}.items():
            monkeypatch.setattr(published, name, value)
        monkeypatch.setattr(published, "LEVEL", (1.0, 1.0))
        scenes = PublishedScenes(excerpts, walls, probability=1.0)
        return scenes.scenes(range(4))["stereo"].mean(1)

    plain = np.stack([excerpts.excerpt(number)[0, 0] for number in range(4)])
    np.testing.assert_allclose(varied(), plain, atol=1e-9)
    np.testing.assert_allclose(varied(GAIN_DB=(6.0, 6.0)), 10**0.3 * plain, atol=1e-9)
    np.testing.assert_allclose(varied(TRANSITION_DB=(-6.0, -6.0)), 10**-0.3 * plain, atol=1e-9)
    monkeypatch.setattr(published, "TEMPERATURES", (20.0,))
    monkeypatch.setattr(published, "HUMIDITY", (50.0, 50.0))
    air = absorb(plain, 1000.0, 20.0, 50.0, RATE)
    np.testing.assert_allclose(varied(METRES=(1000.0, 1000.0)), air, atol=1e-9)
    equalized = 20.0 * np.log10(varied(EQUALIZER_DB=12.0).std(-1) / plain.std(-1))
    assert (np.abs(equalized) > 0.1).all()


def test_each_variation_has_its_probability(monkeypatch):
    called = {"absorb": 0, "equalize": 0, "transition": 0}
    for name in called:
        original = getattr(published, name)

        def counted(*arguments, name=name, original=original):
            called[name] += 1
            return original(*arguments)

        monkeypatch.setattr(published, name, counted)
    PublishedScenes(Noise(), Walls(0.0)).scenes(range(100))
    for count in called.values():
        assert count == pytest.approx(280, abs=37)  # four deviations of 400 coins of 0.7


# The loss.


def oracle(reference, estimate):
    """The distance written out, frame by frame."""
    total = 0.0
    for n_fft, hop, width in ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240)):
        before = (n_fft - width) // 2
        window = np.zeros(n_fft)
        window[before : before + width] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(width) / width)
        spectra = []
        for audio in (reference, estimate):
            padded = np.pad(audio, [(0, 0), (n_fft // 2, n_fft // 2)], mode="reflect")
            starts = range(0, padded.shape[1] - n_fft + 1, hop)
            frames = np.stack([padded[:, start : start + n_fft] for start in starts])
            power = np.abs(np.fft.rfft(frames * window)) ** 2
            spectra.append(np.sqrt(np.maximum(power, 1e-8)))
        wanted, made = spectra
        total += np.sqrt(np.sum((made - wanted) ** 2)) / np.sqrt(np.sum(wanted**2))
        total += np.mean(np.abs(np.log(made) - np.log(wanted)))
    return total / 3


@pytest.mark.parametrize("samples", [1025, 3000])
def test_multi_resolution_stft_equals_its_definition(samples, rng):
    reference, estimate = 0.1 * rng.standard_normal((2, 4, samples))
    reference[1], estimate[2] = 0.0, 0.0
    expected = oracle(reference, estimate)
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-5)):
        tensors = [torch.from_numpy(audio).to(dtype) for audio in (reference, estimate)]
        found = losses.multi_resolution_stft(*tensors)
        assert found.dtype == dtype
        assert found.item() == pytest.approx(expected, rel=tolerance)
        assert losses.multi_resolution_stft(tensors[0], tensors[0]).item() == 0.0


def test_multi_resolution_stft_of_silence_has_a_gradient(rng):
    silence = torch.zeros(2, 3000, requires_grad=True)
    noise = torch.from_numpy(rng.standard_normal((2, 3000)).astype(np.float32))
    distance = losses.multi_resolution_stft(noise, silence)
    assert distance.isfinite()
    undefined = losses.multi_resolution_stft(silence, noise)
    assert undefined.isnan()
    for value in (distance, undefined):
        (gradient,) = torch.autograd.grad(value, silence)
        assert gradient.isfinite().all()
    half = losses.multi_resolution_stft(noise.bfloat16(), 0.5 * noise.bfloat16())
    assert half.dtype == torch.float32


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((2, 1024), (2, 1024)), "needs more than 1024 samples, got 1024"),
        (((2, 3000), (3000,)), "must have the same shape"),
    ],
)
def test_invalid_signals_are_refused(shapes, message):
    with pytest.raises(ShapeError, match=message):
        losses.multi_resolution_stft(*(torch.zeros(shape) for shape in shapes))


# The task.


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """A folder of three short songs of noise, one of them for validation."""
    root = tmp_path_factory.mktemp("songs")
    rng = np.random.default_rng(3)
    for number in range(3):
        folder = root / ("train" if number else "valid") / f"song{number}"
        folder.mkdir(parents=True)
        for stem in ("vocals", "drums", "bass", "other"):
            write(folder / f"{stem}.wav", 0.1 * rng.standard_normal((2, RATE)), RATE)
    return root


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    """A folder of two rooms without any walls, one of them for validation."""
    root = tmp_path_factory.mktemp("rooms")
    for part, azimuth in (("train", 40.0), ("valid", -60.0)):
        (root / part).mkdir()
        wave = encode_foa(np.eye(1, 800)[0], azimuth)
        write(root / part / f"from{azimuth:g}.wav", wave, RATE, format="ambix1")
    return root


def batch_of(task):
    return {name: torch.from_numpy(x) for name, x in task.examples.batch(0, 2).items()}


def test_a_task_on_songs_and_rooms(songs, rooms):
    before = torch.get_rng_state()
    task = published_task(SHORT, [(songs, 1.0)], [rooms], room_format="ambix1")
    assert torch.equal(before, torch.get_rng_state())
    assert task.examples.seconds == pytest.approx(0.25)
    batch = batch_of(task)
    assert batch["stereo"].shape == batch["sides"].shape == (2, 2, 2000)
    assert len(task.validation["sides"]) == 2
    json.dumps(dict(task.sources))
    again = published_task(SHORT, [(songs, 1.0)], [rooms], room_format="ambix1")
    for one, other in zip(task.network.parameters(), again.network.parameters(), strict=True):
        assert torch.equal(one, other)
    for name, array in batch_of(again).items():
        assert torch.equal(array, batch[name])
    on = published_task(SHORT, [(songs, 1.0)], [rooms], start=task.network)
    assert on.network is task.network


@pytest.mark.parametrize("divergence", [0.0, 0.5])
def test_the_loss_is_the_sum_of_its_parts(songs, rooms, divergence):
    """Oracle: the divergence of torch.distributions, summed over features."""
    recipe = replace(SHORT, loss=PublishedLossConfig(divergence=divergence))
    task = published_task(recipe, [(songs, 1.0)], [rooms])
    batch = batch_of(task)
    torch.manual_seed(2)
    loss, parts = task.loss.eval()(batch, 0.0)
    torch.manual_seed(2)
    noise = torch.randn(2, 7, 8)  # 2000 samples are seven frames of 320
    made, mean, log_variance = task.network(batch["stereo"], noise)
    error = (made - batch["sides"]).square().mean()
    found = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    prior = torch.distributions.Normal(torch.zeros(()), torch.ones(()))
    nats = torch.distributions.kl_divergence(found, prior).sum(-1).mean()
    stft = losses.multi_resolution_stft(batch["sides"].flatten(0, 1), made.flatten(0, 1))
    assert nats.item() > 0.0
    torch.testing.assert_close(loss, stft + 10.0 * error + divergence * nats)
    expected = {"stft": stft, "error": error, "divergence": nats}
    assert parts.keys() == expected.keys()
    for name, part in parts.items():
        assert not part.requires_grad
        torch.testing.assert_close(part, expected[name].detach())
    loss.backward()
    # Those of processes that share a model must all take part.
    assert all(weight.grad is not None for weight in task.network.parameters())


def test_half_precision_gives_nearly_the_same_loss(songs, rooms):
    task = published_task(SHORT, [(songs, 1.0)], [rooms])
    batch, found = batch_of(task), []
    for half in (False, True):
        torch.manual_seed(2)
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            loss, _ = task.loss.eval()(batch, 0.0)
        assert loss.dtype == torch.float32
        loss.backward()
        found.append(loss.item())
    # Steps of bfloat16 are 2**-8 of a value, in each of some dozen layers.
    assert found[1] == pytest.approx(found[0], rel=2**-6)
    assert found[1] != found[0]


class Oracle(torch.nn.Module):
    """Oracle that returns the reference times 0.9."""

    def __init__(self, task):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))
        self.answers = iter(0.9 * torch.from_numpy(task.validation["sides"]))

    def forward(self, stereo, noise):
        assert not noise.any()
        return next(self.answers)[None], torch.full_like(noise, 0.5), torch.zeros_like(noise)


def test_validation_metrics_of_known_errors(songs, rooms):
    task = published_task(SHORT, [(songs, 1.0)], [rooms])
    with torch.no_grad():
        figures = task.validate(Oracle(task))
    assert figures["snr"] == pytest.approx(20.0, abs=1e-3)
    assert figures["error"] == pytest.approx(0.01 * np.square(task.validation["sides"]).mean())
    assert figures["divergence"] == pytest.approx(8 * 0.125)
    # A tenth is missing everywhere above the floor.
    assert figures["stft"] == pytest.approx(0.1 - np.log(0.9), abs=2e-3)
    assert figures["score"] == pytest.approx(-figures["stft"] - 10.0 * figures["error"])


def test_training_reduces_the_loss_and_its_weights_load(rooms, tmp_path):
    recipe = replace(SHORT, scenes=PublishedSceneConfig(seconds=0.4)).with_training(
        steps=16, learning_rate=5e-3, warmup=2, ema=0.8, validate_every=16, seed=0
    )
    task = published_task(recipe, [("procedural", 1.0)], [rooms])
    assert isinstance(task, PublishedTask)
    result = train(task, tmp_path / "run", workers=0, device="cpu")
    log = (tmp_path / "run" / "log.jsonl").read_text()
    lines = [json.loads(line) for line in log.splitlines()]
    scores = [line["validation/score"] for line in lines if "validation/score" in line]
    assert result.best_step == 16
    assert scores[-1] > scores[0] + 0.5
    model, card = load_weights(tmp_path / "run" / "best.safetensors", "ambisonizer")
    assert isinstance(model, PublishedAmbisonizer)
    assert model.config == TINY
    settings = json.loads((tmp_path / "run" / "config.json").read_text())
    assert settings["loss"] == card.recipe["loss"] == {"error": 10.0, "divergence": 1.0}


def test_invalid_settings_are_refused():
    with pytest.raises(OptionError, match=r"seconds must be from 0\.2 to 600 s"):
        PublishedSceneConfig(seconds=0.1)
    with pytest.raises(OptionError, match="divergence must be from 0 to"):
        PublishedLossConfig(divergence=-1.0)
