"""Procedural songs: deterministic, continuous, with the distinctive features of stems."""

from __future__ import annotations

import numpy as np
import pytest

from spatialkit.errors import OptionError
from spatialkit.stft import stft
from spatialkit_models.data.procedural import Procedural, ProceduralSong
from spatialkit_models.data.procedural.singing import VOWELS
from spatialkit_models.stem_names import STEMS

RATE = 22050


def read(song, stem, start, seconds, rate=RATE):
    return song.read(stem, start, round(seconds * rate), rate)


def pitch_of(samples, rate, lowest=30.0, highest=160.0):
    """Frequency in Hz by the plain autocorrelation: the shortest lag that is nearly the best."""
    samples = samples - samples.mean()
    lags = np.arange(int(rate / highest), int(rate / lowest))
    size = len(samples) - lags[-1]
    here = samples[:size]
    scores = []
    for lag in lags:
        there = samples[lag : lag + size]
        scores.append(here @ there / np.sqrt((here @ here) * (there @ there) + 1e-20))
    scores = np.array(scores)
    good = (scores > 0.93 * scores.max()) & (scores >= np.roll(scores, 1))
    good &= scores >= np.roll(scores, -1)
    return rate / lags[np.flatnonzero(good)[0]]


def power_below(samples, hertz, rate=RATE):
    """Return the fraction of the power below a frequency."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    return power[: int(hertz * len(samples) / rate)].sum() / power.sum()


@pytest.fixture(scope="module")
def songs():
    return [ProceduralSong(3, number) for number in range(12)]


@pytest.fixture(scope="module")
def middles(songs):
    """Three seconds of each stem of some songs."""
    return [
        {stem: read(song, stem, 0.4 * song.duration, 3.0) for stem in STEMS} for song in songs[:8]
    ]


def test_a_song_depends_on_its_numbers_only():
    np.random.seed(1)  # noqa: NPY002 - the global state must have no influence
    one = {stem: read(ProceduralSong(3, 8), stem, 20.0, 1.0) for stem in STEMS}
    np.random.seed(2)  # noqa: NPY002
    again = ProceduralSong(3, 8)
    for stem in reversed(STEMS):
        assert one[stem].dtype == np.float32
        np.testing.assert_array_equal(read(again, stem, 20.0, 1.0), one[stem])
    others = [ProceduralSong(3, 9), ProceduralSong(4, 8)]
    assert all(song.composition.tempo != again.composition.tempo for song in others)


@pytest.mark.parametrize("stem", STEMS)
@pytest.mark.parametrize("rate", [RATE, 16000 / 1.07])
def test_ranges_of_a_stem_join_without_a_step(songs, stem, rate):
    sounding = 0
    for song in songs[:5]:
        whole = read(song, stem, 15.0, 4.0, rate)
        first = round(16.7 * rate) - round(15.0 * rate)
        piece = read(song, stem, 16.7, 1.5, rate)
        # Rounding of float32 in Fourier transforms of different blocks.
        np.testing.assert_allclose(piece, whole[first : first + len(piece)], atol=2e-5)
        sounding += piece.any()
    assert sounding >= 3


def test_beyond_its_ends_a_song_is_silent(songs):
    for stem in STEMS:
        before = read(songs[0], stem, -2.0, 1.8)
        after = read(songs[0], stem, songs[0].duration + 1.0, 1.0)
        assert not before.any()
        assert not after.any()


def test_levels_are_those_of_music(middles):
    for stem in STEMS:
        sounding = [stems[stem] for stems in middles if stems[stem].any()]
        levels = [10 * np.log10(np.mean(samples**2)) for samples in sounding]
        assert max(np.abs(samples).max() for samples in sounding) < 4.0
        assert -27 < np.median(levels) < -14


def test_the_bass_begins_each_bar_with_the_root_of_its_chord(songs):
    """Oracle: the pitch found by autocorrelation, compared with the chord of the plan."""
    hits = []
    for song in songs:
        plan = song.composition
        bars = [bar for bar in range(4, len(plan.bars)) if plan.plays("bass", bar)]
        for bar in bars[::5][:4]:
            first = plan.bass_notes(bar)[0]
            if first.length < 0.3 or first.start > plan.time(bar, 0) + 0.01:
                continue
            # What rang on from the bar before is over.
            samples = read(song, "bass", first.start + 0.12, first.length - 0.12)
            pitch = 69 + 12 * np.log2(pitch_of(samples, RATE) / 440)
            away = (pitch - plan.chord(bar)[0] + 6) % 12 - 6
            hits.append(abs(away) < 0.5)
    assert len(hits) > 15
    # Very short notes and strong overtones deceive the autocorrelation here and there.
    assert np.mean(hits) > 0.9


def test_bass_is_low_drums_are_broad_and_short(middles):
    sounding = {stem: [stems[stem] for stems in middles if stems[stem].any()] for stem in STEMS}
    assert np.median([power_below(bass, 600) for bass in sounding["bass"]]) > 0.9
    # Kicks below and metal above: neither end has less than a hundredth of the power.
    drums = sounding["drums"]
    assert np.median([power_below(samples, 150) for samples in drums]) > 0.01
    assert np.median([power_below(samples, 2000) for samples in drums]) < 0.99
    crests = {}
    for stem in ("drums", "other"):
        frames = np.stack(sounding[stem])[:, :66000].reshape(-1, 300, 220)
        levels = np.sqrt(np.mean(frames**2, axis=2))
        crests[stem] = np.median(levels.max(axis=1) / levels.mean(axis=1))
    assert crests["drums"] > 1.5 * crests["other"]


def test_drums_are_audible_at_their_written_times(songs):
    for song in songs[:4]:
        plan, player = song.composition, song._players["drums"]
        bar = next(bar for bar in range(8, 60) if plan.plays("drums", bar))
        loud = [time for time, _, loudness in player.hits(bar) if loudness > 0.5]
        assert len(loud) > 3
        begin = bar * plan.bar_seconds - 0.05
        edges = np.diff(read(song, "drums", begin, plan.bar_seconds + 0.1), n=2) ** 2
        places = [round((time - begin) * RATE) for time in loud]
        after = np.mean([edges[at - 2 : at + 100].mean() for at in places])
        before = np.mean([edges[at - 105 : at - 3].mean() for at in places])
        assert after > 2 * before


def sung(song):
    """All notes of the lead without a glide, the longest first."""
    plan, lead = song.composition, song._players["vocals"]
    syllables = [
        syllable
        for bar in range(0, len(plan.bars), 2)
        if plan.plays("vocals", bar)
        for syllable in lead.syllables(bar)
        if syllable.vowel == syllable.glide
    ]
    return sorted(syllables, key=lambda syllable: -syllable.note.length)


def test_long_sung_notes_have_vibrato(songs):
    rates = []
    for song in songs:
        syllable = next(iter(sung(song)), None)
        if syllable is None or syllable.note.length < 1.2:
            continue
        hertz = 440 * 2 ** ((syllable.note.pitch - 69) / 12)
        start = syllable.note.start + song._players["vocals"].vibrato_delay + 0.15
        samples = read(song, "vocals", start, syllable.note.length - 0.65).astype(np.float64)
        # The fundamental alone, turned down to 0 Hz: its phase is the course of the pitch.
        turned = samples * np.exp(-2j * np.pi * hertz * np.arange(len(samples)) / RATE)
        width = int(2 * RATE / hertz)
        smooth = np.convolve(turned, np.hanning(width) / width, "valid")[:: RATE // 200]
        course = np.diff(np.unwrap(np.angle(smooth)))
        course = (course - course.mean()) * np.hanning(len(course))
        spectrum = np.abs(np.fft.rfft(course, 4096))
        band = slice(int(2 * 4096 / 200), int(15 * 4096 / 200))
        rates.append((np.argmax(spectrum[band]) + band.start) * 200 / 4096)
    assert len(rates) >= 3
    assert 4.3 < np.median(rates) < 7.1


def test_vowels_have_different_formants():
    """The second formant of "i" lies two octaves above that of "u" (Peterson and Barney, 1952)."""
    ratios = {"i": [], "u": []}
    for number in range(16):
        song = ProceduralSong(3, number)
        syllables = sung(song)
        for vowel, values in ratios.items():
            syllable = next((found for found in syllables if found.vowel == vowel), None)
            if syllable is None or syllable.note.length < 0.35:
                continue
            note = syllable.note
            samples = read(song, "vocals", note.start + 0.12, note.length - 0.15)
            tract = song._players["vocals"].tract
            low = power_below(samples, 1500 * tract) - power_below(samples, 600 * tract)
            high = power_below(samples, 3300 * tract) - power_below(samples, 1700 * tract)
            values.append(10 * np.log10(high / low))
    assert VOWELS["i"][1] > 2 * VOWELS["u"][1]
    assert min(map(len, ratios.values())) >= 5
    assert np.median(ratios["i"]) > np.median(ratios["u"]) + 10


def test_stems_enter_and_leave(songs):
    silent = dict.fromkeys(STEMS, 0)
    for song in songs:
        plan = song.composition
        for bar in range(1, len(plan.bars), 3):
            for stem in STEMS:
                quiet = not plan.plays(stem, bar) and not plan.plays(stem, bar - 1)
                silent[stem] += quiet
                if quiet and plan.bars[bar].section == "break" and stem == "drums":
                    end = read(song, stem, (bar + 0.95) * plan.bar_seconds, 0.05)
                    assert np.sqrt(np.mean(end**2)) < 1e-2
    assert silent["drums"] > 20
    assert silent["vocals"] > 20
    assert silent["bass"] > 20


def test_songs_differ_in_tempo_key_metre_and_sound():
    plans = [ProceduralSong(0, number).composition for number in range(60)]
    assert {plan.root for plan in plans} == set(range(12))
    assert {plan.beats for plan in plans} == {3, 4}
    assert len({plan.scale for plan in plans}) == 4
    tempi = [plan.tempo for plan in plans]
    assert min(tempi) > 69
    assert max(tempi) < 173
    assert np.std(tempi) > 15
    basses = {ProceduralSong(0, number)._players["bass"].sound.name for number in range(30)}
    assert basses == {"sine", "saw", "square", "fm", "pluck"}


def test_chords_hold_the_tones_of_the_plan(songs):
    """Oracle: pitch classes of the spectrum's peaks, against the chord of the bar."""
    inside = []
    for song in songs:
        plan = song.composition
        for bar in range(4, len(plan.bars) - 4, 17):
            if not plan.plays("other", bar) or plan.two_chords_a_bar:
                continue
            samples = read(song, "other", bar * plan.bar_seconds + 0.1, plan.bar_seconds - 0.15)
            power = np.abs(stft(samples[None], n_fft=8192, hop=2048))[0].mean(axis=1) ** 2
            hertz = np.arange(len(power)) * RATE / 8192
            near = (hertz > 120) & (hertz < 520)
            classes = np.round(69 + 12 * np.log2(hertz[near] / 440)).astype(int) % 12
            total = np.bincount(classes, power[near], minlength=12)
            inside.append(total[list(plan.chord(bar))].sum() / total.sum())
    assert len(inside) > 12
    # At random, three of twelve classes: a quarter.
    assert np.median(inside) > 0.75


def test_splits_share_no_song(rng):
    source = Procedural(5)
    names = {
        split: {source.sample(rng, split).name for _ in range(60)}
        for split in ("train", "valid", "test")
    }
    assert not names["train"] & names["valid"]
    assert not names["train"] & names["test"]
    assert not names["valid"] & names["test"]
    assert repr(source) == "Procedural(seed=5)"


def test_invalid_arguments_raise_one_sentence(rng):
    with pytest.raises(OptionError, match=r"unknown stem 'piano'.*Accepted: 'vocals', 'drums'"):
        ProceduralSong(0, 0).read("piano", 0.0, 10, RATE)
    with pytest.raises(OptionError, match="number must be at least 0, got -1"):
        ProceduralSong(0, -1)
    with pytest.raises(OptionError, match=r"seed must be a whole number, got 0\.5"):
        Procedural(0.5)
    with pytest.raises(OptionError, match=r"unknown split '.*Accepted: 'train', 'valid', 'test'"):
        Procedural().sample(rng, "dev")
