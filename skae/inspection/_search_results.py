"""Curves over the number of components, read from fitted searches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skae._types import Estimator
from skae.estimators import AutoencoderCV
from skae.metrics import reconstruction_r2_scorer, score_name

Candidate: TypeAlias = dict[str, object]
"""Parameters by name."""


class SearchCurves(NamedTuple):
    """Scores of a search over the number of components.

    Attributes
    ----------
    n_components : dict of array of shape (n_widths,)
        Numbers of components of every curve, in ascending order.
    test_scores : dict of array of shape (n_widths, n_folds)
        Scores of every curve.
    chosen : dict of int
        The number that the search chose, for the curve that has it.
    score_name : str
        Name of the scores, for the y axis.
    """

    n_components: dict[str, NDArray]
    test_scores: dict[str, NDArray]
    chosen: dict[str, int]
    score_name: str


def read_search(search: object, param_name: str | None) -> SearchCurves:
    """Return the curves of a fitted search.

    Raises
    ------
    ValueError
        If the search has several metrics, no number of components for some candidate, or scores
        that are not finite.
    """
    check_is_fitted(search, "cv_results_")
    if isinstance(search, AutoencoderCV):
        return _read_autoencoder_cv(search)
    return _read_grid(search, param_name)


def _read_autoencoder_cv(search: AutoencoderCV) -> SearchCurves:
    # one curve for the autoencoder and one for its linear start
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
    """Return the indices of the candidates whose scores can be compared.

    A search by successive halving fits fewer candidates on more rows in every iteration; those of
    its last iteration are returned. For other searches, these are all candidates.
    """
    iterations = results.get("iter", np.zeros(len(results["params"])))
    return np.flatnonzero(iterations == np.max(iterations))


def _fold_scores(results: Mapping[str, ArrayLike], kept: NDArray) -> NDArray:
    """Return the test scores of some candidates, of shape (n_kept, n_folds)."""
    folds: list[NDArray] = []
    while (key := f"split{len(folds)}_test_score") in results:
        folds.append(np.asarray(results[key])[kept])
    if not folds:
        raise ValueError("The search has several metrics. Give a search with a single one.")
    scores = np.array(folds).T
    if not np.isfinite(scores).all():
        raise ValueError(
            "The search has scores that are not finite, probably because fits failed. Search again "
            "with error_score='raise' to see why."
        )
    return scores


def _find_parameter(candidates: list[Candidate]) -> str:
    names = {
        name for candidate in candidates for name in candidate if _is_number_of_components(name)
    }
    if len(names) != 1:
        raise ValueError(
            "The grid must have one parameter n_components, but it has "
            f"{', '.join(sorted(names)) or 'none'}. Choose one with param_name."
        )
    return names.pop()


def _is_number_of_components(name: str) -> bool:
    return name.split("__")[-1] == "n_components"


def _read_widths(candidates: list[Candidate], parameter: str) -> NDArray:
    widths = [candidate.get(parameter) for candidate in candidates]
    if not all(isinstance(width, int | np.integer) for width in widths):
        raise ValueError(f"Every candidate needs an int for {parameter}. Got {widths} instead.")
    return np.array(widths)


def _group(
    candidates: list[Candidate], parameter: str, estimator: Estimator
) -> dict[str, list[int]]:
    """Return the indices of the candidates of each curve, which differ in the width only."""
    groups: dict[str, list[int]] = {}
    for i, candidate in enumerate(candidates):
        others = {name: value for name, value in candidate.items() if name != parameter}
        # values such as estimators have no hash
        groups.setdefault(repr(others), []).append(i)
    firsts = [candidates[rows[0]] for rows in groups.values()]
    return dict(zip(_name_curves(firsts, parameter, estimator), groups.values(), strict=True))


def _name_curves(candidates: list[Candidate], parameter: str, estimator: Estimator) -> list[str]:
    """Return a name for each candidate, made of the parameters in which they differ.

    Estimators among them are named by their class, or by their repr if names would be equal then.
    """
    path = parameter.rpartition("__")[0]
    # without other parameters, the curve is named after the reducer
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
