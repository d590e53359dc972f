"""The private parts of scikit-learn that this package uses, in one place.

scikit-learn may move or change them in any release. Then this file is the only one to mend, and
`tests/test_layers.py` holds all others to its public modules.
"""

from typing import Any

from sklearn.base import _fit_context as fit_context
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    RealNotInt,
    StrOptions,
    validate_parameter_constraints,
    validate_params,
)
from sklearn.utils._set_output import _get_output_config as find_output_config

__all__ = [
    "HasMethods",
    "Interval",
    "RealNotInt",
    "StrOptions",
    "find_output_config",
    "fit_context",
    "load_array_api",
    "safe_indexing",
    "validate_parameter_constraints",
    "validate_params",
]


def load_array_api() -> Any:
    """Return scikit-learn's module for arrays of other libraries, which only dispatch needs."""
    from sklearn.utils import _array_api

    return _array_api
