"""Fitted estimators in the terms that skl2onnx knows."""

from collections.abc import Callable
from copy import copy
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils.validation import check_is_fitted

from skae.export._autoencoders import AUTOENCODERS, is_autoencoder


def unwrapped(estimator: Any) -> Any:
    """Return what does the work of a fitted estimator.

    That is for a search what it has chosen, and for a FrozenEstimator the estimator in it. The same
    is done to the steps of Pipelines and of the like; those that only pass rows on are left out.

    Raises
    ------
    TypeError
        If an autoencoder is of a subclass of ours.
    ValueError
        If a search has fitted nothing in the end.
    NotFittedError
        If an autoencoder is not fitted.
    """
    if isinstance(estimator, FrozenEstimator):
        return unwrapped(estimator.estimator)
    if hasattr(estimator, "cv_results_"):
        return unwrapped(_find_best(estimator))
    if isinstance(estimator, Pipeline):
        steps = [step for step in estimator.steps if step[1] not in (None, "passthrough")]
        estimator = Pipeline(steps or estimator.steps)
    if isinstance(estimator, AUTOENCODERS):
        _check_autoencoder(estimator)
    return _with_parts(estimator, unwrapped)


def by_position(estimator: Any) -> Any:
    """Return an estimator whose ColumnTransformers pick columns by number, not by name.

    skl2onnx looks for names among those of the inputs, of which a table is a single one.
    """
    estimator = _with_parts(estimator, by_position)
    if isinstance(estimator, ColumnTransformer):
        positions = estimator._transformer_to_input_indices
        estimator.transformers_ = [
            (name, part, [int(place) for place in positions[name]])
            for name, part, _ in estimator.transformers_
        ]
    return estimator


def _with_parts(estimator: Any, change: Callable[[Any], Any]) -> Any:
    """Return a copy of a Pipeline or the like, with changed parts; others as they are."""
    if isinstance(estimator, Pipeline):
        return Pipeline([(name, change(step)) for name, step in estimator.steps])
    if isinstance(estimator, FeatureUnion):
        parts = [
            (name, change(part)) for name, part in estimator.transformer_list if part != "drop"
        ]
        return FeatureUnion(parts, transformer_weights=estimator.transformer_weights)
    if isinstance(estimator, ColumnTransformer):
        estimator = copy(estimator)
        estimator.transformers_ = [
            (name, change(part), columns) for name, part, columns in estimator.transformers_
        ]
    return estimator


def parts_of(estimator: Any) -> list[Any]:
    """Return what a Pipeline or the like is made of, as it was fitted; of others nothing."""
    if isinstance(estimator, Pipeline):
        return [step for _, step in estimator.steps]
    if isinstance(estimator, FeatureUnion):
        return [part for _, part in estimator.transformer_list]
    if isinstance(estimator, ColumnTransformer):
        return [part for _, part, _ in estimator.transformers_]
    return []


def _check_autoencoder(estimator: Any) -> None:
    if not is_autoencoder(estimator):
        names = ", ".join(cls.__name__ for cls in AUTOENCODERS)
        raise TypeError(
            f"{type(estimator).__name__} is a subclass of one of {names}, and may do other things "
            "than its base, which alone can be exported. Fit the base class."
        )
    check_is_fitted(estimator)


def _find_best(search: Any) -> Any:
    if hasattr(search, "best_estimator_"):
        return search.best_estimator_
    raise ValueError(
        f"This {type(search).__name__} has refit=False and thus no estimator to export. Set "
        "refit=True."
    )
