"""The search for a more likely place of a stem."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from spatialkit.panning import vbap_gains
from spatialkit_models.modules import Covariance, wiener_filters
from spatialkit_models.style_vae.place_search import search_places, separate_places

AZIMUTHS = (0.0, 35.0, -70.0, 130.0)
SHARPNESS = 10.0


def _example(rng):
    """Return the covariance of four stems of which one sounds in each band, gains and stems."""
    gains = torch.from_numpy(vbap_gains(AZIMUTHS, layout="5.0")).float()
    sounding = torch.from_numpy(rng.integers(0, 4, (1, 40, 1, 30)))
    # Drums are louder than bass.
    level = torch.tensor([1.0, 3.0, 1.0, 1.0])[sounding]
    five = gains[sounding[:, :, 0]].movedim(-1, 2) * level
    return Covariance.of(five.to(torch.complex64), _OneBin()), gains[None], sounding


class _OneBin:
    """Resolution with one bin per band."""

    bins = 30

    def sum_bins(self, values):
        return values


def _masks(sounding, confused):
    """Return masks that tell stems apart, but drums and bass hardly if they are confused."""
    table = 0.88 * torch.eye(4) + 0.03
    if confused:
        table[1] = table[2] = torch.tensor([0.03, 0.5, 0.44, 0.03])
    return table[sounding[:, :, 0]].movedim(-1, 2)


def _estimate(five, masks, gains=None):
    gains = wiener_filters.estimate_gains(five, masks) if gains is None else gains
    for _ in range(4):
        refined = wiener_filters.refine_by_direction(five, masks, gains, SHARPNESS)
        gains = wiener_filters.estimate_gains(five, refined)
    return gains


def test_a_stem_at_the_place_of_a_louder_one_is_moved_to_its_own(rng):
    five, true, sounding = _example(rng)
    masks = _masks(sounding, confused=True)
    first = _estimate(five, masks)
    assert (first[0, 2] * true[0, 1]).sum() > 0.95  # bass at the place of drums
    found = search_places(five, masks, first, SHARPNESS)
    assert found is not None
    found = _estimate(five, masks, found)
    assert ((found * true).sum(-1) > 0.999).all()
    assert search_places(five, masks, found, SHARPNESS) is None


def test_right_places_are_kept(rng):
    five, true, sounding = _example(rng)
    masks = _masks(sounding, confused=False)
    found = _estimate(five, masks)
    assert ((found * true).sum(-1) > 0.999).all()
    assert search_places(five, masks, found, SHARPNESS) is None


def test_stems_that_share_a_place_stay_there(rng):
    five, true, sounding = _example(rng)
    masks = _masks(sounding, confused=False)
    gains = true[:, [0, 1, 1, 3]]
    shared = gains[0][sounding[:, :, 0]].movedim(-1, 2)
    five = Covariance.of(shared.to(torch.complex64), _OneBin())
    assert search_places(five, masks, _estimate(five, masks), SHARPNESS) is None


def test_silence_has_no_more_likely_places(rng):
    five, true, sounding = _example(rng)
    silent = Covariance(0.0 * five.products, 5)
    assert search_places(silent, _masks(sounding, confused=False), true, SHARPNESS) is None


def test_the_sound_of_each_place_is_separated(rng):
    five, true, sounding = _example(rng)
    parts = separate_places(five, true, SHARPNESS)
    at_own_place = torch.gather(parts, 2, sounding)
    assert at_own_place.min() > 0.9
    assert parts.sum(2).allclose(torch.ones(1, 40, 30))


def test_stems_at_one_place_are_one_place(rng):
    five, true, _ = _example(rng)
    places = separate_places(five, true[:, [0, 1, 1, 3]], SHARPNESS).shape[2]
    assert places == 4  # three, and the remaining one
