"""Training task of the published Ambisonizer: its authors' scenes and loss, and validation."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, cast

from torch import Tensor

from spatialkit_models import losses
from spatialkit_models.ambisonizer.published.losses import PublishedLoss, loss_terms
from spatialkit_models.ambisonizer.published.network import PublishedAmbisonizer
from spatialkit_models.data.scenes import (
    PublishedScenes,
    ShardedScenes,
    WXYFiles,
    WXYNormalization,
    open_published_scenes,
)
from spatialkit_models.data.songs import StemExcerpts
from spatialkit_models.training import Recipe, Task, new_network, song_records

__all__ = ["PublishedTask", "published_task"]

VALIDATION_SCENES = 24


class PublishedTask(Task):
    """Training task of the published network; `published_task` creates it on stems."""

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

    @classmethod
    def from_files(
        cls,
        recipe: Recipe,
        root: str | os.PathLike[str],
        *,
        start: PublishedAmbisonizer | None = None,
        normalization: WXYNormalization = "N3D",
        shards: int = 1,
    ) -> PublishedTask:
        """Create a training task on scenes on disk, such as those of the authors' script.

        Parameters
        ----------
        recipe : Recipe
            "published" of `RECIPES`, or a variant.
        root : path
            Directory of scenes of the splits train and valid, see `WXYFiles`.
        normalization : {"N3D", "SN3D"}
            Scale of X and Y in the files.
        start, shards
            As for `published_task`.
        """

        def scenes(split: str, seed: int) -> WXYFiles:
            return WXYFiles(
                root,
                split,
                recipe.scenes.seconds,
                recipe.network.sample_rate,
                seed=seed,
                normalization=normalization,
            )

        train, valid = scenes("train", recipe.training.seed), scenes("valid", 0)
        return _task(
            recipe,
            train,
            valid,
            start,
            shards,
            sources={"scenes": str(root), "normalization": normalization},
            records=[
                {
                    "name": str(root),
                    "scenes": {"train": len(train.names), "valid": len(valid.names)},
                }
            ],
        )


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

    def scenes(split: str, seed: int) -> PublishedScenes:
        return open_published_scenes(
            datasets,
            rooms,
            split=split,
            splits=splits,
            seconds=recipe.scenes.seconds,
            sample_rate=recipe.network.sample_rate,
            seed=seed,
            physical=recipe.scenes.physical,
            room_format=room_format,
        )

    train, valid = scenes("train", recipe.training.seed), scenes("valid", 0)
    return _task(
        recipe,
        train,
        valid,
        start,
        shards,
        sources={
            "stems": [[str(path), float(weight)] for path, weight in datasets],
            "splits": dict(splits or {}),
            "rooms": [str(room) for room in rooms],
            "room_format": room_format,
        },
        records=[
            *song_records(
                **{
                    name: cast(StemExcerpts, scenes.excerpts).song_counts
                    for name, scenes in (("train", train), ("valid", valid))
                }
            ),
            *({"name": str(path)} for path in rooms),
        ],
    )


def _task(
    recipe: Recipe,
    train: PublishedScenes | WXYFiles,
    valid: PublishedScenes | WXYFiles,
    start: PublishedAmbisonizer | None,
    shards: int,
    *,
    sources: Mapping[str, Any],
    records: Sequence[Mapping[str, Any]],
) -> PublishedTask:
    network = start or new_network(recipe)
    return PublishedTask(
        recipe=recipe,
        network=network,
        loss=PublishedLoss(network, recipe.loss),
        examples=ShardedScenes(train, recipe.training.batch_size, shards),
        validation=valid.scenes(range(VALIDATION_SCENES)),
        sources={**sources, "shards": shards},
        datasets=records,
    )
