"""The upmixer "style-vae": all sources of styles, joined windows, conformance."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")
# An untrained network cannot tell stems apart.
pytestmark = pytest.mark.filterwarnings("ignore:.*of the example could be exchanged")

from spatialkit.errors import (
    DirectionError,
    LayoutError,
    OptionError,
    ShapeError,
    SignalError,
    SpatialkitWarning,
    UpmixerError,
)
from spatialkit.files import Audio, write
from spatialkit.layouts import get_layout, reorder
from spatialkit.panning import vbap_gains
from spatialkit.rendering import render
from spatialkit.upmixing import check_upmixer, get_upmixer, option_values, parse_options
from spatialkit_models.modules import Covariance, MaskConfig, Resolution, wiener_filters
from spatialkit_models.separation import Separator
from spatialkit_models.stem_names import STEMS
from spatialkit_models.style_vae import (
    FastConfig,
    PaperConfig,
    Style,
    StyleError,
    directions_style,
    encode_style,
    interpolate,
    load_style_model,
    parse_directions,
    random_style,
    style_directions,
)
from spatialkit_models.style_vae.stream import StyleStream
from spatialkit_models.upmixers import StyleVAEUpmixer
from spatialkit_models.weights import ARCHITECTURES, Card, WeightsError, cards, save_weights

RATE = 44100
FAST = FastConfig(
    MaskConfig(group_features=4, width=16, dilations=(1, 2)), latent_size=8, hidden=16
)
PAPER = PaperConfig(latent_size=4, growth=4, convolutions=1, blocks=2, transition_channels=4)


def save(path, config, seed=0):
    torch.manual_seed(seed)
    variant = "fast" if isinstance(config, FastConfig) else "paper"
    model = ARCHITECTURES[f"style-vae-{variant}"].build(json.loads(json.dumps(asdict(config))))
    save_weights(
        path,
        model,
        Card(model="style-vae", architecture=f"style-vae-{variant}", config=asdict(config)),
    )
    return str(path)


@pytest.fixture(scope="module")
def fast(tmp_path_factory):
    return save(tmp_path_factory.mktemp("fast") / "best.safetensors", FAST)


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    return save(tmp_path_factory.mktemp("paper") / "best.safetensors", PAPER)


@pytest.fixture
def five(rng):
    """A second of five channels of different level."""
    noise = rng.standard_normal((5, RATE)).astype(np.float32)
    return noise * np.array([[0.1], [0.02], [0.05], [0.2], [0.01]], np.float32)


def make(path, **options):
    """An upmixer with small weights, and a separator that costs nothing."""
    return get_upmixer("style-vae", weights=path, **{"separator": Fourths(), **options})


class Fourths(Separator):
    """Four equal stems."""

    name = "fourths"
    version = "1"
    window, overlap = 1.0, 0.5

    def _separate(self, audio, sample_rate, start):
        return np.stack([audio / 4] * 4)


def close(style, other):
    return np.allclose(style.mean, other.mean, atol=1e-5)


# The contract.


# The network is untrained: its level is arbitrary.
@pytest.mark.filterwarnings("ignore:.*louder than the input")
@pytest.mark.parametrize("options", [{}, {"layout": "ambix1"}])
def test_it_keeps_the_contract(fast, options):
    check_upmixer(get_upmixer("style-vae", weights=fast, panned=True, **options))


def test_the_paper_s_network_keeps_shapes_silence_and_level(paper, rng):
    upmixer = get_upmixer("style-vae", weights=paper)
    noise = 0.1 * rng.standard_normal((2, RATE // 2))
    result = upmixer.upmix(noise, RATE)
    assert result.shape == (5, RATE // 2)
    assert np.allclose(upmixer.upmix(0.01 * noise, RATE), 0.01 * result, atol=1e-6)
    assert not upmixer.upmix(np.zeros((2, RATE)), RATE).any()


def test_mono_is_refused_with_a_hint(fast):
    with pytest.raises(ShapeError, match="use 'ambience' for mono"):
        make(fast).upmix(np.zeros(1000), RATE)


def test_weights_are_bundled_or_specified(fast, monkeypatch, tmp_path):
    monkeypatch.setattr(cards, "SHIPPED", tmp_path)
    with pytest.raises(UpmixerError, match="lacks its weights"):
        get_upmixer("style-vae")
    assert make(fast).style.model == "style-vae-fast"
    save(tmp_path / "style-vae-paper.safetensors", PAPER)
    assert get_upmixer("style-vae", variant="paper").style.model == "style-vae-paper"
    with pytest.raises(WeightsError, match="unknown weights 'style-vae-fast'"):
        get_upmixer("style-vae")
    with pytest.raises(WeightsError, match="cannot be read"):
        make(str(tmp_path / "none.safetensors"))


def test_it_renders_its_five_channels_to_any_layout(fast, rng):
    noise = 0.1 * rng.standard_normal((2, RATE // 2)).astype(np.float32)
    expected = render(make(fast).upmix(noise, RATE), "5.0", "7.1.4")
    assert np.allclose(make(fast, layout="7.1.4").upmix(noise, RATE), expected, atol=1e-6)


# Windows.


class Mixer:
    """Substitute for a model: five fixed mixtures, louder from window to window on request."""

    seconds, sample_rate = 1, 8000
    matrix = np.array([[1, 0], [0, 1], [0.5, 0.5], [0.3, -0.3], [0, 2]], np.float32)

    def __init__(self, growth=0.0):
        self.growth, self.heard = growth, []

    def decode(self, stereo, style):
        self.heard.append(stereo.shape[1])
        return (1 + self.growth * len(self.heard)) * (self.matrix @ stereo).astype(np.float32)


def streamed(audio, model, rate, block):
    five = get_upmixer("matrix", layout="5.0")  # for its format
    stream = StyleStream(five, rate, model, np.zeros(1, np.float32))
    parts = [stream.process(audio[:, n : n + block]) for n in range(0, audio.shape[1], block)]
    assert audio.shape[1] - sum(part.shape[1] for part in parts) <= stream.latency
    return np.concatenate([*parts, stream.flush()], axis=1)


@pytest.mark.parametrize("length", [1, 4000, 7999, 8000, 8001, 12000, 12001, 20000, 27777])
def test_windows_of_a_linear_model_join_to_the_whole(length, rng):
    audio = rng.standard_normal((2, length)).astype(np.float32)
    model = Mixer()
    assert np.allclose(streamed(audio, model, 8000, 999), Mixer.matrix @ audio, atol=1e-5)
    assert max(model.heard) <= 8000
    assert length < 8000 or min(model.heard) == 8000


def test_other_sample_rates_are_upmixed_window_by_window(rng):
    time = np.arange(3 * 12000) / 12000
    audio = np.stack([np.sin(2 * np.pi * 440 * time), np.cos(2 * np.pi * 1000 * time)])
    result = streamed(audio, Mixer(), 12000, 5000)
    assert result.dtype == np.float64
    assert np.allclose(result[:, 600:-600], (Mixer.matrix @ audio)[:, 600:-600], atol=1e-4)


def test_different_windows_are_cross_faded():
    steps = np.diff(streamed(np.ones((2, 30000)), Mixer(growth=0.5), 8000, 4000)[0])
    assert steps.min() >= 0.0  # louder from window to window, never back
    assert steps.max() < 0.5 * np.pi / 2 / 2300  # of a raised cosine of 2400 samples


# What the filter leaves over.


def spectrum(rng, *shape):
    noise = rng.standard_normal((2, *shape)).astype(np.float32)
    return torch.complex(*torch.from_numpy(noise))


def taken(stereo, masks, entered, gains):
    filters = wiener_filters.extraction_filters(masks, entered)
    made = wiener_filters.pan_filters(filters, gains)
    made = made + wiener_filters.residual_filters(filters, masks, entered, gains)
    return wiener_filters.apply_filters(made, stereo, Resolution(((stereo.shape[-1], 1),)))


def test_one_panned_source_has_no_residual(rng):
    source = spectrum(rng, 1, 20, 1, 300)
    entered = torch.tensor([[[0.8, 0.6]]])
    gains = torch.tensor([[[0.0, 0.6, 0.0, 0.8, 0.0]]])
    made = taken(wiener_filters.pan(source, entered), torch.ones(1, 20, 1, 300), entered, gains)
    assert torch.allclose(made, wiener_filters.pan(source, gains), atol=1e-5)


def test_uncorrelated_channels_keep_their_energy_and_silent_loudspeakers_stay_silent(rng):
    stereo = spectrum(rng, 1, 40, 2, 300)
    owner = torch.from_numpy(rng.integers(0, 4, (1, 40, 300)))
    masks = torch.nn.functional.one_hot(owner, 4).movedim(-1, 2).float()
    angle = torch.tensor([[0.1, 0.7, 0.8, 1.4]])
    entered = torch.stack([angle.cos(), angle.sin()], -1)
    gains = torch.zeros(1, 4, 5)
    gains[0, [0, 1, 2, 3], [0, 2, 2, 3]] = 1.0
    made = taken(stereo, masks, entered, gains)
    ratio = made.abs().square().sum() / stereo.abs().square().sum()
    assert abs(10 * torch.log10(ratio)) < 0.1
    assert not made[:, :, [1, 4]].any()


def test_the_residual_has_its_energy_for_any_masks(rng):
    side = spectrum(rng, 1, 30, 1, 200)
    residual = torch.cat([side, -0.5 * side], 2)  # of one source, its sides against each other
    masks = torch.rand(1, 30, 4, 200).softmax(2)
    entered = torch.nn.functional.normalize(torch.rand(1, 4, 2), dim=-1)
    gains = torch.nn.functional.normalize(torch.rand(1, 4, 5), dim=-1)
    none = torch.zeros(1, 30, 4, 2, 200)
    filters = wiener_filters.residual_filters(none, masks, entered, gains)
    made = wiener_filters.apply_filters(filters, residual, Resolution(((200, 1),)))
    energy = made.abs().square().sum(2)
    assert torch.allclose(energy, residual.abs().square().sum(2), rtol=1e-3)


# Stems and separators.


class Parts(Fourths):
    """A stem per part of the spectrum, named in turn."""

    name = "parts"

    def _separate(self, audio, sample_rate, start):
        spectrum = np.fft.rfft(audio)
        edges = (np.array([0.0, 0.1, 0.25, 0.5, 1.0]) * spectrum.shape[1]).astype(int)
        stems = np.zeros((4, *spectrum.shape), complex)
        for stem, (low, high) in enumerate(pairwise(edges)):
            stems[stem, :, low:high] = spectrum[:, low:high]
        return np.fft.irfft(stems, audio.shape[1])


def write_stems(folder, stems):
    folder.mkdir()
    for name, stem in zip(STEMS, stems, strict=True):
        write(folder / f"{name}.wav", stem, RATE, subtype="FLOAT")
    return folder


def test_stems_go_to_the_loudspeakers_of_the_style_with_their_width(fast, rng, tmp_path, pan_band):
    stems = 0.1 * rng.standard_normal((4, 2, RATE)).astype(np.float32)
    folder = write_stems(tmp_path / "stems", stems)
    expected = np.zeros((5, RATE))
    expected[2] = stems[[0, 2]].sum((0, 1)) / np.sqrt(2.0)
    expected[:2], expected[3:] = stems[1], stems[3]
    files = {name: folder / f"{name}.wav" for name in STEMS}
    for given in (folder, str(folder), files):
        upmixer = get_upmixer("style-vae", weights=fast, stems=given)
        result = upmixer.upmix(stems.sum(0), RATE)
        np.testing.assert_allclose(result, expected, atol=1e-5)
        again = get_upmixer("style-vae", **option_values(upmixer))
        np.testing.assert_array_equal(again.upmix(stems.sum(0), RATE), result)


@pytest.fixture
def pan_band(fast, monkeypatch):
    half = np.sqrt(0.5)
    rows = [[0, 0, 1, 0, 0], [half, half, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, half, half]]
    network = load_style_model(weights=fast).network
    monkeypatch.setattr(network, "pan_gains", lambda style: torch.tensor([rows]).float())


def test_stems_of_another_song_or_length_are_refused(fast, rng, tmp_path):
    stems = 0.1 * rng.standard_normal((4, 2, RATE)).astype(np.float32)
    upmixer = get_upmixer("style-vae", weights=fast, stems=write_stems(tmp_path / "stems", stems))
    with pytest.raises(ShapeError, match="the song has 44000 samples"):
        upmixer.upmix(stems.sum(0)[:, :44000], RATE)
    stream = upmixer.stream(RATE)
    stream.process(stems.sum(0)[:, :44000])
    with pytest.raises(ShapeError, match="the song has 44000 samples"):
        stream.flush()


def test_options_of_stems_exclude_each_other_and_the_paper_s_network(fast, paper):
    with pytest.raises(OptionError, match="stems and separator are mutually exclusive"):
        get_upmixer("style-vae", weights=fast, stems="somewhere", separator=Fourths())
    with pytest.raises(OptionError, match="separator has no effect with the variant 'paper'"):
        get_upmixer("style-vae", weights=paper, separator=Fourths())
    with pytest.raises(OptionError, match="of an example have no effect with the variant"):
        get_upmixer("style-vae", weights=paper, names="vocals:0")


def test_stems_tell_which_sound_of_an_example_is_whose(fast, rng, monkeypatch):
    """Bands of noise at four places: with stems the places are found, whatever the network."""
    bands = Parts().separate(0.1 * rng.standard_normal((1, 2 * RATE)), RATE)[:, 0]
    gains = vbap_gains([0.0, 30.0, -110.0, 110.0])
    network, found = load_style_model(weights=fast).network, []
    encode = network.encode_features
    monkeypatch.setattr(network, "encode_features", lambda x: found.append(x) or encode(x))
    style = encode_style(gains.T @ bands, RATE, separator=Parts(), weights=fast)
    np.testing.assert_allclose(found[0][0, :, :5], gains, atol=0.02)
    assert min(style.confidence) > 0.95
    places = style_directions(style, weights=fast)
    assert [place.confidence for place in places.values()] == list(style.confidence)
    assert np.isnan(style_directions(random_style(weights=fast), weights=fast)["bass"].confidence)


def test_stems_that_an_example_lacks_keep_their_ordinary_places(fast, rng):
    """No bass: it is in front, and the other places are found as with it."""
    bands = Parts().separate(0.1 * rng.standard_normal((1, 2 * RATE)), RATE)[:, 0]
    bands[2] = 0.0
    gains = vbap_gains([-110.0, 30.0, 110.0, 110.0])
    model, features = load_style_model(weights=fast), []
    encode = model.network.encode_features
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model.network, "encode_features", lambda x: features.append(x) or encode(x))
        style = encode_style(gains.T @ bands, RATE, separator=Parts(), weights=fast)
    np.testing.assert_allclose(features[0][0, [0, 1, 3], :5], gains[[0, 1, 3]], atol=0.02)
    np.testing.assert_allclose(features[0][0, 2, :5], [0.0, 0.0, 1.0, 0.0, 0.0], atol=1e-6)
    assert style.confidence[2] == 0.0


def test_names_tell_where_a_stem_is(fast, rng):
    """All of the masks alike: a named stem is at the place nearest to its name."""
    bands = Parts().separate(0.1 * rng.standard_normal((1, 2 * RATE)), RATE)[:, 0]
    five = torch.from_numpy((vbap_gains([0.0, 30.0, -110.0, 110.0]).T @ bands).astype(np.float32))
    network = load_style_model(weights=fast).network
    covariance = Covariance.of(network.stft(five[None]), network.resolution)
    masks = torch.full((1, covariance.products.shape[1], 4, network.resolution.bands), 0.25)
    named = torch.from_numpy(vbap_gains([100.0, 20.0, -100.0, 5.0]).astype(np.float32))[None]
    with torch.no_grad():
        found = network.find_places(covariance, masks, named).features[0, :, :5]
    expected = vbap_gains([110.0, 30.0, -110.0, 0.0])
    assert (found.numpy() * expected).sum(1).min() > 0.98


# Styles.


def test_styles_are_unchanged_by_files(fast, five, tmp_path):
    style = encode_style(five, RATE, source="a song", weights=fast)
    style.save(tmp_path / "style.json")
    assert Style.load(tmp_path / "style.json") == style
    assert Style.from_json(style.to_json()) == style


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean": None}, "mean must be a list of numbers, got None"),
        ({"mean": [True] * 8}, "mean must be a list of numbers, got "),
        ({"mean": [1e30] * 8}, r"mean of a style must be from -1000 to 1000, got 1e\+30"),
        ({"log_variance": [-1e9] * 8}, "log_variance of a style must be from -100 to 100"),
        ({"confidence": [0.5]}, "confidence of a style must be empty or 4 numbers, got 1"),
        ({"mean": [float("nan")] * 8}, "mean of a style must be a list of finite numbers"),
        ({"log_variance": [0.0]}, "must have the same length, at least 1, got 8 and 1"),
        ({"weights": 5}, "weights must be text, got 5"),
        ({"weights": "a\nb"}, "printable text in one line"),
        ({"model": "\x1b[2J"}, "printable text in one line"),
        ({"more": 1}, "unknown field 'more'"),
    ],
)
def test_damaged_styles_are_refused(fast, tmp_path, change, message):
    facts = {**asdict(random_style(weights=fast)), **change}
    (tmp_path / "style.json").write_text(json.dumps(facts))
    with pytest.raises(StyleError, match=message) as caught:
        make(fast, style=str(tmp_path / "style.json"))
    assert "style.json" in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"mean": [1]}', "\0"])
def test_files_without_a_style_are_refused(tmp_path, text):
    (tmp_path / "style.json").write_text(text)
    with pytest.raises(StyleError, match=r"style\.json"):
        Style.load(tmp_path / "style.json")
    with pytest.raises(StyleError, match="cannot be read"):
        Style.load(tmp_path / "none.json")


def test_every_source_of_the_same_music_gives_its_style(fast, five, tmp_path):
    style = encode_style(five, RATE, weights=fast)
    surround = np.insert(five, 3, 1.0, axis=0)  # a loud LFE changes nothing
    write(tmp_path / "song.wav", surround, RATE, format="5.1", subtype="FLOAT")
    for given in (
        style,
        (five, RATE),
        (reorder(five, "5.0", "paper5"), RATE, "paper5"),
        Audio(surround, RATE, get_layout("5.1")),
        tmp_path / "song.wav",
        str(tmp_path / "song.wav"),
        style.to_json(),
        (10 * five, RATE),
    ):
        upmixer = make(fast, style=given, separator="masks")
        assert close(upmixer.style, style)
        again = type(upmixer)(**option_values(upmixer))
        assert again.style.mean == upmixer.style.mean


@pytest.mark.parametrize("seconds", [4, 30])
def test_one_place_of_each_stem_is_found_in_all_segments(fast, five, monkeypatch, seconds):
    model = load_style_model(weights=fast)
    monkeypatch.setattr(model, "seconds", 1)
    silence = np.zeros((5, RATE), np.float32)
    parts = [five, silence, 1e-3 * five[::-1], five]
    long = np.hstack([parts[number % 4] for number in range(seconds)])
    style = encode_style(five, RATE, weights=fast)
    assert np.allclose(encode_style(long, RATE, weights=fast).mean, style.mean, atol=0.02)
    assert not np.allclose(encode_style(five[::-1], RATE, weights=fast).mean, style.mean, atol=0.02)
    assert all(0.0 < sure < 1.0 for sure in style.confidence)


def test_any_sample_rate_and_larger_layouts_are_supported(fast, rng):
    model = load_style_model(weights=fast)
    noise = 0.1 * rng.standard_normal((12, 24000))
    style = encode_style(noise, 48000, layout="7.1.4", weights=fast)
    assert len(style.mean) == model.latent_size


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ((np.ones((2, RATE)), RATE, "stereo"), StyleError, "at least five loudspeakers"),
        ((np.ones((5, 9000)), RATE), StyleError, "at least 0.5 s of music, got 0.2 s"),
        ((np.zeros((5, RATE)), RATE), StyleError, "the audio is silent"),
        ((np.full((5, RATE), np.nan), RATE), SignalError, "holds nan"),
        ((np.ones((6, RATE)), RATE), ShapeError, "5 channels"),
        ((np.ones((5, RATE)), RATE, "5.9"), LayoutError, "5.9"),
        ((np.ones((5, RATE)), 0), OptionError, "sample_rate"),
        (Audio(np.ones((5, RATE)), RATE), StyleError, "the format of the audio is unknown"),
        (np.ones((5, RATE)), OptionError, "style must be 'band', 'random', the path"),
        ("nothing.wav", OSError, r"nothing\.wav"),
        ("bnad", OptionError, "unknown style 'bnad'; did you mean 'band'?"),
        ({"vocal": 3}, OptionError, "unknown stem 'vocal'; did you mean 'vocals'?"),
        ({"flute": 3}, OptionError, "unknown stem 'flute'. Accepted: 'vocals', 'drums', 'bass'"),
        ({"bass": []}, OptionError, "direction of bass"),
        ({"bass": "left"}, DirectionError, "direction of bass"),
    ],
)
def test_invalid_sources_of_styles_are_refused(fast, given, error, message):
    with pytest.raises(error, match=message):
        make(fast, style=given)


def test_a_file_without_a_layout_is_refused(fast, five, tmp_path):
    write(tmp_path / "song.wav", five, RATE)
    with pytest.raises(StyleError, match="write it again with a channel mask"):
        make(fast, style=tmp_path / "song.wav")


def test_random_styles_depend_on_the_seed(fast):
    drawn = make(fast, style="random", seed=7).style
    assert drawn == random_style(7, weights=fast)
    assert make(fast, style="random").style != drawn
    with pytest.warns(SpatialkitWarning, match="the style is not random"):
        make(fast, directions="vocals:0", seed=7)


def test_random_styles_of_the_fast_model_are_posteriors_of_random_directions(fast, monkeypatch):
    model = load_style_model(weights=fast)
    told = []
    encode_stems = model.encode_stems
    monkeypatch.setattr(
        model, "encode_stems", lambda stems, gains: told.append(gains) or encode_stems(stems, gains)
    )
    drawn = np.array([random_style(seed, weights=fast).mean for seed in range(300)])
    np.testing.assert_allclose(np.square(told).sum(-1), 1.0)
    mean, log_variance = (
        np.array(part) for part in zip(*[encode_stems(None, gains) for gains in told], strict=True)
    )
    # What is left of the draws in units of the posterior is standard normal.
    left = (drawn - mean) / np.exp(0.5 * log_variance)
    assert abs(left.mean()) < 0.1
    assert abs(left.std() - 1.0) < 0.1
    assert np.std(told, axis=0).min() > 0.1


def test_random_styles_of_the_published_network_are_standard_normal(paper):
    drawn = np.array([random_style(seed, weights=paper).mean for seed in range(300)])
    assert abs(drawn.mean()) < 0.1
    assert abs(drawn.std() - 1.0) < 0.1


def test_directions_are_equal_in_python_and_on_the_command_line(fast):
    told = {"vocals": 0, "drums": [-110, 110]}
    style = directions_style(told, weights=fast)
    assert close(make(fast, style=told).style, style)
    parsed = parse_options(StyleVAEUpmixer, {"directions": "vocals:0,drums:-110/110"})
    assert close(make(fast, **parsed).style, style)
    assert not close(directions_style({"vocals": 0, "drums": 0}, weights=fast), style)


def test_directions_pan_the_stems_that_the_published_encoder_receives(paper, monkeypatch):
    model = load_style_model(weights=paper)
    heard = []
    encode = model.encode
    monkeypatch.setattr(model, "encode", lambda five: heard.append(five) or encode(five))
    directions_style({"vocals": 0, "drums": [-110, 110], "bass": 0, "other": 0}, weights=paper)
    fl, fr, fc, sl, sr = np.square(heard[0], dtype=np.float64).sum(axis=1)
    assert fl == fr == 0.0
    assert np.isclose(sl, sr)
    assert np.isclose(fc / (sl + sr), 3.0, rtol=0.1)  # three stems against one, equally loud


def test_the_fast_encoder_receives_the_features_of_true_masks(fast):
    """Four equally loud tones in separate bands: the result equals the specified gains."""
    network = load_style_model(weights=fast).network
    gains = vbap_gains((0.0, 70.0, -45.0, 20.0))
    time = np.arange(3 * RATE) / RATE
    tones = np.stack(
        [np.sin(2.0 * np.pi * hertz * time) for hertz in (200.0, 700.0, 1500.0, 3000.0)]
    )
    moments = Covariance.of(
        network.stft(torch.from_numpy((0.1 * tones).astype(np.float32))[None]),
        network.resolution,
    )
    shares = moments.powers / (moments.powers.sum(2, keepdim=True) + 1e-12)
    panned = torch.from_numpy(gains.astype(np.float32))[None]
    with torch.no_grad():
        places = network.find_places(moments.mixed(panned), shares)
    np.testing.assert_allclose(places.features, network.gain_features(panned), atol=0.01)
    assert np.diagonal(places.likelihood[0]).min() > 0.95


@pytest.mark.parametrize("text", ["vocals", "vocals:", "bass:0,bass:1", "bass:a", "bass:0,"])
def test_invalid_directions_are_refused(text):
    with pytest.raises(OptionError, match="directions and names must be stems with degrees"):
        parse_directions(text)


@pytest.mark.parametrize("style", ["BAND", "random", {"vocals": 0.0}])
def test_names_without_an_example_give_a_warning(fast, style):
    with pytest.warns(SpatialkitWarning, match="names has no effect: the style is not a rec"):
        get_upmixer("style-vae", weights=fast, style=style, names="vocals:0")


def test_style_and_directions_together_are_refused(fast):
    for directions in ("vocals:0", {"vocals": 0}):
        with pytest.raises(OptionError, match="mutually exclusive"):
            make(fast, directions=directions, style="song.wav")
    with pytest.raises(OptionError, match="also those of a preset"):
        get_upmixer("style-vae", weights=fast, style="random", preset="studio")


def test_directions_take_precedence_over_those_of_a_preset(fast):
    options = {"weights": fast, "preset": "studio"}
    specified = get_upmixer("style-vae", weights=fast, directions={"other": 110}).style
    assert get_upmixer("style-vae", **options, directions={"other": 110}).style == specified
    assert get_upmixer("style-vae", **options, directions="other:110").style == specified
    assert get_upmixer("style-vae", **options).style != specified


def test_the_default_style_is_a_band_in_front(fast):
    told = {"vocals": 0, "bass": 0, "drums": [30, -30], "other": [110, -110]}
    assert close(make(fast).style, directions_style(told, weights=fast))
    assert make(fast, style="band").style == make(fast, style="Band").style == make(fast).style
    assert make(fast, directions="Vocals:0").style == make(fast, directions={"vocals": 0}).style


def test_directions_may_be_a_mapping(fast):
    assert make(fast, directions={"drums": 110}).style == make(fast, style={"drums": 110}).style


def test_a_style_is_taken_from_a_file_as_from_its_audio(fast, five, tmp_path):
    write(tmp_path / "five.wav", five, RATE, format="5.0", subtype="FLOAT")
    heard = encode_style(tmp_path / "five.wav", weights=fast)
    assert heard.source == "five.wav"
    assert close(heard, encode_style(five, RATE, weights=fast))
    with pytest.raises(StyleError, match="pass sample_rate="):
        encode_style(five, weights=fast)
    with pytest.raises(StyleError, match="style must be a Style, got str"):
        style_directions("random", weights=fast)


def test_without_the_extra_styles_report_the_install_command(monkeypatch, five):
    monkeypatch.setattr(cards, "find_spec", lambda module: None)
    with pytest.raises(StyleError, match=r"^a style needs spatialkit's extra `models`"):
        encode_style(five, RATE)


def test_a_style_of_other_weights_is_refused(fast, tmp_path):
    other = save(tmp_path / "other.safetensors", FAST, seed=1)
    style = random_style(weights=fast)
    with pytest.raises(StyleError, match="encode it again from its music"):
        make(other, style=style)
    with pytest.raises(StyleError, match="can only be interpolated if"):
        interpolate(style, random_style(weights=other), 0.5)


def test_interpolation_connects_both_styles(fast):
    first, second = random_style(1, weights=fast), random_style(2, weights=fast)
    assert interpolate(first, second, 0.0).mean == first.mean
    assert np.allclose(
        interpolate(first, second, 0.25).mean,
        0.75 * np.array(first.mean) + 0.25 * np.array(second.mean),
    )
    with pytest.raises(OptionError, match="t must be from 0 to 1"):
        interpolate(first, second, 1.5)


def test_a_style_is_described_by_directions_and_gains(fast):
    style = random_style(3, weights=fast)
    places = style_directions(style, weights=fast)
    assert list(places) == ["vocals", "drums", "bass", "other"]
    for place in places.values():
        assert np.isclose(sum(gain**2 for gain in place.gains.values()), 1.0, atol=1e-5)
        felt = sum(
            gain**2 * np.exp(1j * np.deg2rad(azimuth))
            for gain, azimuth in zip(place.gains.values(), get_layout("5.0").azimuth, strict=True)
        )
        assert np.isclose(place.azimuth, np.angle(felt, deg=True), atol=1e-3)
        assert np.isclose(place.length, np.abs(felt), atol=1e-5)


def test_the_published_network_is_evaluated_for_the_directions_of_a_style(paper):
    places = style_directions(random_style(weights=paper), weights=paper)
    for place in places.values():
        assert np.isclose(sum(gain**2 for gain in place.gains.values()), 1.0, atol=1e-4)


def test_a_loudspeaker_without_gain_in_a_style_is_silent(fast, rng, monkeypatch):
    model = load_style_model(weights=fast)

    def pan_gains(style):
        return torch.tensor([[[1.0, 0, 0, 0, 0]] * 2 + [[0, 0, 0.6, 0.8, 0]] * 2])

    monkeypatch.setattr(model.network, "pan_gains", pan_gains)
    result = make(fast).upmix(0.1 * rng.standard_normal((2, RATE)), RATE)
    assert not result[[1, 4]].any()
    assert (np.abs(result[[0, 2, 3]]).max(axis=1) > 0.01).all()


def test_the_output_depends_on_one_window_before_and_after(fast, rng, monkeypatch):
    monkeypatch.setattr(load_style_model(weights=fast), "seconds", 1)
    noise = 0.1 * rng.standard_normal((2, 3 * RATE)).astype(np.float32)
    other = noise.copy()
    other[:, RATE:] = 0.0
    upmixer = get_upmixer("style-vae", weights=fast, panned=True)
    first, second = (upmixer.upmix(audio, RATE) for audio in (noise, other))
    assert np.array_equal(first[:, : RATE // 2], second[:, : RATE // 2])
    assert not np.allclose(first[:, RATE:], second[:, RATE:])
