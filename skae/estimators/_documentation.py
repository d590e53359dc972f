"""Where notebooks look for descriptions of parameters and fitted attributes."""

from functools import cache
from importlib.metadata import PackageNotFoundError, metadata


class DocumentedMixin:
    """Has scikit-learn's representation in notebooks link to the pages of this package."""

    _doc_link_module = "skae"

    @property
    def _doc_link_template(self) -> str:
        return f"{_find_site()}#skae.{{estimator_name}}"


@cache
def _find_site() -> str:
    """Return the address that the package's metadata have for its reference, or nothing.

    Without an address, links lead nowhere, but what they are of is described.
    """
    try:
        links = metadata("skae").get_all("Project-URL") or []
    except PackageNotFoundError:  # not installed, but on the path
        return ""
    addresses = dict(link.split(", ", 1) for link in links)
    site = addresses.get("Documentation")
    return "" if site is None else f"{site.rstrip('/')}/api/skae.{{estimator_name}}.html"
