"""Where the weights of a warm start come from."""

from copy import deepcopy
from typing import Any

from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skae.estimators._fitted import FittedNetwork
from skae.networks import Architecture


def find_source(estimator: Any, warm_start: Any) -> Any:
    """Return the fitted estimator to go on from, or None to start afresh.

    Parameters
    ----------
    estimator : estimator
        The one that is about to be fitted.
    warm_start : bool or estimator
        True: `estimator` itself, if it is fitted. An estimator, which may be wrapped in
        `sklearn.frozen.FrozenEstimator`: that one.

    Raises
    ------
    TypeError
        If the other estimator is of another class.
    ValueError
        If it is not fitted.
    """
    if isinstance(warm_start, bool):
        return estimator if warm_start and hasattr(estimator, "n_iter_") else None
    source = warm_start.estimator if isinstance(warm_start, FrozenEstimator) else warm_start
    if type(source) is not type(estimator):
        raise TypeError(
            f"warm_start must be a bool or a fitted {type(estimator).__name__}. "
            f"Got an instance of {type(source).__name__} instead."
        )
    try:
        check_is_fitted(source)
    except NotFittedError as error:
        raise ValueError(
            "The estimator given as warm_start is not fitted. If it was before a clone, as in "
            "GridSearchCV, wrap it in sklearn.frozen.FrozenEstimator."
        ) from error
    return source


def copy_of(
    network: FittedNetwork, architecture: Architecture, purpose: str = "warm_start"
) -> nn.Module:
    """Return the module of a fitted network, if it is of the given architecture."""
    if network.architecture != architecture:
        raise ValueError(
            f"{purpose} needs a fitted network of the same shape. It is "
            f"{network.architecture}, but the parameters and X ask for {architecture}."
        )
    return deepcopy(network.module)


def check_same_features(n_seen: int | None, n_features: int) -> None:
    """Raise ValueError if a network for `n_seen` features is to go on with others."""
    if n_seen not in (None, n_features):
        raise ValueError(
            "warm_start needs a network for the same features. It is fitted to "
            f"{n_seen} features, but X has {n_features}."
        )


def check_same_link(link: Any, source: Any) -> None:
    """Raise ValueError if a network is to go on whose output means something else."""
    if source is not None and type(link) is not type(source._link):
        raise ValueError(
            f"warm_start needs a network whose output means the same. It is fitted for "
            f"{type(source._link).__name__}, but the parameters ask for {type(link).__name__}."
        )
