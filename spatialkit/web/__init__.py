"""HTML pages that need no network: templates, and the scripts that pages share."""

from spatialkit.web.templates import embedded_audio, embedded_json, fill_template, shared_script

__all__ = ["embedded_audio", "embedded_json", "fill_template", "shared_script"]
