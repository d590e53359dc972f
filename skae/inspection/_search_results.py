"""Curves over the number of components, out of fitted searches."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skae.estimators import AutoencoderCV
from skae.metrics import reconstruction_r2_scorer, score_name


class SearchCurves(NamedTuple):
    """What there is to draw of a search.

    Attributes
    ----------
    n_components : dict of array of shape (n_widths,)
    test_scores : dict of array of shape (n_widths, n_folds)
    chosen : dict of int
    score_name : str
    """

    n_components: dict[str, NDArray]
    test_scores: dict[str, NDArray]
    chosen: dict[str, int]
    score_name: str


def read_search(search: Any, param_name: str | None) -> SearchCurves:
    """Return the curves of a fitted search.

    Raises
    ------
    ValueError
        If they cannot be drawn.
    """
    check_is_fitted(search, "cv_results_")
    if isinstance(search, AutoencoderCV):
        return _read_autoencoder_cv(search)
    return _read_grid(search, param_name)


def _read_autoencoder_cv(search: AutoencoderCV) -> SearchCurves:
    widths = np.asarray(search.cv_results_["param_n_components"], dtype=int)
    order = np.argsort(widths)
    names = "ordered autoencoder", "linear start"
    results = search.cv_results_, search.pca_cv_results_
    scorer = reconstruction_r2_scorer if search.scoring is None else search.scoring
    return SearchCurves(
        dict.fromkeys(names, widths[order]),
        {name: _fold_scores(one, order) for name, one in zip(names, results, strict=True)},
        {names[0]: search.n_components_},
        score_name(scorer),
    )


def _read_grid(search: Any, param_name: str | None) -> SearchCurves:
    kept = _comparable(search.cv_results_)
    candidates = [search.cv_results_["params"][index] for index in kept]
    parameter = _find_parameter(candidates) if param_name is None else param_name
    widths = _read_widths(candidates, parameter)
    scores = _fold_scores(search.cv_results_, kept)
    curves = _group(candidates, parameter, search.estimator)
    chosen = {}
    for name, rows in curves.items():
        rows.sort(key=widths.__getitem__)
        if getattr(search, "best_index_", None) in kept[rows]:
            chosen[name] = int(widths[kept == search.best_index_][0])
    return SearchCurves(
        {name: widths[rows] for name, rows in curves.items()},
        {name: scores[rows] for name, rows in curves.items()},
        chosen,
        score_name(search.scoring),
    )


def _comparable(results: Mapping[str, Any]) -> NDArray:
    """Return the indices of candidates whose scores are of equally many rows.

    Searches by successive halving give more rows to fewer candidates in every iteration.
    """
    iterations = results.get("iter", np.zeros(len(results["params"])))
    return np.flatnonzero(iterations == np.max(iterations))


def _fold_scores(results: Mapping[str, Any], kept: NDArray) -> NDArray:
    """Return scores of shape (n_kept, n_folds)."""
    folds: list[NDArray] = []
    while (key := f"split{len(folds)}_test_score") in results:
        folds.append(np.asarray(results[key])[kept])
    if not folds:
        raise ValueError(
            "The search has no scores named 'score': it has several metrics. Wanted is one."
        )
    scores = np.array(folds).T
    if not np.isfinite(scores).all():
        raise ValueError(
            "The search has scores that are not finite, of fits that failed. Search again with "
            "error_score='raise' to see why."
        )
    return scores


def _find_parameter(candidates: list[dict[str, Any]]) -> str:
    names = {
        name for candidate in candidates for name in candidate if _is_number_of_components(name)
    }
    if len(names) != 1:
        raise ValueError(
            "Wanted is one parameter n_components in the grid, but it has "
            f"{', '.join(sorted(names)) or 'none'}. Say which one by param_name."
        )
    return names.pop()


def _is_number_of_components(name: str) -> bool:
    return name.split("__")[-1] == "n_components"


def _read_widths(candidates: list[dict[str, Any]], parameter: str) -> NDArray:
    widths = [candidate.get(parameter) for candidate in candidates]
    if not all(isinstance(width, int | np.integer) for width in widths):
        raise ValueError(f"Every candidate needs an int for {parameter}. Got {widths}.")
    return np.array(widths)


def _group(
    candidates: list[dict[str, Any]], parameter: str, estimator: Any
) -> dict[str, list[int]]:
    """Return the candidates of each curve: those that differ in nothing but the width."""
    groups: dict[str, list[int]] = {}
    for i, candidate in enumerate(candidates):
        others = {name: value for name, value in candidate.items() if name != parameter}
        groups.setdefault(repr(others), []).append(i)
    firsts = [candidates[rows[0]] for rows in groups.values()]
    return dict(zip(_name_curves(firsts, parameter, estimator), groups.values(), strict=True))


def _name_curves(candidates: list[dict[str, Any]], parameter: str, estimator: Any) -> list[str]:
    """Return names of what differs between candidates: short ones, if these differ as well."""
    path = parameter.rpartition("__")[0]
    default = type(estimator.get_params()[path] if path else estimator).__name__
    differing = [
        {
            name: value
            for name, value in candidate.items()
            if name != parameter
            and any(repr(value) != repr(other.get(name)) for other in candidates)
        }
        for candidate in candidates
    ]
    for describe in (_short, repr):
        names = [
            ", ".join(
                describe(value) if isinstance(value, BaseEstimator) else f"{name}={value}"
                for name, value in one.items()
            )
            or default
            for one in differing
        ]
        if len(set(names)) == len(names):
            break
    return names


def _short(estimator: BaseEstimator) -> str:
    return type(estimator).__name__
