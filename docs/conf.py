"""How Sphinx builds the site: `python -m sphinx -W docs docs/_build`, without a network."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

from skae._version import __version__

project = "skae"
author = "The skae developers"
copyright = f"2026, {author}"
version = release = __version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "mathml",
    "references",
]
exclude_patterns = ["_build", "api/*.examples"]
templates_path = ["_templates"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

# the reference: a page for every class with all its methods
autosummary_imported_members = True
autosummary_ignore_module_all = False
autodoc_typehints = "none"
default_role = "literal"
highlight_language = "none"
smartquotes = False  # quoted words are values of parameters
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "backreferences_dir": "api",
    "capture_repr": (),
    "doc_module": ("skae",),
    "reference_url": {"skae": None},
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
}

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "skae"
html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = ["skae.css"]
# no navigation beside pages with nothing below them
html_sidebars = {
    "getting_started": [],
    "benchmarks/README": [],
    "reliability": [],
    "architecture": [],
    "glossary": [],
    "changelog": [],
}
html_show_sourcelink = False
html_copy_source = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": "skae", "image_light": "_static/logo.svg", "image_dark": "_static/logo.svg"},
    "navigation_with_keys": False,
    "show_prev_next": True,
    "show_toc_level": 2,
    "navigation_depth": 3,
    "header_links_before_dropdown": 5,
    "show_nav_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
}
