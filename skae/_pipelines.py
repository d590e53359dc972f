"""What Pipelines do not do by themselves: draw new rows."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state

from skae.latent import draw


def sample(estimator: Any, n_samples: int = 1, random_state: Any = None) -> NDArray:
    """Draw new rows, in the units of the data that a Pipeline was fitted to.

    The last step that has `sample` draws, and `inverse_transform` of the steps before it leads
    back. Steps behind it, such as a classifier, have no part in this. The drawing step may be an
    autoencoder of this package, or a density of scikit-learn that is fitted to codes:
    `GaussianMixture`, whose components of origin are left out, or `KernelDensity`.

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
        In random order; images in the shape that `fit` was given. What is more than an
        estimator's defaults, such as the `observation_noise` of `VAETransformer`, is had from its
        own `sample`.

    Raises
    ------
    TypeError
        If no step has `sample`, or if a step before it has no `inverse_transform`.
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
            f"New rows need an estimator with the method sample. Got {names} instead. Put a "
            "VAETransformer, another autoencoder or a GaussianMixture at the end."
        )
    *before, source = steps[: sources[-1] + 1]
    return undo(before, draw(source, n_samples, check_random_state(random_state)))


def check_count(name: str, value: Any) -> None:
    """Raise ValueError if an argument of this name is not a positive int."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be an int of at least 1. Got {value!r} instead.")


def steps_of(estimator: Any) -> list[Any]:
    """Return the estimators that rows go through, in their order.

    One, if it is no Pipeline. Pipelines in Pipelines are opened, steps that do nothing are left
    out, a fitted search stands for its best estimator, and a FrozenEstimator for the one in it.
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
    """Lead rows back through the inverses of fitted steps, the last one first.

    Raises
    ------
    TypeError
        If a step has none.
    """
    for step in reversed(steps):
        if not hasattr(step, "inverse_transform"):
            raise TypeError(
                f"The way back from a later step leads through {type(step).__name__}, which has "
                "no inverse_transform. Leave it out, or take a transformer that has one."
            )
        rows = step.inverse_transform(rows)
    return rows
