"""Dependence of latents on style and song, Fig. 2 of the style-transfer paper [1]_; encoder errors.

Excerpts are panned to several configurations and encoded. A latent that represents the style
depends on the configuration only, not on the song. The error of the encoder is the angle between
the direction of a stem in the configuration and in the style.

References
----------
.. [1] H. Yang et al., "Upmixing via style transfer: a variational autoencoder for disentangling
   spatial images and musical content", ICASSP 2022.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.metrics import energy_vector
from spatialkit_models.data.scenes import Configuration, mix
from spatialkit_models.data.songs import SILENCE
from spatialkit_models.evaluation import POOL, SongExcerpts
from spatialkit_models.stem_names import STEMS
from spatialkit_models.style_vae.baselines import LAYOUT, StyleSystem

__all__ = [
    "StyleLatents",
    "draw_latents",
    "encode_latents",
    "group_deviations",
    "principal_components",
]

# Number of songs, and of configurations, that have colours of their own.
HIGHLIGHTS = 5
# Errors of the encoder in degrees below which a stem is at its place, and above which it is at that
# of another stem.
RIGHT, WRONG = 15.0, 60.0


@dataclass(frozen=True, eq=False)
class StyleLatents:
    """Posterior means of a model for excerpts and configurations.

    Parameters
    ----------
    name : str
        Name of the model.
    songs : sequence of str
        Songs of each excerpt.
    means : ndarray, shape (excerpts, configurations, latent)
    errors : ndarray, shape (excerpts, configurations, stems), optional
        Angle in degrees between the energy vectors of a stem in the configuration and in the
        style; NaN for silent stems. None for a model without gains by stem.
    """

    name: str
    songs: Sequence[str]
    means: NDArray[Any]
    errors: NDArray[Any] | None = None

    def facts(self) -> dict[str, Any]:
        """Return deviations, their ratio, encoder errors and the means as recorded in JSON."""
        within_configuration, within_song = group_deviations(self.means)
        return {
            **self._encoder_facts(),
            "within_configuration": within_configuration,
            "within_song": within_song,
            "ratio": within_configuration / within_song if within_song else float("nan"),
            "songs": list(self.songs),
            "means": self.means.astype(np.float64).round(5).tolist(),
        }

    def _encoder_facts(self) -> dict[str, Any]:
        """Return the mean error of the encoder, by stem too, and the ratios of small and large."""
        if self.errors is None:
            return {}
        defined = self.errors[~np.isnan(self.errors)]
        by_stem = [row[~np.isnan(row)] for row in self.errors.reshape(-1, len(STEMS)).T]
        return {
            "encoder_error": float(defined.mean()),
            "encoder_error_by_stem": {
                stem: float(row.mean()) if row.size else None
                for stem, row in zip(STEMS, by_stem, strict=True)
            },
            "encoder_right": float(np.mean(defined < RIGHT)),
            "encoder_wrong": float(np.mean(defined > WRONG)),
        }

    def sentences(self) -> Iterator[str]:
        """Yield the deviations, and the errors of the encoder, as text."""
        facts = self.facts()
        if self.errors is not None:
            found = facts["encoder_error_by_stem"].items()
            by_stem = ", ".join(f"{stem} {x:.0f}" for stem, x in found if x is not None)
            yield (
                f"Encoder of {self.name}: mean error of the directions of stems "
                f"{facts['encoder_error']:.1f} degrees ({by_stem}), "
                f"{facts['encoder_right']:.0%} within {RIGHT:g} degrees, "
                f"{facts['encoder_wrong']:.0%} beyond {WRONG:g}."
            )
        yield (
            f"Latents of {self.name}: deviation {facts['within_configuration']:.3f} within a "
            f"configuration, {facts['within_song']:.3f} within an excerpt, ratio "
            f"{facts['ratio']:.2f} ({len(self.songs)} excerpts of {len(set(self.songs))} songs, "
            f"{self.means.shape[1]} configurations)."
        )


def encode_latents(
    system: StyleSystem,
    excerpts: SongExcerpts,
    configurations: Sequence[Configuration],
    count: int,
) -> StyleLatents:
    """Encode excerpts in all configurations.

    Parameters
    ----------
    system : StyleSystem
        Model that encodes.
    excerpts : SongExcerpts
        Excerpts that are encoded.
    configurations : sequence of Configuration
    count : int
        Number of excerpts; from as many songs as possible.
    """
    stems = excerpts.open()
    candidates = {
        number: ", ".join(sorted(set(stems.songs(number))))
        for number in range(0, 4 * count * POOL, POOL)
    }
    first = {song: number for number, song in reversed(candidates.items())}
    # One excerpt per song, and further ones if there are too few songs.
    numbers = sorted(candidates, key=lambda number: (first[candidates[number]] != number, number))[
        :count
    ]
    means, errors = [], []
    for audio in map(stems.excerpt, numbers):
        means.append([system.encode(mix(audio, one.gains)) for one in configurations])
        if system.stem_gains is not None:
            silent = np.mean(np.square(audio), axis=1) <= SILENCE
            gains = [system.stem_gains(mean) for mean in means[-1]]
            angles = _angles(np.array(gains), np.array([one.gains for one in configurations]))
            errors.append(np.where(silent, np.nan, angles))
    return StyleLatents(
        system.name,
        [candidates[number] for number in numbers],
        np.array(means),
        np.array(errors) if errors else None,
    )


def _angles(gains: NDArray[Any], reference: NDArray[Any]) -> NDArray[np.float64]:
    """Return the angles in degrees between the energy vectors of gains (..., 5)."""
    vectors = [energy_vector(each[..., None].astype(float), LAYOUT) for each in (gains, reference)]
    x, y = (np.arctan2(each[..., 1], each[..., 0]) for each in vectors)
    difference = np.rad2deg(x - y)
    return np.abs((difference + 180.0) % 360.0 - 180.0)


def group_deviations(means: NDArray[Any]) -> tuple[float, float]:
    """Return the mean standard deviation of latents within a configuration and within a song.

    Parameters
    ----------
    means : ndarray, shape (songs, configurations, latent)

    Returns
    -------
    within_configuration, within_song : float
        Standard deviation (n - 1) over the songs of a configuration, and over the configurations
        of a song, averaged over dimensions and groups. NaN if a group has one member.

    Examples
    --------
    >>> songs, configurations = np.meshgrid([0.0, 1.0], [0.0, 4.0], indexing="ij")
    >>> within = group_deviations((songs + configurations)[..., None])
    >>> round(within[0] / within[1], 3)
    0.25
    """
    found = [
        float(means.std(axis=axis, ddof=1).mean()) if means.shape[axis] > 1 else float("nan")
        for axis in (0, 1)
    ]
    return found[0], found[1]


def principal_components(means: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the first two principal components of latents and their fractions of the variance.

    Parameters
    ----------
    means : ndarray, shape (..., latent)
        At least two latents of at least 2 dimensions.

    Returns
    -------
    points : ndarray, shape (..., 2)
    shares : ndarray, shape (2,)
    """
    flat = means.reshape(-1, means.shape[-1]).astype(np.float64)
    flat = flat - flat.mean(axis=0)
    left, singular, _ = np.linalg.svd(flat, full_matrices=False)
    shares = singular**2 / max(float(np.sum(singular**2)), 1e-30)
    return (left * singular)[:, :2].reshape(*means.shape[:-1], 2), shares[:2]


def draw_latents(found: Sequence[StyleLatents], path: str | os.PathLike[str]) -> None:
    """Plot latents to an image file: activations, and two components by song and configuration.

    Of the songs and of the configurations a few are highlighted; all others are grey.

    Raises
    ------
    SpatialkitError
        If matplotlib (extra ``plot``) is not installed, or the file cannot be written.
    """
    from spatialkit.plots import new_figure, write_figure

    figure = new_figure(8.3, 6.4 * len(found))
    for panel, latents in zip(figure.subfigures(len(found), 1, squeeze=False), found, strict=True):
        top, bottom = panel[0].subfigures(2, 1, height_ratios=[0.8, 1.0])
        _draw_activations(top, latents)
        _draw_components(bottom, latents)
    write_figure(figure, path)


def _draw_activations(figure: Any, latents: StyleLatents) -> None:
    """Draw the value of every dimension for every excerpt and configuration."""
    songs, configurations, _ = latents.means.shape
    by_configuration = latents.means.swapaxes(0, 1).reshape(songs * configurations, -1)
    largest = float(np.abs(by_configuration).max()) or 1.0
    axes = figure.subplots()
    image = axes.imshow(
        by_configuration.T, aspect="auto", cmap="RdBu", vmin=-largest, vmax=largest,
        interpolation="nearest", extent=(0.5, configurations + 0.5, latents.means.shape[2], 0.0),
    )  # fmt: skip
    axes.set_xticks(range(1, configurations + 1))
    axes.set_title(f"{latents.name}: posterior means", fontsize=10)
    axes.set_xlabel("configuration (one column per excerpt within each)")
    axes.set_ylabel("latent dimension")
    figure.colorbar(image, ax=axes, pad=0.01)


def _draw_components(figure: Any, latents: StyleLatents) -> None:
    """Draw the first two components, with a few songs and a few configurations highlighted."""
    from spatialkit.plots import plot_points

    points, ratios = principal_components(latents.means)
    facts = latents.facts()
    panels = figure.subplots(1, 2, sharey=True)
    groups = (
        ("excerpt", points, f"deviation {facts['within_song']:.3f}"),
        (
            "configuration",
            points.swapaxes(0, 1),
            f"deviation {facts['within_configuration']:.3f}, ratio {facts['ratio']:.2f}",
        ),
    )
    for axes, (name, grouped, deviation) in zip(panels, groups, strict=True):
        shown = {f"{name} {number}": each for number, each in enumerate(grouped[:HIGHLIGHTS], 1)}
        plot_points(
            shown, background=points.reshape(-1, 2), ax=axes,
            x_label=f"first component, {ratios[0]:.0%} of the variance",
        )  # fmt: skip
        axes.set_title(f"within one {name}:\n{deviation}", fontsize=10)
    panels[0].set_ylabel(f"second component, {ratios[1]:.0%} of the variance")
