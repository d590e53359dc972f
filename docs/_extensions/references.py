"""Which references become links, where they lead, and which stay text.

Pages are written so that they can be read where they are not built as well: public names are plain
code, and links to examples lead to their source.
"""

import re
from typing import Any

from docutils import nodes
from docutils.utils import get_source_line
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform

EXAMPLE = re.compile(r"\]\((?:\.\./)+examples/(plot_\w+)\.py\)")


def lead_to_gallery(app: Sphinx, docname: str, source: list[str]) -> None:
    """Have links to the source of an example lead to its page in the gallery."""
    source[0] = EXAMPLE.sub(r"](/auto_examples/\1.rst)", source[0])


def find_names(env: BuildEnvironment) -> dict[str, str]:
    """Return the full name of all that is documented, by what it may be called in the text."""
    names = {}
    for name, documented in env.get_domain("py").objects.items():
        n_parts = {"class": 1, "function": 1, "method": 2, "property": 2}
        short = name.split(".")[-n_parts.get(documented.objtype, 0) :]
        names[".".join(short)] = names[name] = name
    return names


class LinkPublicNames(SphinxPostTransform):
    """Make references of literals that are public names."""

    default_priority = 5  # before references are resolved

    def run(self) -> None:
        """Wrap the literals of a page."""
        names = find_names(self.env)
        for literal in list(self.document.findall(nodes.literal)):
            target = names.get(literal.astext())
            if target is None or isinstance(literal.parent, nodes.reference | pending_xref):
                continue
            reference = pending_xref("", refdomain="py", reftype="obj", reftarget=target)
            reference["refdoc"] = self.env.current_document.docname
            literal.replace_self(reference)
            reference += literal


def leave_as_text(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.TextElement
) -> nodes.TextElement | None:
    """Return the text of a reference that scikit-learn's docstrings make to its own pages."""
    source, _ = get_source_line(node)
    return text if "sklearn" in (source or "") else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect all of this."""
    app.connect("source-read", lead_to_gallery)
    app.add_post_transform(LinkPublicNames)
    app.connect("missing-reference", leave_as_text)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
