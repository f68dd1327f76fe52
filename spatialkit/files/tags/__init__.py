"""Tags in files of each format."""

from spatialkit.files.tags.reading import read_tags
from spatialkit.files.tags.writing import complete_tags, held_tags

__all__ = ["complete_tags", "held_tags", "read_tags"]
