"""Base class of adapters: availability of the package, names of stems, loading of the model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import error_message
from spatialkit_models.separation.interface import Separator, SeparatorError
from spatialkit_models.stem_names import STEMS

__all__ = ["PackageAdapter"]


class PackageAdapter(Separator):
    """Separator of another package, whose model has stems of its own.

    Vocals, drums and bass are taken from the model. Other is the residual of the song, which
    contains other, guitar, piano or the accompaniment of models with four, six or two stems.

    Attributes
    ----------
    packages : tuple of (str, str)
        Modules and their distributions, in the order in which they are tried.
    """

    packages: tuple[tuple[str, str], ...]

    @classmethod
    def unavailable(cls) -> str:
        """Return the command that installs the package, or "" if it is installed."""
        if cls._module():
            return ""
        commands = " or ".join(f"pip install {name!r}" for _, name in cls.packages)
        return f"needs another package ({commands})"

    @classmethod
    def _module(cls) -> str:
        """Return the name of the module that is installed, or ""."""
        return next((module for module, _ in cls.packages if find_spec(module)), "")

    def _load(self, load: Callable[[], Any]) -> Any:
        """Return the model that ``load`` returns, with an error that names it."""
        model = self.options.model
        try:
            return load()
        except (Exception, SystemExit) as error:
            raise SeparatorError(
                f"separator {self.name!r} could not load the model {model!r}, which is downloaded "
                f"at first use: {error_message(error)}"
            ) from error

    def _accept(self, names: Iterable[str]) -> None:
        """Set the stems from the names of a model's stems."""
        found = {name.casefold() for name in names}
        if not found & {"vocals", "drums", "bass"}:
            raise SeparatorError(
                f"the model {self.options.model!r} must have at least one of the stems vocals, "
                f"drums and bass, it has {', '.join(sorted(found)) or 'none'}"
            )
        self.stems = tuple(stem for stem in STEMS if stem in found or stem == "other")

    def _named(self, sources: Mapping[str, Any], shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return the stems of a model's sources; other is silent, the residual is added to it."""
        stems = np.zeros((len(self.stems), *shape), np.float32)
        for name, source in sources.items():
            if name.casefold() in self.stems and name.casefold() != "other":
                stems[self.stems.index(name.casefold())] = source
        return stems

    def _describe(self, network: Any = None) -> str:
        """Return package, model and hash of the weights of a torch module."""
        distribution = dict(self.packages)[self._module()].partition("[")[0]
        text = f"{distribution} {version(distribution)}, {self.options.model}"
        if network is None:
            return text
        digest = hashlib.sha256()
        for name, tensor in sorted(network.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().numpy().tobytes())
        return f"{text} {digest.hexdigest()[:8]}"
