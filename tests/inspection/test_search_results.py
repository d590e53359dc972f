"""Curves out of fitted searches."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.decomposition import PCA
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV

from skae import AutoencoderCV, AutoencoderTransformer
from skae.inspection._search_results import read_search


def test_widths_of_a_grid_ascend(iris):
    search = GridSearchCV(PCA(), {"n_components": [3, 1, 2]}, cv=2).fit(iris)
    curves = read_search(search, None)
    assert_array_equal(curves.n_components["PCA"], [1, 2, 3])
    assert_array_equal(
        curves.test_scores["PCA"][:, 1], search.cv_results_["split1_test_score"][[1, 2, 0]]
    )
    assert curves.chosen == {"PCA": search.best_params_["n_components"]}


def test_an_autoencoder_and_its_start(iris):
    quick = AutoencoderTransformer(max_iter=1, random_state=0)
    search = AutoencoderCV([2, 1], estimator=quick, cv=2).fit(iris)
    curves = read_search(search, None)
    assert_array_equal(curves.n_components["linear start"], [1, 2])
    assert_array_equal(
        curves.test_scores["linear start"][0],
        [search.pca_cv_results_[f"split{fold}_test_score"][1] for fold in range(2)],
    )
    assert curves.chosen == {"ordered autoencoder": search.n_components_}


@pytest.mark.parametrize("factor", [2, 3])
def test_of_successive_halving_the_last_iteration(iris, factor):
    """Scores of earlier ones are of fewer rows: no curve goes through both."""
    search = HalvingGridSearchCV(
        PCA(), {"n_components": [3, 1, 2, 4]}, cv=3, factor=factor, random_state=0
    ).fit(iris)
    results = search.cv_results_
    last = np.flatnonzero(results["iter"] == results["iter"].max())
    assert 0 < len(last) < len(results["params"])
    curves = read_search(search, None)
    widths = np.sort([results["params"][index]["n_components"] for index in last])
    assert_array_equal(curves.n_components["PCA"], widths)
    assert_array_equal(
        np.sort(curves.test_scores["PCA"].mean(axis=1)), np.sort(results["mean_test_score"][last])
    )
    assert curves.chosen == {"PCA": search.best_params_["n_components"]}
