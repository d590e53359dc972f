"""Drawing new rows from Pipelines, and going through their steps."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state

from skae._types import Seed
from skae.latent import draw


def sample(estimator: object, n_samples: int = 1, random_state: Seed = None) -> NDArray:
    """Draw new rows, in the units of the data that a Pipeline was fitted to.

    The last step with the method `sample` draws rows, which then go back through
    `inverse_transform` of the steps before it. Later steps, such as a classifier, are not used. The
    step that draws can be an autoencoder of this package, or one of scikit-learn's densities fitted
    to codes: `GaussianMixture`, whose component labels are dropped, or `KernelDensity`.

    Parameters
    ----------
    estimator : fitted estimator
        An estimator with `sample`, a Pipeline with such a step, or a fitted search over either; a
        FrozenEstimator is opened.
    n_samples : int, default=1
        Number of rows.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same rows at every call. It takes precedence over the parameter
        `random_state` of a mixture.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        New rows in random order; images have the shape that they had in `fit`. Estimators draw
        with their defaults. For options such as the `observation_noise` of `VAETransformer`, call
        the estimator's own `sample`.

    Raises
    ------
    TypeError
        If no step has `sample`, or if a step before that one has no `inverse_transform`.
    NotFittedError
        If a step is not fitted.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.mixture import GaussianMixture
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skae import sample
    >>> X = load_wine().data
    >>> pipeline = make_pipeline(StandardScaler(), PCA(2), GaussianMixture(3, random_state=0))
    >>> sample(pipeline.fit(X), 5, random_state=0).shape
    (5, 13)
    """
    check_count("n_samples", n_samples)
    steps = steps_of(estimator)
    sources = [i for i, step in enumerate(steps) if hasattr(step, "sample")]
    if not sources:
        names = ", ".join(type(step).__name__ for step in steps)
        raise TypeError(
            f"Drawing new rows needs an estimator with the method sample. Got {names} instead. Put "
            "a VAETransformer, another autoencoder or a GaussianMixture at the end."
        )
    # a density on codes comes after the autoencoder, which has `sample` as well
    *before, source = steps[: sources[-1] + 1]
    return undo(before, draw(source, n_samples, check_random_state(random_state)))


def check_count(name: str, value: object) -> None:
    """Raise ValueError if an argument of this name is not a positive int."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be an int of at least 1. Got {value!r} instead.")


def steps_of(estimator: object) -> list[Any]:
    """Return the estimators that rows go through, in order.

    An estimator that is no Pipeline is the only one. Nested Pipelines are flattened, steps without
    effect are left out, a fitted search is replaced by its best estimator, and a FrozenEstimator by
    the estimator in it.
    """
    if isinstance(estimator, FrozenEstimator):
        return steps_of(estimator.estimator)
    if hasattr(estimator, "best_estimator_"):
        return steps_of(estimator.best_estimator_)
    if not isinstance(estimator, Pipeline):
        return [estimator]
    steps = (step for _, step in estimator.steps if step is not None and step != "passthrough")
    return [inner for step in steps for inner in steps_of(step)]


def undo(steps: Sequence[Any], rows: NDArray) -> NDArray:
    """Apply `inverse_transform` of fitted steps to rows, the last step first.

    Raises
    ------
    TypeError
        If a step has no `inverse_transform`.
    """
    for step in reversed(steps):
        if not hasattr(step, "inverse_transform"):
            raise TypeError(
                f"Rows of a later step go back through {type(step).__name__}, which has no "
                "inverse_transform. Remove this step, or use a transformer that has one."
            )
        rows = step.inverse_transform(rows)
    return rows
