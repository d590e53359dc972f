"""Two processes, each with some of the rows, learn what one learns from all."""

import numpy as np
import pytest
import torch

from skae.engine import ALONE, Batch, Loader
from skae.engine._loop import _Training
from skae.fitting import _learn
from skae.fitting._loaders import Loaders

NAMES = [
    "autoencoder",
    "ordered",
    "noisy",
    "penalties",
    "vae",
    "free_bits",
    "conditional",
    "topk",
    "kl",
    "conv",
]
over_shards = pytest.mark.parametrize("n_first", [70, 99])
over_names = pytest.mark.parametrize("name", NAMES)


class Replayed(Loader):
    """Batches that were recorded, pass after pass."""

    def __init__(self, passes):
        n_rows = sum(len(batch.target) for batch in passes[0])
        super().__init__(n_rows, 1, passes[0][0].target.dtype, torch.device("cpu"), None, None)
        self.passes = iter(passes)
        self._n_batches = len(passes[0])

    def _serve(self):
        yield from next(self.passes)


def _join(ranks):
    """Return the batches of all ranks as those of one."""
    return [
        [
            Batch(
                tuple(
                    torch.cat(parts) for parts in zip(*(inputs for inputs, _ in batch), strict=True)
                ),
                torch.cat([target for _, target in batch]),
            )
            for batch in zip(*batches, strict=True)
        ]
        for batches in zip(*ranks, strict=True)
    ]


@pytest.fixture(scope="module")
def results(find_results):
    return find_results("fits", "early_stopping", "categories", "moments", "gradients")


@pytest.fixture(scope="module")
def estimators(script):
    return script["make_estimators"]()


def _check_equal(found, wanted):
    for name, value in wanted["weights"].items():
        # single ones may differ by more: Adam takes steps of a size that gradients do not have
        difference = np.sqrt(np.mean((found["weights"][name] - value) ** 2))
        assert difference <= 1e-5, name
    for name in ("codes", "rows"):
        np.testing.assert_allclose(found[name], wanted[name], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found["loss_curve"], wanted["loss_curve"], rtol=1e-5)
    np.testing.assert_allclose(found["mean"], wanted["mean"], atol=1e-12)
    np.testing.assert_array_equal(found["classes"], wanted["classes"])
    assert found["best_iter"] == wanted["best_iter"] > 0


@over_shards
@over_names
def test_two_processes_learn_what_one_learns_from_the_same_batches(
    results, estimators, script, monkeypatch, name, n_first
):
    ranks = [result[name, n_first] for result in results["fits"]]
    monkeypatch.setattr(_Training, "_judge", script["judge_alike"])
    replayed = Replayed(_join([passes for _, passes in ranks]))
    assert replayed.n_rows == 100
    monkeypatch.setattr(_learn, "make_loaders", _make_loaders(replayed))
    X, y = script["data_of"](name)
    shards = [X[:n_first], X[n_first:]]
    blocks = _Iterable(shards) if name == "conv" else shards
    alone = script["describe"](estimators[name].fit(blocks, y))
    for found, _ in ranks:
        _check_equal(found, alone)


def _make_loaders(replayed):
    make = _learn.make_loaders

    def make_loaders(*arguments):
        # which draws random numbers
        assert make(*arguments).valid is None
        return Loaders(replayed, None)

    return make_loaders


class _Iterable:
    def __init__(self, blocks):
        self.blocks = blocks

    def __iter__(self):
        return iter(self.blocks)


@over_shards
@over_names
def test_processes_have_as_many_batches_and_no_row_twice(results, name, n_first):
    first, second = (result[name, n_first][1] for result in results["fits"])
    n_batches = -(-n_first // 16)
    for ours, theirs in zip(first, second, strict=True):
        assert len(ours) == len(theirs) == n_batches
        sizes = [[len(target) for _, target in batches] for batches in (ours, theirs)]
        assert [sum(part) for part in sizes] == [n_first, 100 - n_first]
        assert all(max(part) - min(part) <= 1 for part in sizes)


@over_shards
@over_names
def test_all_processes_have_the_same_result(results, name, n_first):
    (first, _), (second, _) = (result[name, n_first] for result in results["fits"])
    _check_identical(first, second)


def test_noise_differs_between_processes(results):
    first, second = (result["vae", 70][1] for result in results["fits"])
    (*_, ours), (*_, theirs) = first[-1][0][0], second[-1][0][0]
    n_rows = min(len(ours), len(theirs))
    assert not np.isclose(ours[:n_rows], theirs[:n_rows]).any()


@pytest.mark.parametrize(
    "kind", ["array", "blocks", "again", "partial", "vae", "empty blocks", "a single row"]
)
def test_held_out_rows_and_what_follows_from_them_are_the_same_for_all(results, kind):
    first, second = (result[kind] for result in results["early_stopping"])
    _check_identical(first, second)
    if kind != "partial":
        assert first["validation_curve"] == second["validation_curve"]
        assert len(set(first["validation_curve"])) > 1


def test_of_two_processes_with_a_row_each_one_learns_and_one_holds_out(results, script):
    first, second = (result["single rows"] for result in results["early_stopping"])
    _check_identical(first, second)
    assert len(first["validation_curve"]) == 4
    # what there is to learn is one row, of which the first process knows
    np.testing.assert_allclose(first["mean"], script["TABLE"][:2].mean(axis=0), atol=1e-12)
    assert first["validation_curve"] == second["validation_curve"]


@pytest.mark.parametrize("kind", [0, 1])
def test_categories_are_those_of_all(results, script, kind):
    first, second = (result[kind] for result in results["categories"])
    assert first[0] < second[0] == 3
    codes = np.digitize(script["TABLE"], [0.3, 0.6, 0.9])
    assert first[1] == second[1] == tuple(codes.max(axis=0) + 1)
    assert first[2] == second[2]


def _check_identical(first, second):
    for name, value in first["weights"].items():
        np.testing.assert_array_equal(value, second["weights"][name])
    assert first["loss_curve"] == second["loss_curve"]
    assert first["best_iter"] == second["best_iter"]


def test_the_start_is_pca_of_all_rows_however_far_apart_shards_are(results, script):
    X = script["make_table"](60)
    X[40:] = 1e4 + 100 * X[40:]
    estimator = script["AutoencoderTransformer"](3, **script["PLAIN"] | {"max_iter": 0})
    alone = script["describe"](estimator.fit(X))
    for found in results["moments"]:
        np.testing.assert_allclose(found["mean"], X.mean(axis=0), rtol=1e-13)
        for name in ("encoder.weight", "decoder.weight"):
            scale = np.abs(alone["weights"][name]).max()
            np.testing.assert_allclose(
                found["weights"][name], alone["weights"][name], rtol=0, atol=1e-9 * scale
            )


@pytest.mark.parametrize("case", [0, 1])
def test_gradients_are_means_over_the_rows_of_all(results, script, case):
    X = torch.from_numpy(script["TABLE"][:8])
    step = script["make_step"](ALONE)
    step.update(Batch((X,), X))
    for found in results["gradients"]:
        gradients, state = found[case]
        torch.testing.assert_close(gradients, step._flat.gradients, rtol=1e-12, atol=1e-15)
        for value, wanted in zip(state, step.state(), strict=True):
            torch.testing.assert_close(value, wanted, rtol=1e-9, atol=1e-12)
