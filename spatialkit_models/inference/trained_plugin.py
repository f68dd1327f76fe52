"""Base class of plug-ins with trained weights, shipped or custom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spatialkit.plugins import Plugin
from spatialkit_models.weights import missing_packages, shipped_names

__all__ = ["TrainedPlugin"]


class TrainedPlugin(Plugin):
    """Plug-in with an option ``weights``: a file that replaces the shipped weights.

    Attributes
    ----------
    model : str
        Name of the model whose weights are shipped, the first part of their file names; that of
        the plug-in by default.
    """

    model: str = ""

    def __init__(self, **options: Any) -> None:
        if isinstance(options.get("weights"), Path):
            options["weights"] = str(options["weights"])
        if options.get("weights"):  # custom weights: only packages can be missing
            self.unavailable = missing_packages  # type: ignore[method-assign]
        super().__init__(**options)

    @classmethod
    def unavailable(cls) -> str:
        """Return what is missing, the extra or the weights; an empty text if nothing is."""
        prefix = f"{cls.model or cls.name}-"
        has_weights = any(name.startswith(prefix) for name in shipped_names())
        return missing_packages() or (
            "" if has_weights else "lacks its weights, which are part of the package"
        )
