"""Training task of the published Ambisonizer: its authors' scenes and loss, and validation."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from spatialkit_models import losses
from spatialkit_models.ambisonizer.published.losses import PublishedLoss, loss_terms
from spatialkit_models.ambisonizer.published.network import PublishedAmbisonizer
from spatialkit_models.data.rooms import RoomResponses
from spatialkit_models.data.scenes import PublishedScenes, ShardedScenes
from spatialkit_models.data.songs import Augmentation, ExcerptConfig, StemExcerpts
from spatialkit_models.training import Recipe, Task, new_network, song_records

__all__ = ["PublishedTask", "published_task"]

# Audio before the start of a scene that contributes to its reverberation, s.
RUN_IN = 1.0
VALIDATION_SCENES = 24
# The scenes have their own random variations of stems.
NO_AUGMENTATION = Augmentation(gain_db=0.0, equalizer_db=0.0, min_speed=1.0, max_speed=1.0)


class PublishedTask(Task):
    """Training task of the published network; `published_task` creates it."""

    def measure(self, network: Any, scene: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Compute the metrics of a held-out scene, with the mean of the latent.

        The terms of the loss ("divergence" in nats per frame of the latent; near 0, the latent
        contains nothing of the stereo), and "snr" of X and Y together, dB.
        """
        stereo, config = scene["stereo"], self.recipe.network
        frames = -(-stereo.shape[-1] // config.hop)
        output = network(stereo, stereo.new_zeros(len(stereo), frames, config.latent_size))
        terms = loss_terms(scene["sides"], *output)
        return {**terms, "snr": losses.snr(scene["sides"], output[0]).mean()}

    def score(self, metrics: Mapping[str, float]) -> float:
        """Return the negative loss without the divergence."""
        return -(metrics["stft"] + self.recipe.loss.error * metrics["error"])


def published_task(
    recipe: Recipe,
    datasets: Any,
    rooms: Sequence[str | os.PathLike[str]],
    *,
    start: PublishedAmbisonizer | None = None,
    splits: Mapping[str, str] | None = None,
    room_format: str = "ambix1",
    shards: int = 1,
) -> PublishedTask:
    """Create a training task on stems of several datasets, in rooms.

    Parameters
    ----------
    recipe : Recipe
        "published" of `RECIPES`, or a variant.
    datasets, splits
        Songs to train on and, held out of these, to validate on, see `ExcerptConfig`.
    rooms, room_format
        Directories of room responses, some of which are held out, and the format of measured ones,
        see `RoomResponses`.
    start : PublishedAmbisonizer, optional
        Network to train further (not one from `load_published`, whose weight norm is folded); a new
        one by default.
    shards : int
        Number of shards of the examples, see `ShardedScenes`; one per worker is best.
    """
    config, settings = recipe.network, recipe.scenes

    songs = ExcerptConfig(
        datasets=datasets,
        splits=splits or {},
        seconds=settings.seconds + RUN_IN,
        sample_rate=config.sample_rate,
        stereo=True,
        seed=recipe.training.seed,
        coherent=1.0,
        augmentation=NO_AUGMENTATION,
    )
    stems, valid = StemExcerpts(songs), StemExcerpts(replace(songs, split="valid", seed=0))

    def scenes(excerpts: StemExcerpts) -> PublishedScenes:
        split, seed = excerpts.config.split, excerpts.config.seed
        responses = RoomResponses(rooms, split, config.sample_rate, seed=seed, format=room_format)
        return PublishedScenes(
            excerpts, responses, seed=seed, physical=settings.physical, run_in=RUN_IN
        )

    network = start or new_network(recipe)
    return PublishedTask(
        recipe=recipe,
        network=network,
        loss=PublishedLoss(network, recipe.loss),
        examples=ShardedScenes(scenes(stems), recipe.training.batch_size, shards),
        validation=scenes(valid).scenes(range(VALIDATION_SCENES)),
        sources={
            "stems": [[str(path), float(weight)] for path, weight in datasets],
            "splits": dict(splits or {}),
            "rooms": [str(room) for room in rooms],
            "room_format": room_format,
            "shards": shards,
        },
        datasets=[
            *song_records(train=stems.song_counts, valid=valid.song_counts),
            *({"name": str(path)} for path in rooms),
        ],
    )
