"""What notebooks show of parameters and fitted attributes."""


class DocumentedMixin:
    """Has scikit-learn's representation in notebooks describe what it shows."""

    _doc_link_module = "skae"
    # what has no link is not described; the site has no address yet that it could lead to
    _doc_link_template = "#skae.{estimator_name}"
