"""Constraints on the parameters that the estimators share, checked by `fit`."""

import os
from collections.abc import Mapping
from numbers import Integral, Real

from sklearn import get_config
from sklearn.base import BaseEstimator

from skae._scikit_learn import (
    HasMethods,
    Interval,
    RealNotInt,
    StrOptions,
    fit_context,
    validate_parameter_constraints,
)
from skae.engine import SCHEDULES
from skae.fitting._devices import PRECISIONS
from skae.latent import DENSITIES
from skae.networks import ACTIVATIONS
from skae.objectives import LOSSES

validated_fit = fit_context(prefer_skip_nested_validation=True)
"""Decorator of `fit`: checks the parameters against `_parameter_constraints`."""


def check_values(
    constraints: dict[str, list[object]], values: Mapping[str, object], name: str
) -> None:
    """Raise ValueError for values that break a constraint, unless scikit-learn's checks are off.

    Parameters
    ----------
    constraints : dict
    values : mapping of str to object
    name : str
        Whose parameters these are, in messages.
    """
    if not get_config()["skip_parameter_validation"]:
        validate_parameter_constraints(constraints, values, name)


TRAINING: dict[str, list[object]] = {
    "learning_rate": [StrOptions(set(SCHEDULES))],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "max_iter": [Interval(Integral, 0, None, closed="left")],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    "tol": [Interval(Real, 0, None, closed="left")],
    "warm_start": ["boolean", HasMethods(["fit", "transform", "inverse_transform"])],
    "device": [str],
    "precision": [StrOptions(set(PRECISIONS))],
    "random_state": ["random_state"],
    "checkpoint": [str, os.PathLike, None],
    "checkpoint_every": [Interval(Integral, 1, None, closed="left")],
    "verbose": ["verbose"],
}

RECONSTRUCTION: dict[str, list[object]] = {
    "loss": [StrOptions(set(LOSSES))],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "l1_ratio": [Interval(Real, 0, 1, closed="both")],
    "contractive": [Interval(Real, 0, None, closed="left")],
    "corruption": [StrOptions({"gaussian", "masking", "salt_and_pepper"}), None],
    "corruption_level": [Interval(Real, 0, None, closed="left")],
}

DENSE: dict[str, list[object]] = {
    "hidden_layer_sizes": [
        StrOptions({"auto"}),
        "array-like",
        Interval(Integral, 1, None, closed="left"),
    ],
    "activation": [StrOptions(set(ACTIVATIONS))],
    "init": [StrOptions({"pca", "random"})],
    "solver": [StrOptions({"auto", "adam", "lbfgs"})],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
}

LATENT: dict[str, list[object]] = {
    "n_components": [Interval(Integral, 1, None, closed="left")],
    "latent_density": [StrOptions(set(DENSITIES)), HasMethods(["fit", "sample"])],
}

ORDERED: dict[str, list[object]] = {
    "n_components": [*LATENT["n_components"], Interval(RealNotInt, 0, 1, closed="neither")],
    "ordered": ["boolean"],
}


def check_parameter(estimator: BaseEstimator, name: str) -> None:
    """Raise ValueError if a parameter that may be set after the fit is not valid."""
    constraints = {name: estimator._parameter_constraints[name]}
    given = {name: getattr(estimator, name)}
    validate_parameter_constraints(constraints, given, type(estimator).__name__)
