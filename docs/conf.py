"""Sphinx configuration: ``make docs`` builds docs/_build/html without network access."""

import shutil
import sys
from pathlib import Path

import spatialkit

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "_ext"))

project = "spatialkit"
author = "The spatialkit developers"
copyright = author
version = release = spatialkit.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    # In docs/_ext.
    "api_pages",
    "gallery_audio",
    "mathml",
]
exclude_patterns = ["_build", "_ext", "Thumbs.db", "**/GALLERY_HEADER.rst"]
templates_path = ["_templates"]
root_doc = "index"
nitpicky = True

# Markdown.
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3

# Docstrings. Types are those of the docstrings, which contain shapes; single backticks link to the
# object where there is one.
autosummary_generate = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
default_role = "autolink"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

# Names of other packages: their sites are not read, because the build uses no network.
nitpick_ignore_regex = [
    (
        r"py:.*",
        r"(abc|click|concurrent|dataclasses|http|matplotlib|numpy|pandas)\..*",
    ),
    (
        r"py:.*",
        r"(scipy|torch|torchmetrics|warnings|spatialkit\.metrics\.table|.*\.metrics\.items)\..*",
    ),
    (r"py:.*", r"(.*\.)?_\w+"),
    (r"py:.*", r"Module|fail|losses|.*\.(NoOptions|PluginT|PackageAdapter)"),
]
# Attributes of a base class are documented in its subclasses, too.
suppress_warnings = ["ref.python"]

# Formulas as MathML, which browsers draw without a script.
html_math_renderer = "mathml"

# The gallery is built from a copy of the numbered examples: they write files to their folder.
EXAMPLES = DOCS / "_build" / "examples"
EXAMPLES.mkdir(parents=True, exist_ok=True)
for path in (DOCS.parent / "examples").glob("[0-9G]*"):
    shutil.copy2(path, EXAMPLES)

sphinx_gallery_conf = {
    "examples_dirs": "_build/examples",
    "gallery_dirs": "gallery",
    # Scripts that train or need other files are shown without their output.
    "filename_pattern": r"/(01|02|03|04|05|06|08|09|11|13|14|18)_",
    "image_scrapers": ("matplotlib", "gallery_audio.audio_scraper"),
    "within_subsection_order": "FileNameSortKey",
    "capture_repr": (),
    "reset_modules": ("matplotlib", "gallery_audio.reset_style"),
    "copyfile_regex": "",
    "download_all_examples": False,
    "notebook_extensions": set(),
    "min_reported_time": 1e9,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "default_thumb_file": str(DOCS / "images" / "thumbnail.png"),
}

html_theme = "pydata_sphinx_theme"
html_title = f"spatialkit {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "show_prev_next": True,
    "header_links_before_dropdown": 4,
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    "secondary_sidebar_items": ["page-toc"],
}
# The landing page has no section navigation of its own.
html_sidebars = {"index": [], "install": [], "changelog": [], "contributing": []}
