"""Rewriting of fitted estimators as compositions that skl2onnx can convert."""

from collections.abc import Callable
from copy import copy

from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils.validation import check_is_fitted

from skae.export._autoencoders import AUTOENCODERS, is_autoencoder


def unwrap(estimator: BaseEstimator) -> BaseEstimator:
    """Replace fitted searches and FrozenEstimators by the estimators that do their work.

    A search is replaced by its best estimator, also as a step of a Pipeline or of another
    composition. Steps of a Pipeline without effect are left out.

    Raises
    ------
    TypeError
        If a step is of a subclass of an autoencoder.
    ValueError
        If a search has no best estimator, since it has refit=False.
    NotFittedError
        If an autoencoder is not fitted.
    """
    if isinstance(estimator, FrozenEstimator):
        return unwrap(estimator.estimator)
    if hasattr(estimator, "cv_results_"):
        return unwrap(_find_best(estimator))
    if isinstance(estimator, Pipeline):
        steps = [step for step in estimator.steps if step[1] not in (None, "passthrough")]
        # a Pipeline needs at least one step
        estimator = Pipeline(steps or estimator.steps)
    if isinstance(estimator, AUTOENCODERS):
        _check_autoencoder(estimator)
    return _with_parts(estimator, unwrap)


def by_position(estimator: BaseEstimator) -> BaseEstimator:
    """Return an estimator whose ColumnTransformers select columns by number instead of by name.

    skl2onnx looks names up among the inputs of the model, but a table is a single input.
    """
    estimator = _with_parts(estimator, by_position)
    if isinstance(estimator, ColumnTransformer):
        positions = estimator._transformer_to_input_indices
        estimator.transformers_ = [
            (name, part, [int(place) for place in positions[name]])
            for name, part, _ in estimator.transformers_
        ]
    return estimator


def _with_parts(
    estimator: BaseEstimator, change: Callable[[BaseEstimator], BaseEstimator]
) -> BaseEstimator:
    """Return a copy of a composition with changed parts; return other estimators unchanged."""
    # a new Pipeline or FeatureUnion is not fitted, but skl2onnx reads its fitted parts only
    if isinstance(estimator, Pipeline):
        return Pipeline([(name, change(step)) for name, step in estimator.steps])
    if isinstance(estimator, FeatureUnion):
        parts = [
            (name, change(part)) for name, part in estimator.transformer_list if part != "drop"
        ]
        return FeatureUnion(parts, transformer_weights=estimator.transformer_weights)
    if isinstance(estimator, ColumnTransformer):
        # its fitted attributes are needed, so that it is copied; the original keeps its parts
        estimator = copy(estimator)
        estimator.transformers_ = [
            (name, change(part), columns) for name, part, columns in estimator.transformers_
        ]
    return estimator


def parts_of(estimator: BaseEstimator) -> list[BaseEstimator]:
    """Return the fitted parts of a composition; an empty list for any other estimator."""
    if isinstance(estimator, Pipeline):
        return [step for _, step in estimator.steps]
    if isinstance(estimator, FeatureUnion):
        return [part for _, part in estimator.transformer_list]
    if isinstance(estimator, ColumnTransformer):
        return [part for _, part, _ in estimator.transformers_]
    return []


def _check_autoencoder(estimator: BaseEstimator) -> None:
    if not is_autoencoder(estimator):
        names = ", ".join(cls.__name__ for cls in AUTOENCODERS)
        raise TypeError(
            f"{type(estimator).__name__} is a subclass of one of {names}. It may compute something "
            "else than its base class, which alone can be exported. Fit the base class."
        )
    check_is_fitted(estimator)


def _find_best(search: BaseEstimator) -> BaseEstimator:
    if hasattr(search, "best_estimator_"):
        return search.best_estimator_
    raise ValueError(
        f"This {type(search).__name__} has refit=False and thus no estimator to export. Set "
        "refit=True."
    )
