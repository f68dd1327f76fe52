"""API reference pages, one for each public folder, written from ``__all__`` before each build.

A page has the docstring of its module and tables of all public names; autosummary makes a page of
each function and class. An object that several modules export is documented once, in the folder
that defines it; the other names are links to that page.
"""

import importlib
import inspect
from pathlib import Path

# Module and the title of its page, in reading order.
CORE = {
    "spatialkit.layouts": "Layouts and formats",
    "spatialkit.panning": "Panning",
    "spatialkit.ambisonics": "Ambisonics",
    "spatialkit.downmix": "Downmix",
    "spatialkit.rendering": "Rendering",
    "spatialkit.objects": "Audio objects",
    "spatialkit.binaural": "Headphones",
    "spatialkit.realtime": "Real time",
    "spatialkit.trajectory": "Trajectories",
    "spatialkit.setups": "Loudspeaker setups",
    "spatialkit.propagation": "Distance",
    "spatialkit.stft": "Short-time Fourier transform",
    "spatialkit.metrics": "Metrics",
    "spatialkit.plots": "Plots",
    "spatialkit.report": "Reports",
    "spatialkit.listening": "Listening tests",
    "spatialkit.files": "Audio files",
    "spatialkit.files.adm": "Audio Definition Model",
    "spatialkit.files.iamf": "IAMF",
    "spatialkit.delivery": "Measured delivery",
    "spatialkit.audio": "The Audio type",
    "spatialkit.batch": "Batches",
    "spatialkit.benchmarks": "Benchmarks",
    "spatialkit.page": "Local page",
    "spatialkit.plugins": "Plug-ins",
    "spatialkit.upmixing": "Upmixing",
    "spatialkit.upmixing.controls": "Upmixing: shared controls",
    "spatialkit.sample_queue": "Sample queue",
    "spatialkit.commands.toolkit": "Command toolkit for plug-ins",
    "spatialkit.commands.batches": "Command options for batches",
    "spatialkit.geometry": "Geometry",
    "spatialkit.acoustics": "Acoustics of air",
    "spatialkit.auditory": "Bands of hearing",
    "spatialkit.validation": "Argument validation",
    "spatialkit.errors": "Errors",
    "spatialkit.typing": "Types",
    "spatialkit": "Names in the top-level package",
}
MODELS = {
    "spatialkit_models.style_vae": "Style-transfer VAE",
    "spatialkit_models.ambisonizer": "Ambisonizer",
    "spatialkit_models.ambisonizer.published": "Ambisonizer as published",
    "spatialkit_models.separation": "Separation",
    "spatialkit_models.separation.adapters": "Separation: adapters of other packages",
    "spatialkit_models.training": "Training",
    "spatialkit_models.losses": "Losses",
    "spatialkit_models.metrics": "torchmetrics classes",
    "spatialkit_models.modules": "Network modules",
    "spatialkit_models.inference": "Inference",
    "spatialkit_models.weights": "Weights and model cards",
    "spatialkit_models.evaluation": "Benchmarks of models",
    "spatialkit_models.data.songs": "Songs and stems",
    "spatialkit_models.data.procedural": "Procedural songs",
    "spatialkit_models.data.rooms": "Rooms",
    "spatialkit_models.data.scenes": "Scenes",
}
TABLES = (
    ("Functions", inspect.isroutine),
    ("Classes", lambda item: inspect.isclass(item) and not issubclass(item, BaseException)),
    ("Exceptions and warnings", inspect.isclass),
)
# Full name in the reference of each documented object, by its identity.
HOMES = {}


def write_pages(app, config):
    """Write ``docs/api/*.rst``; pages whose text is the same are left alone."""
    folder = Path(app.srcdir) / "api"
    folder.mkdir(exist_ok=True)
    groups = {"Core package": CORE, "Models package": MODELS}
    pages = {name: title for group in groups.values() for name, title in group.items()}
    found = [name for name in pages if exists(name)]
    # Folders first: the top-level package exports names of all of them.
    for name in sorted(found, key=lambda name: (-name.count("."), found.index(name))):
        module = importlib.import_module(name)
        for public in public_names(module):
            item = getattr(module, public)
            if inspect.isroutine(item) or inspect.isclass(item):
                HOMES.setdefault(id(item), f"{name}.{public}")
    texts = {name: page(name, pages[name]) for name in found}
    for name, text in texts.items():
        replace(folder / f"{name}.rst", text)
    documented = {f"{home}.rst" for home in HOMES.values()}
    for path in (folder / "generated").glob("*.rst"):
        if path.name not in documented:
            path.unlink()
    lines = ["API reference", "=" * 13, "", "Every public name of both packages, by folder.", ""]
    for group, titles in groups.items():
        lines += [f".. rubric:: {group}", "", ".. toctree::", "   :maxdepth: 1", ""]
        lines += [f"   {title} <{name}>" for name, title in titles.items() if name in texts] + [""]
    replace(folder / "index.rst", "\n".join(lines))


def exists(name):
    """Return whether a module can be imported."""
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and name.startswith(error.name):
            return False
        raise
    return True


def page(name, title):
    """Return the text of the page of a module."""
    module = importlib.import_module(name)
    lines = [title, "=" * len(title), "", f"``{name}``", ""]
    lines += [f".. automodule:: {name}", "   :no-members:", ""]
    lines += [f".. currentmodule:: {name}", ""]
    left = {public: getattr(module, public) for public in public_names(module)}
    for caption, belongs in TABLES:
        table = [public for public, item in left.items() if belongs(item)]
        own = [public for public in table if HOMES[id(left[public])] == f"{name}.{public}"]
        other = [HOMES[id(left[public])] for public in table if public not in own]
        left = {public: item for public, item in left.items() if public not in table}
        if table:
            lines += [f".. rubric:: {caption}", ""]
        if own:
            lines += [".. autosummary::", "   :toctree: generated", "   :nosignatures:", ""]
            lines += [*(f"   {public}" for public in own), ""]
        if other:
            lines += [f"- :py:obj:`~{home}` (``{home.rpartition('.')[0]}``)" for home in other]
            lines += [""]
    modules = [public for public, item in left.items() if inspect.ismodule(item)]
    if modules:
        lines += [".. rubric:: Modules", ""]
        lines += [f"- ``{name}.{public}``" for public in modules] + [""]
    data = [public for public in left if public not in modules and public != "__version__"]
    if data:
        lines += [".. rubric:: Constants and types", ""]
        for public in data:
            lines += [f".. py:data:: {public}", "", f"   {shown(left[public])}", ""]
    return "\n".join(lines)


def resolve_alias(app, env, node, contnode):
    """Link a name to the page of its object, whichever module exports the name."""
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    candidates = [target, *(f"{module}.{target}" for module in (node.get("py:module"),) if module)]
    for candidate in candidates:
        owner, _, attribute = candidate.rpartition(".")
        try:
            item = getattr(importlib.import_module(owner), attribute)
        except (ImportError, AttributeError, ValueError):
            continue
        home = HOMES.get(id(item))
        if home and home != target:
            domain = env.domains["py"]
            return domain.resolve_xref(
                env, node["refdoc"], app.builder, "obj", home, node, contnode
            )
    return None


def public_names(module):
    """Return the names of a module: its ``__all__``, else what it defines."""
    if hasattr(module, "__all__"):
        return sorted(module.__all__, key=str.lower)
    return sorted(
        name
        for name, item in vars(module).items()
        if not name.startswith("_") and getattr(item, "__module__", None) == module.__name__
    )


def shown(item):
    """Return a constant as text of one line."""
    text = " ".join(repr(item).split())
    return f"``{text if len(text) <= 160 else text[:157] + '...'}``"


def replace(path, text):
    """Write a file if its text differs: unchanged pages are not built again."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def setup(app):
    """Write the pages before Sphinx lists its sources, which are all that autosummary reads."""
    app.connect("config-inited", write_pages)
    app.connect("missing-reference", resolve_alias)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
