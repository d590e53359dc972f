"""Grid searches by other back-ends of joblib."""

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer

X = load_digits().data[:300]


def make_search():
    """Return a search over four fits."""
    estimator = AutoencoderTransformer(hidden_layer_sizes=(16,), max_iter=3, random_state=0)
    pipeline = make_pipeline(StandardScaler(with_std=False), estimator)
    return GridSearchCV(pipeline, {"autoencodertransformer__n_components": [2, 4]}, cv=2)


@pytest.fixture(scope="module")
def expected():
    return make_search().fit(X).cv_results_["mean_test_score"]


def test_workers_of_dask_give_the_same_scores(expected):
    distributed = pytest.importorskip("distributed", reason="needs dask.distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with (
        distributed.LocalCluster(processes=True, **options) as cluster,
        distributed.Client(cluster) as client,
    ):
        # fits side by side would otherwise take each other's cores
        assert set(client.run(torch.get_num_threads).values()) == {1}
        with joblib.parallel_config("dask", scatter=[X]):
            search = make_search().fit(X)
        n_tasks = client.run(_count_tasks)
    assert_array_equal(search.cv_results_["mean_test_score"], expected)
    assert sum(n_tasks.values()) >= 4
    assert np.isfinite(search.score(X))


def _count_tasks(dask_worker):
    return len(dask_worker.state.stimulus_log)


def test_ray_gives_the_same_scores(expected):
    ray = pytest.importorskip("ray", reason="needs ray, which is large")
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        register_ray()
        with joblib.parallel_config("ray"):
            search = make_search().fit(X)
    finally:
        ray.shutdown()
    assert_array_equal(search.cv_results_["mean_test_score"], expected)
