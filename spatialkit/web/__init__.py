"""HTML pages that need no network: templates, and the files that pages share."""

from spatialkit.web.templates import embedded_audio, embedded_json, fill_template, shared_file

__all__ = ["embedded_audio", "embedded_json", "fill_template", "shared_file"]
