"""Scores of all folds, in the form of a grid search's `cv_results_`."""

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata


def means_and_deviations(name: str, values: NDArray) -> dict[str, NDArray]:
    """Return mean and standard deviation over the folds, axis 0."""
    return {f"mean_{name}": values.mean(axis=0), f"std_{name}": values.std(axis=0)}


def summarize_scores(scores: list[NDArray]) -> dict[str, NDArray]:
    """Return the scores of every fold and what they say of the widths."""
    splits = {f"split{i}_test_score": fold for i, fold in enumerate(scores)}
    summary = means_and_deviations("test_score", np.array(scores))
    # scores that are not numbers rank last
    means = np.nan_to_num(summary["mean_test_score"], nan=-np.inf)
    if not np.isfinite(means).any():
        raise ValueError(f"None of the mean test scores is a number. They are {means}.")
    if not np.isfinite(means).all():
        warnings.warn(f"Some of the mean test scores are not finite: {means}", stacklevel=4)
    ranks = rankdata(-means, method="min").astype(np.int32)
    return splits | summary | {"rank_test_score": ranks}
