"""The workers of dask train one model."""

import os
import signal
import threading
import time

import numpy as np
import pandas as pd
import pytest

from skae import AutoencoderTransformer, ConvAutoencoder, VAETransformer
from skae.distributed import fit
from skae.distributed._dask import _compute_shards, _make_pair

da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
distributed = pytest.importorskip("distributed")

SETTINGS = {"max_iter": 3, "random_state": 0}
rng = np.random.default_rng(0)
X = np.tanh(rng.normal(size=(240, 3)) @ rng.normal(size=(3, 16)))
NAMES = [f"x{number}" for number in range(16)]


@pytest.fixture(scope="module")
def client():
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with (
        distributed.LocalCluster(processes=True, **options) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def _spread(client, blocks):
    """Return the futures of blocks, which the workers hold in turn."""
    client.wait_for_workers(2)
    workers = sorted(client.nthreads())
    return [
        client.scatter(block, workers=[workers[number % 2]], hash=False)
        for number, block in enumerate(blocks)
    ]


def _array(client, X, sizes):
    blocks = np.split(X, np.cumsum(sizes)[:-1])
    return da.concatenate(
        [
            da.from_delayed(future, block.shape, X.dtype)
            for future, block in zip(_spread(client, blocks), blocks, strict=True)
        ]
    )


def test_classes_of_other_rows_are_refused():
    with pytest.raises(ValueError, match="A block of X has 3 rows, that of y 2"):
        _make_pair(X[:3], np.zeros(2))


def test_a_fit_to_an_array_is_a_plain_one(client):
    estimator = AutoencoderTransformer(2, **SETTINGS)
    table = _array(client, X, [100, 30, 80, 30])
    fitted = fit(estimator, table, client=client)
    assert not hasattr(estimator, "n_iter_")
    assert type(fitted) is AutoencoderTransformer
    assert fitted.n_iter_ == 3
    np.testing.assert_allclose(fitted.mean_, X.mean(axis=0), rtol=1e-12, atol=1e-15)
    assert fitted.transform(X).shape == (240, 2)
    again = fit(estimator, table, client=client)
    np.testing.assert_array_equal(again.transform(X), fitted.transform(X))


def test_every_worker_has_the_partitions_that_it_holds(client):
    table = _array(client, X, [100, 30, 80, 30])
    shards = _compute_shards(table, None, client)
    sizes = {w: [len(part) for part, _ in client.gather(parts)] for w, parts in shards.items()}
    assert sizes == dict(zip(sorted(client.nthreads()), [[100, 80], [30, 30]], strict=True))


def test_a_dataframe_gives_its_names_and_empty_partitions_nothing(client):
    frames = [
        pd.DataFrame(X[rows], columns=NAMES) for rows in (slice(90), slice(0), slice(90, 240))
    ]
    table = dd.from_delayed(_spread(client, frames), meta=frames[0])
    fitted = fit(AutoencoderTransformer(2, **SETTINGS), table)
    assert fitted.feature_names_in_.tolist() == NAMES
    np.testing.assert_allclose(fitted.mean_, X.mean(axis=0), rtol=1e-12, atol=1e-15)


def test_images_are_images(client):
    images = X.reshape(-1, 4, 4)
    estimator = ConvAutoencoder(2, hidden_channels=(4,), **SETTINGS)
    fitted = fit(estimator, _array(client, images, [150, 90]), client=client)
    assert fitted.reconstruct(images).shape == images.shape


def test_classes_are_those_of_all_workers(client):
    y = np.repeat(["a", "c", "b"], 80)
    estimator = VAETransformer(2, conditional=True, **SETTINGS)
    table = _array(client, X, [160, 80])
    fitted = fit(estimator, table, da.from_array(y, chunks=((160, 80),)), client)
    assert fitted.classes_.tolist() == ["a", "b", "c"]
    with pytest.raises(ValueError, match="Got 3 blocks for X's 2"):
        fit(estimator, table, da.from_array(y, chunks=80), client)


def test_what_is_wrong_with_the_rows_of_a_worker_is_said(client):
    bad = X.copy()
    bad[150, 3] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        fit(AutoencoderTransformer(2, **SETTINGS), _array(client, bad, [120, 120]), client=client)


def test_parameters_are_checked_on_the_workers(client):
    with pytest.raises(ValueError, match="solver='lbfgs' is for fits by one process"):
        fit(AutoencoderTransformer(2, solver="lbfgs"), _array(client, X, [120, 120]))


def test_what_is_no_collection_is_refused(client):
    with pytest.raises(TypeError, match=r"must be a dask array or dataframe\. Got ndarray"):
        fit(AutoencoderTransformer(2), X, client=client)


def test_no_rows_are_refused(client):
    with pytest.raises(ValueError, match="X has no rows"):
        fit(AutoencoderTransformer(2), _array(client, X[:0], [0, 0]), client=client)


def test_workers_that_are_threads_of_a_process_are_refused():
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with distributed.Client(processes=False, **options) as client:
        table = _array(client, X, [120, 120])
        with pytest.raises(ValueError, match="processes=True"):
            fit(AutoencoderTransformer(2), table, client=client)


def test_a_worker_that_is_lost_ends_the_fit(client):
    table = _array(client, X, [120, 120])
    address = max(client.nthreads())
    process = client.run(os.getpid, workers=[address])[address]
    endless = AutoencoderTransformer(2, max_iter=10**6, early_stopping=False)
    killer = threading.Thread(target=_kill_when_busy, args=(client, process))
    killer.start()
    began = time.monotonic()
    with pytest.raises(RuntimeError, match=f"has lost the worker {address}"):
        fit(endless, table, client=client)
    killer.join()
    assert time.monotonic() - began < 30
    # the other one is free, and a new one comes
    fitted = fit(AutoencoderTransformer(2, **SETTINGS), _array(client, X, [120, 120]))
    assert fitted.n_iter_ == 3


def _kill_when_busy(client, process):
    while not all(client.processing().values()):
        time.sleep(0.1)
    time.sleep(1)
    os.kill(process, signal.SIGKILL)
