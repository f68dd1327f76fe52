"""Registry of network architectures: the config class and the network class of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any

from spatialkit.validation import as_dataclass

__all__ = ["ARCHITECTURES", "Architecture"]


@dataclass(frozen=True)
class Architecture:
    """One kind of network.

    Import paths instead of classes keep torch out of the registry until a network is built.

    Parameters
    ----------
    model : str
        Name of the model that the architecture is a variant of, such as "style-vae".
    config : str
        Import path of the frozen dataclass of the network's shape, "package.module:Class".
    network : str
        Import path of the network class, whose only argument is the config.
    """

    model: str
    config: str
    network: str

    @property
    def config_class(self) -> Any:
        """The dataclass of the network's shape."""
        return resolve_name(self.config)

    @property
    def network_class(self) -> Any:
        """The network class."""
        return resolve_name(self.network)

    def build(self, config: Mapping[str, Any]) -> Any:
        """Build the network from the fields of its config, as stored in a model card."""
        return self.network_class(as_dataclass(self.config_class, config, "config"))


ARCHITECTURES = {
    "separator-masks": Architecture(
        "separator",
        "spatialkit_models.modules:MaskConfig",
        "spatialkit_models.modules:StemMasks",
    ),
    "style-vae-fast": Architecture(
        "style-vae",
        "spatialkit_models.style_vae.config:FastConfig",
        "spatialkit_models.style_vae.network:FastStyleVAE",
    ),
    "style-vae-paper": Architecture(
        "style-vae",
        "spatialkit_models.style_vae.config:PaperConfig",
        "spatialkit_models.style_vae.published:PaperStyleVAE",
    ),
    "ambisonizer-stage": Architecture(
        "ambisonizer",
        "spatialkit_models.ambisonizer.config:AmbisonizerConfig",
        "spatialkit_models.ambisonizer.network:Ambisonizer",
    ),
    "ambisonizer-published": Architecture(
        "ambisonizer",
        "spatialkit_models.ambisonizer.published.config:PublishedConfig",
        "spatialkit_models.ambisonizer.published.network:PublishedAmbisonizer",
    ),
}
"""Architectures by the name in a model card. Code that defines networks of its own adds to it."""
