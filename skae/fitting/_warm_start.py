"""Warm starts: the fitted estimator to go on from, and its network."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import fields
from typing import Any, cast

from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skae.fitting._fitted import FittedNetwork
from skae.fitting._protocols import FittedEstimator
from skae.networks import Architecture, ImageLayout
from skae.objectives import Link

PARAMETERS: dict[str, tuple[str, dict[bool, str]]] = {
    "linear_start": ("init", {True: "pca", False: "random"}),
    "has_skips": ("architecture", {True: "unet", False: "autoencoder"}),
    "is_channels_last": ("channels", {True: "last", False: "first"}),
    "shape": ("image_shape", {}),
    "is_folded": ("fold", {}),
    "is_per_channel": ("per_channel", {}),
    "is_posed": ("affine", {}),
    "spacing": ("control_spacing", {}),
    "threshold": ("the threshold of sparsity", {}),
    "n_raw": ("the likelihood's number of outputs for a feature", {}),
    "n_shared": ("the likelihood's number of parameters for all rows", {}),
    "n_channels_in": ("the number of channels of X", {}),
    "n_channels_out": ("the number of channels of y, or of classes,", {}),
    "n_classes": ("the number of classes", {}),
}
"""Fields of architectures that have other names or values than users' parameters."""
AFRESH = {
    "warm_start": "set warm_start=False to start afresh",
    "partial_fit": "start afresh with partial_fit of a clone",
}


def find_source(estimator: object, warm_start: object) -> FittedEstimator | None:
    """Return the fitted estimator to go on from, or None to start afresh.

    Parameters
    ----------
    estimator : estimator
        The estimator that is about to be fitted.
    warm_start : bool or estimator
        True: go on from `estimator` itself, if it is fitted. An estimator, which may be wrapped in
        `sklearn.frozen.FrozenEstimator`: go on from this one.

    Raises
    ------
    TypeError
        If `warm_start` is an estimator of another class.
    ValueError
        If `warm_start` is an estimator that is not fitted.
    """
    if isinstance(warm_start, bool):
        is_fitted = warm_start and hasattr(estimator, "n_iter_")
        return cast(FittedEstimator, estimator) if is_fitted else None
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
    return cast(FittedEstimator, source)


def copy_module(
    network: FittedNetwork, architecture: Architecture, purpose: str = "warm_start"
) -> nn.Module:
    """Return a copy of a fitted network's module; raise ValueError for another architecture."""
    if network.architecture != architecture:
        raise ValueError(
            f"{purpose} needs a fitted network of the same shape, but "
            f"{_differences(network.architecture, architecture)}. Give parameters and data as "
            f"they were, or {AFRESH[purpose]}."
        )
    return deepcopy(network.module)


def _differences(known: Architecture, wanted: Architecture) -> str:
    """Return the differences of two architectures in words, with users' names of parameters."""
    if type(known) is not type(wanted):
        names = type(known).__name__, type(wanted).__name__
        return "its kind was {} and is {} now".format(*names)
    before, now = dict(_parts(known)), dict(_parts(wanted))
    return ", ".join(
        f"{name} was {before[name]!r} and is {now[name]!r} now"
        for name in before
        if before[name] != now[name]
    )


def _parts(plan: Any) -> Iterator[tuple[str, object]]:
    """Yield users' names and the values of the fields of a plan, and of the plans in it."""
    # most plans are dataclasses; a layout is a named tuple
    names = plan._fields if isinstance(plan, ImageLayout) else [f.name for f in fields(plan)]
    for field in names:
        value = getattr(plan, field)
        if isinstance(value, Architecture | ImageLayout):
            yield from _parts(value)
        elif field == "sizes":
            n_features, *widths, n_components = value
            yield "the number of features", n_features
            yield "hidden_layer_sizes", tuple(widths)
            yield "n_components", n_components
        else:
            name, values = PARAMETERS.get(field, (field, {}))
            yield name, values[value] if values else value


def check_same_features(n_seen: int | None, n_features: int) -> None:
    """Raise ValueError if a network for `n_seen` features is given another number of them."""
    # n_seen is None for a new network
    if n_seen not in (None, n_features):
        raise ValueError(
            "warm_start needs a network for the same features. It is fitted to "
            f"{n_seen} features, but X has {n_features}."
        )


def check_same_link(link: Link, source: FittedEstimator | None) -> None:
    """Raise ValueError if the output of the network to go on from has another meaning."""
    known = getattr(source, "_link", None)
    if known is not None and type(link) is not type(known):
        raise ValueError(
            f"warm_start needs a network whose output means the same. It is fitted for "
            f"{type(known).__name__}, but the parameters ask for {type(link).__name__}."
        )
