"""Fits to tables in blocks: the start, the contracts, what breaks off, what it takes."""

import tracemalloc
from contextlib import suppress

import dask.array
import dask.dataframe
import numpy as np
import pandas as pd
import pytest
import zarr
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from torch import Generator, from_numpy
from torch.utils.data import DataLoader, TensorDataset

from skae import AutoencoderTransformer, ConvAutoencoder, SparseAutoencoder, VAETransformer
from skae.engine import ALONE, Checkpoint
from skae.fitting._read import read_problem
from skae.registration import DiffeomorphicAutoencoder

N_ROWS, N_FEATURES, N_PER_BLOCK = 300, 12, 25
ESTIMATORS = [
    AutoencoderTransformer(3),
    AutoencoderTransformer(3, ordered=True, early_stopping=False),
    AutoencoderTransformer(3, corruption="salt_and_pepper", hidden_layer_sizes=()),
    AutoencoderTransformer(3, init="random", loss="huber"),
    VAETransformer(3),
    VAETransformer(3, init="random", likelihood="gaussian_diagonal"),
    SparseAutoencoder(20),
    ConvAutoencoder(3, image_shape=(1, 3, 4), hidden_channels=(4, 4)),
]
over_estimators = pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Iterable:
    """Yields blocks, anew at every call; what it yields may be changed from one pass to another."""

    def __init__(self, blocks):
        self.blocks = blocks
        self.n_passes = 0

    def __iter__(self):
        self.n_passes += 1
        yield from self.blocks


class Changing(Iterable):
    """Gives another block number 3 in one of its passes, or breaks off there."""

    def __init__(self, blocks, moment, function):
        super().__init__(blocks)
        self.moment = moment
        self.function = function

    def __iter__(self):
        self.n_passes += 1
        for number, block in enumerate(self.blocks):
            is_changed = number == 3 and self.n_passes == self.moment
            if is_changed and self.function is None:
                raise OSError("gone")
            yield self.function(block) if is_changed else block


class Growing(Iterable):
    """Has another number of blocks after the first pass."""

    def __init__(self, blocks, n_later):
        super().__init__(blocks)
        self.n_later = n_later

    def __iter__(self):
        self.n_passes += 1
        yield from self.blocks if self.n_passes == 1 else (self.blocks * 2)[: self.n_later]


def _make_rows(n_rows=N_ROWS, offset=5.0):
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(n_rows, 3))
    curved = factors @ rng.normal(size=(3, N_FEATURES)) + np.tanh(
        3 * factors @ rng.normal(size=(3, N_FEATURES))
    )
    return (offset + curved + 0.1 * rng.normal(size=(n_rows, N_FEATURES))).astype(np.float32)


X = _make_rows()
BLOCKS = np.split(X, N_ROWS // N_PER_BLOCK)


def _memmap(folder):
    array = np.memmap(folder / "rows", np.float32, "w+", shape=X.shape)
    array[:] = X
    return array


def _parquet(folder):
    pd.DataFrame(X).rename(columns=str).to_parquet(folder / "a.parquet", row_group_size=N_PER_BLOCK)
    return folder / "a.parquet"


SOURCES = {
    "memmap": _memmap,
    "zarr": lambda folder: zarr.array(X, chunks=(N_PER_BLOCK, N_FEATURES)),
    "dask array": lambda folder: dask.array.from_array(X, chunks=(N_PER_BLOCK, 5)),
    "dask frame": lambda folder: dask.dataframe.from_pandas(
        pd.DataFrame(X).rename(columns=str), npartitions=len(BLOCKS)
    ),
    "parquet": _parquet,
    "values": lambda folder: dict(enumerate(BLOCKS)).values(),
    "list": lambda folder: BLOCKS,
}


MEMORY = {
    "nested lists": lambda: [X[:100].tolist(), X[100:130].tolist(), X[130:].tolist()],
    "an empty list": lambda: [[], X[:100], X[100:]],
    "frames": lambda: [pd.DataFrame(block) for block in BLOCKS],
    "tuple": lambda: tuple(BLOCKS),
    "loader": lambda: DataLoader(X, batch_size=N_PER_BLOCK),
}


@pytest.fixture
def small_memmaps(monkeypatch):
    monkeypatch.setattr("skae.blocks._find.LARGE", 1000)
    monkeypatch.setattr("skae.blocks._slices.BYTES_PER_SLICE", 4 * N_FEATURES * N_PER_BLOCK)


def _in_blocks(estimator, blocks=BLOCKS):
    """Return blocks as the estimator takes them."""
    return Iterable(blocks) if isinstance(estimator, ConvAutoencoder) else list(blocks)


def _fit(estimator, given, **parameters):
    return clone(estimator).set_params(**{"random_state": 0, "max_iter": 3} | parameters).fit(given)


def _assert_same(one, other):
    assert one.loss_curve_ == other.loss_curve_
    assert one.validation_curve_ == other.validation_curve_
    assert_array_equal(one.transform(X), other.transform(X))
    assert_array_equal(one.sample(3, random_state=0), other.sample(3, random_state=0))


class TestStart:
    """Before any epoch, a fit by blocks is the linear optimum of all rows."""

    @pytest.mark.parametrize("early_stopping", [True, False])
    @pytest.mark.parametrize("offset", [0.0, 1e3])
    def test_pca(self, early_stopping, offset):
        rows = _make_rows(offset=offset).astype(np.float64)
        given = np.array_split(rows, 7)
        model = _fit(AutoencoderTransformer(3, early_stopping=early_stopping), given, max_iter=0)
        pca = PCA(3).fit(rows)
        expected = pca.inverse_transform(pca.transform(rows))
        assert_allclose(model.reconstruct(rows), expected, atol=1e-9 * max(1, offset))
        assert_allclose(model.mean_, rows.mean(axis=0), rtol=1e-14, atol=1e-15)

    @pytest.mark.parametrize("early_stopping", [True, False])
    @pytest.mark.parametrize(
        "estimator",
        [
            AutoencoderTransformer(3, tied_weights=True),
            AutoencoderTransformer(0.9, ordered=True),
            VAETransformer(3),
            VAETransformer(3, noise_variance=0.5),
            ConvAutoencoder(3, image_shape=(1, 3, 4), hidden_channels=(4, 4)),
        ],
        ids=repr,
    )
    def test_that_of_all_rows_in_memory(self, estimator, early_stopping):
        parameters = {"max_iter": 0, "early_stopping": early_stopping}
        expected = _fit(estimator, X.astype(float), **parameters)
        given = _in_blocks(estimator, np.array_split(X.astype(float), 5))
        model = _fit(estimator, given, **parameters)
        assert_allclose(model.reconstruct(X), expected.reconstruct(X), rtol=1e-6)
        assert_allclose(model.score(X), expected.score(X), rtol=1e-6)
        assert model.n_components_ == expected.n_components_

    def test_the_noise_of_probabilistic_pca(self):
        model = _fit(VAETransformer(3), np.array_split(X.astype(float), 5), max_iter=0)
        variances = PCA().fit(X.astype(float)).explained_variance_ * (N_ROWS - 1) / N_ROWS
        assert_allclose(model.noise_variance_, variances[3:].mean(), rtol=1e-8)

    def test_with_many_features_pca_of_a_sample(self, monkeypatch):
        monkeypatch.setattr("skae.rows._summaries.MAX_PRODUCTS", 5)
        model = _fit(AutoencoderTransformer(3), BLOCKS, max_iter=0)
        # the sample is all there is here
        expected = _fit(AutoencoderTransformer(3), X, max_iter=0)
        assert_allclose(model.reconstruct(X), expected.reconstruct(X), rtol=1e-4)

    def test_of_rows_of_all_scales(self):
        for scale in (1e-35, 1e35):
            model = _fit(AutoencoderTransformer(3), [rows.astype(float) * scale for rows in BLOCKS])
            assert model.score(X.astype(float) * scale) > 0.7

    def test_of_constant_features(self):
        rows = np.repeat(X[:1], 30, axis=0)
        model = _fit(AutoencoderTransformer(2), [rows[:20], rows[20:]])
        assert_allclose(model.reconstruct(rows), rows, rtol=1e-6)


class TestContracts:
    @over_estimators
    def test_epochs_make_it_better(self, estimator):
        parameters = {"max_iter": 10, "early_stopping": False}
        model = _fit(estimator, _in_blocks(estimator), **parameters)
        assert model.n_iter_ == 10
        assert min(model.loss_curve_[1:]) < model.loss_curve_[0]
        in_memory = _fit(estimator, X, **parameters)
        assert_allclose(model.loss_curve_[0], in_memory.loss_curve_[0], rtol=0.1)
        assert_allclose(model.loss_curve_[-1], in_memory.loss_curve_[-1], rtol=0.2, atol=0.1)

    @pytest.mark.thinned(1)
    @pytest.mark.parametrize("source", SOURCES)
    @pytest.mark.parametrize("estimator", [ESTIMATORS[0], ESTIMATORS[4], ESTIMATORS[6]], ids=repr)
    def test_the_same_blocks_give_the_same_bits(self, source, estimator, tmp_path, small_memmaps):
        given = SOURCES[source](tmp_path)
        # what is iterated over has but one order
        blocks = Iterable(BLOCKS) if source == "values" else BLOCKS
        with_names = source in ("dask frame", "parquet")
        model = _fit(estimator, given)
        assert hasattr(model, "feature_names_in_") == with_names
        model.__dict__.pop("feature_names_in_", None)
        _assert_same(model, _fit(estimator, blocks))

    @over_estimators
    def test_a_seed_gives_the_same_bits(self, estimator):
        given = _in_blocks(estimator)
        _assert_same(_fit(estimator, given), _fit(estimator, given))
        other = _fit(estimator, given, random_state=1)
        assert other.loss_curve_ != _fit(estimator, given).loss_curve_

    @over_estimators
    def test_results_come_block_by_block(self, estimator):
        model, given = _fit(estimator, _in_blocks(estimator)), _in_blocks(estimator)
        for method in ("transform", "reconstruct", "score_samples"):
            expected = getattr(model, method)(X)
            results = getattr(model, method)(given)
            first = next(results)
            assert first.dtype == expected.dtype
            assert len(first) == N_PER_BLOCK
            assert_allclose(np.concatenate([first, *results]), expected, rtol=1e-4, atol=1e-5)
        assert_allclose(model.score(given), model.score(X), rtol=1e-5)
        there = Iterable([*model.transform(given)])
        back = np.concatenate([*model.inverse_transform(there)])
        assert_allclose(back, model.reconstruct(X), rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("source", SOURCES)
    def test_results_of_sources(self, source, tmp_path, small_memmaps):
        given = SOURCES[source](tmp_path)
        model = _fit(ESTIMATORS[0], given)
        results = model.transform(given)
        expected = np.concatenate([model.transform(block) for block in _as_fitted(model, BLOCKS)])
        if "dask" in source:
            assert isinstance(results, dask.array.Array)
            assert results.dtype == results.compute().dtype == expected.dtype
            assert results.shape[1] == 3
            results = results.compute(scheduler="sync")
        elif source == "memmap":
            assert type(results) is np.ndarray
        else:
            results = np.concatenate([*results])
        assert_allclose(results, expected, rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("dtype", [np.float32, np.int16])
    def test_large_memory_maps_give_arrays(self, dtype, tmp_path, small_memmaps):
        array = np.memmap(tmp_path / "rows", dtype, "w+", shape=X.shape)
        array[:] = 10 * X
        for estimator in (ESTIMATORS[0], SparseAutoencoder(20, sparse_output=True)):
            model = _fit(estimator, array, max_iter=1)
            for method in ("transform", "reconstruct", "score_samples"):
                result = getattr(model, method)(array)
                expected = getattr(model, method)(np.array(array))
                assert type(result) is type(expected)
                assert result.dtype == expected.dtype
                assert_allclose(*map(_dense, (result, expected)), rtol=1e-4, atol=1e-3)
            assert_allclose(model.score(array), model.score(np.array(array)), rtol=1e-5)

    @pytest.mark.parametrize("make", MEMORY.values(), ids=MEMORY)
    def test_what_else_has_blocks(self, make):
        model = AutoencoderTransformer(2, max_iter=1, random_state=0)
        expected = clone(model).fit(X).transform(X)
        assert_allclose(np.concatenate([*clone(model).fit(X).transform(make())]), expected, 1e-4)
        assert clone(model).fit(make()).n_features_in_ == N_FEATURES
        assert clone(model).partial_fit(make()).n_features_in_ == N_FEATURES

    def test_images_of_a_dask_array(self):
        images = X.reshape(-1, 3, 4)
        given = dask.array.from_array(images, chunks=(50, 2, 2))
        model = _fit(ConvAutoencoder(2, hidden_channels=(4, 4)), given, max_iter=1)
        lazy = model.reconstruct(given)
        assert lazy.shape == images.shape
        assert_allclose(lazy.compute(scheduler="sync"), model.reconstruct(images), rtol=1e-4)

    def test_blocks_of_one_row_and_of_none(self):
        sizes = [1] * 30 + [0, 0, N_ROWS - 30]
        given = np.split(X, np.cumsum(sizes)[:-1])
        model = _fit(AutoencoderTransformer(3, max_iter=2), given)
        assert [len(codes) for codes in model.transform(X=given)] == sizes
        assert_allclose(model.score(given), model.score(X=X), rtol=1e-5)

    def test_fit_transform_in_a_pipeline(self):
        results = make_pipeline(clone(ESTIMATORS[0]).set_params(max_iter=1)).fit_transform(BLOCKS)
        assert next(results).shape == (N_PER_BLOCK, 3)

    def test_it_goes_on_from_another_fit(self):
        source = _fit(ESTIMATORS[0], X)
        model = clone(source).set_params(warm_start=True)
        model.__dict__.update(source.__dict__ | {"warm_start": True})
        before = model.score(X)
        model.fit(BLOCKS)
        assert_array_equal(model.mean_, source.mean_)
        assert model.score(X) > before - 1e-3

    def test_codes_are_ordered(self):
        model = _fit(AutoencoderTransformer(0.9, ordered=True), BLOCKS, max_iter=10)
        assert model.explained_variance_ratio_.sum() > 0.9
        assert next(model.truncate(1).transform(BLOCKS)).shape == (N_PER_BLOCK, 1)

    def test_classes(self):
        y = np.array(["a", "b"])[(X[:, 0] > 5).astype(int)]
        model = VAETransformer(2, conditional=True, max_iter=0, random_state=0)
        model.set_params(hidden_layer_sizes=(8,))
        in_memory = clone(model).fit(X, y).score_samples(X, y)
        assert list(model.fit(BLOCKS, y).classes_) == ["a", "b"]
        # told of the wrong class, rows are less probable
        scores = model.score_samples(X, y)
        assert_allclose(scores.mean(), in_memory.mean(), rtol=0.02)
        assert scores.mean() > model.score_samples(X, y[::-1]).mean() + 1
        model.set_params(max_iter=2).fit(BLOCKS, y)

    @pytest.mark.parametrize("early_stopping", [True, False])
    def test_categories_of_all_blocks(self, early_stopping):
        codes = np.digitize(X, [4, 5, 6]).astype(float)
        blocks = np.split(codes[np.argsort(codes[:, 0])], 12)
        assert blocks[0][:, 0].max() < codes[:, 0].max()
        estimator = VAETransformer(2, likelihood="categorical")
        parameters = {"early_stopping": early_stopping, "max_iter": 0}
        model = _fit(estimator, blocks, **parameters)
        in_memory = _fit(estimator, codes, **parameters)
        assert model._link.n_categories == in_memory._link.n_categories
        # the start is that of all rows, which are in another order
        assert_allclose(model.score(codes), in_memory.score(codes), rtol=5e-3)
        given, others = Iterable(blocks), Iterable(blocks)
        trained = _fit(estimator, given, early_stopping=early_stopping)
        _fit(VAETransformer(2, likelihood="poisson"), others, early_stopping=early_stopping)
        assert given.n_passes == others.n_passes + 1
        assert trained.n_iter_ == 3

    def test_categories_of_the_first_call(self):
        low, high = np.zeros((20, 3)), np.full((20, 3), 2.0)
        model = VAETransformer(2, likelihood="categorical", random_state=0)
        model.partial_fit([low, low + 1])
        with pytest.raises(ValueError, match=r"seen in fit, where feature 0 had codes up to 1"):
            model.partial_fit([low, high])
        assert model.partial_fit([low + 1, low]).n_iter_ == 2

    def test_callbacks_and_progress(self, capsys):
        _fit(ESTIMATORS[0], BLOCKS, verbose=2)
        assert capsys.readouterr().out.count("epoch") >= 3


def _dense(array):
    return array.toarray() if hasattr(array, "toarray") else array


def _as_fitted(model, blocks):
    """Return blocks with the names that the model knows."""
    names = getattr(model, "feature_names_in_", None)
    return blocks if names is None else [pd.DataFrame(block, columns=names) for block in blocks]


class TestHeldOut:
    @pytest.mark.parametrize("n_blocks", [1, 2, 60])
    def test_whatever_the_blocks(self, n_blocks):
        model = _fit(AutoencoderTransformer(3), np.array_split(X, n_blocks))
        assert len(model.validation_curve_) == 4

    @pytest.mark.parametrize("share", [0.1, 0.9])
    @pytest.mark.parametrize(
        "sizes",
        [[0] * 5 + [7] + [0] * 40, [0, 1] * 2 + [0] * 20, [1, 1], [1] * 9 + [0], [4, 0] * 12],
        ids=str,
    )
    def test_both_sides_have_rows_whatever_the_seed(self, sizes, share):
        blocks = np.split(X[: sum(sizes)], np.cumsum(sizes)[:-1])
        for seed in range(10):
            parameters = {"validation_fraction": share, "random_state": seed, "max_iter": 1}
            model = _fit(AutoencoderTransformer(1), blocks, **parameters)
            assert len(model.validation_curve_) == 2
        _assert_same(model, _fit(AutoencoderTransformer(1), blocks, **parameters))

    def test_a_redrawn_side_is_that_of_all_passes(self):
        blocks = [X[:0]] * 100
        blocks[7::9] = np.split(X[:264], 11)
        for seed in range(10):
            estimator = AutoencoderTransformer(2, random_state=seed)
            random_state = np.random.RandomState(seed)
            problem = read_problem(estimator, blocks, None, None, random_state, ALONE)
            learned = np.concatenate([*problem.stream.read(Generator())])
            held_out = problem.seen[problem.valid]
            assert len(learned) + len(held_out) == 264
            assert len(held_out) in (24, 48, 72, 96, 120)
            rows = np.concatenate([problem.units.leave(learned, np.float64), held_out])
            assert_allclose(*(np.sort(part[:, 0]) for part in (rows, X[:264])), rtol=1e-5)
            # before any training, it starts at PCA of all rows
            assert_allclose(problem.units.location, X[:264].mean(axis=0, dtype=float), rtol=1e-12)

    def test_a_single_row_cannot_be_divided(self):
        model = _fit(AutoencoderTransformer(2), X).set_params(warm_start=True)
        with pytest.raises(ValueError, match="minimum of 2 is required"):
            model.fit([X[:1], X[:0]])
        assert model.set_params(early_stopping=False).fit([X[:1], X[:0]]).n_iter_ == 3

    def test_none(self):
        assert _fit(ESTIMATORS[0], BLOCKS, early_stopping=False).validation_curve_ is None


CHANGES = {
    "NaN": (lambda rows: rows * np.nan, "Block 3 of X cannot be used.*NaN"),
    "columns": (lambda rows: rows[:, :5], "Block 3 of X cannot be used.*5 features"),
    "fewer rows": (lambda rows: rows[:4], "Block 3 of X cannot be used: it has 4 rows"),
    "no rows": (lambda rows: rows[:0], "Block 3 of X cannot be used: it has 0 rows"),
    "too large": (lambda rows: rows.astype(float) * 1e300, "Block 3 of X.*too large"),
    "no array": (lambda rows: "text", "Block 3 of X"),
    "error": (None, r"Block 3 of X cannot be used: OSError\('gone'\)"),
}
"""What a block becomes, and what is said of it."""


class TestBroken:
    """A source that breaks off is told of by its block, and the last fit stays."""

    # in the first pass, any number of rows will do
    @pytest.mark.thinned(1)
    @pytest.mark.parametrize(
        ("moment", "change"),
        [
            *((moment, change) for moment in (2, 4) for change in CHANGES),
            *((1, change) for change in CHANGES if "rows" not in change),
        ],
    )
    @pytest.mark.parametrize("estimator", [ESTIMATORS[1], VAETransformer(2)], ids=repr)
    def test_it(self, moment, change, estimator):
        function, message = CHANGES[change]
        model = _fit(estimator, X)
        before, codes = model.__dict__.copy(), model.transform(X)
        given = Changing(BLOCKS, moment, function)
        with pytest.raises(ValueError, match=message):
            model.fit(given)
        assert given.n_passes == moment
        assert model.__dict__ == before
        assert_array_equal(model.transform(X), codes)

    @pytest.mark.parametrize("moment", [1, 2])
    def test_a_first_fit_leaves_nothing(self, moment):
        model = AutoencoderTransformer(2)
        given = Changing(BLOCKS, moment, None)
        with pytest.raises(ValueError, match="Block 3"):
            model.fit(given)
        assert vars(model) == vars(AutoencoderTransformer(2))

    @pytest.mark.parametrize(
        ("n_later", "message"),
        [(5, "Block 5 of X is missing: there were 12"), (13, "Block 12 .* there were only 12")],
    )
    def test_other_numbers_of_blocks(self, n_later, message):
        with pytest.raises(ValueError, match=message):
            _fit(ESTIMATORS[0], Growing(BLOCKS, n_later))

    def test_results_break_off_where_the_source_does(self):
        model = _fit(ESTIMATORS[0], X)
        results = model.transform([*BLOCKS[:2], BLOCKS[2] * np.nan])
        assert len(next(results)) == len(next(results)) == N_PER_BLOCK
        with pytest.raises(ValueError, match="Block 2 of X cannot be used: Input X contains NaN"):
            next(results)


class TestRefused:
    @pytest.mark.parametrize(
        ("estimator", "given", "message"),
        [
            (AutoencoderTransformer(solver="lbfgs"), BLOCKS, "solver='lbfgs' needs all rows"),
            (AutoencoderTransformer(), iter(BLOCKS), "gone through only once"),
            (AutoencoderTransformer(), [X[:0], X[:0]], "no rows"),
            (AutoencoderTransformer(), [X[:1], X[:0]], "minimum of 2"),
            (AutoencoderTransformer(loss="binary_crossentropy"), BLOCKS, "Block 0 .*values in"),
            (VAETransformer(likelihood="poisson"), [abs(X).round(), X], "Block 1 .*likelihood="),
            (VAETransformer(likelihood="categorical"), [X > 9, X], "Block 1 .*categories"),
            (VAETransformer(conditional=True), BLOCKS, "requires y"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_fit(self, estimator, given, message):
        with pytest.raises(ValueError, match=message):
            estimator.fit(given)

    @pytest.mark.parametrize(
        "given",
        [dask.array.zeros((20, 8, 8)), zarr.zeros((20, 8, 8)), Iterable([])],
        ids=["dask", "zarr", "iterable"],
    )
    def test_who_needs_arrays_in_memory(self, given):
        images = np.random.default_rng(0).normal(size=(20, 8, 8))
        model = DiffeomorphicAutoencoder(2, max_iter=0).fit(images)
        with pytest.raises(ValueError, match="comes in blocks, but an array in memory is needed"):
            model.warp(images, given)

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: iter(BLOCKS), "list_iterator, which can be gone through only once"),
            (lambda: dict(enumerate(BLOCKS)), "A dict is no array. Give .*a list of them"),
            (
                lambda: DataLoader(TensorDataset(from_numpy(X), from_numpy(X[:, 0])), 30),
                "Block 0 of X cannot be used: its type is list.*the rows alone",
            ),
            (lambda: [[X[:20], X[20:]], BLOCKS], "Block 0 of X cannot be used: its type is list"),
            (lambda: [X[0], *BLOCKS], "Block 0 of X cannot be used: Expected 2D array, got 1D"),
            (
                lambda: np.array([*BLOCKS, X], dtype=object),
                "blocks of rows as a list of arrays",
            ),
            (lambda: np.stack(BLOCKS), "dim 3.* given as a list of arrays"),
        ],
        ids=["iterator", "dict", "targets", "lists of blocks", "a row", "objects", "3d"],
    )
    def test_what_is_not_meant_says_what_to_do(self, make, message):
        for method in ("fit", "partial_fit"):
            with pytest.raises(ValueError, match=message):
                getattr(AutoencoderTransformer(2), method)(make())
        model = _fit(ESTIMATORS[0], X)
        for method in ("transform", "score", "score_samples"):
            with pytest.raises(ValueError, match=message):
                [*getattr(model, method)(make())]

    def test_dataframes_of_results(self):
        model = _fit(ESTIMATORS[0], X).set_output(transform="pandas")
        with pytest.raises(ValueError, match=r"set_output\(transform='default'\)"):
            model.transform(BLOCKS)

    def test_dataframes_of_large_memory_maps(self, small_memmaps, tmp_path):
        table = np.memmap(tmp_path / "rows", dtype=X.dtype, mode="w+", shape=X.shape)
        table[:] = X
        model = _fit(ESTIMATORS[0], X)
        expected = model.transform(X)
        frame = model.set_output(transform="pandas").transform(table)
        assert isinstance(frame, pd.DataFrame)
        assert_allclose(frame, expected, atol=1e-12)

    def test_scores_of_nothing(self):
        for estimator in (ESTIMATORS[0], VAETransformer(2)):
            with pytest.raises(ValueError, match="X has no rows: all of its blocks are empty"):
                _fit(estimator, X).score([X[:0], X[:0]])

    def test_frames_in_single_precision_say_so(self):
        single = pd.DataFrame(X.astype(np.float32)).rename(columns=str)
        model = _fit(ESTIMATORS[0], single)
        codes = model.transform(dask.dataframe.from_pandas(single, npartitions=3))
        assert codes.dtype == codes.compute().dtype == np.float32

    def test_classes_beside_blocks(self):
        model = _fit(VAETransformer(2), X)
        with pytest.raises(ValueError, match="y is not taken beside an X in blocks"):
            model.score_samples(BLOCKS, y=[0])
        with pytest.raises(ValueError, match="y is not taken beside an X in blocks"):
            model.reconstruct(BLOCKS, [0])

    def test_methods_that_need_arrays(self):
        model = _fit(VAETransformer(2), X)
        with pytest.raises(ValueError, match="comes in blocks"):
            model.posterior(dask.array.from_array(X))


class DiedError(BaseException):
    """What no code catches."""


@pytest.mark.parametrize("estimator", [ESTIMATORS[0], ESTIMATORS[4], ESTIMATORS[7]], ids=repr)
def test_a_fit_that_died_goes_on(estimator, tmp_path, monkeypatch):
    given = _in_blocks(estimator)
    expected = _fit(estimator, given, max_iter=5)
    save = Checkpoint.save

    def save_and_die(checkpoint, state):
        save(checkpoint, state)
        raise DiedError

    parameters = {"max_iter": 5, "checkpoint": tmp_path, "checkpoint_every": 2}
    monkeypatch.setattr(Checkpoint, "save", save_and_die)
    for _ in range(2):
        with suppress(DiedError):
            _fit(estimator, given, **parameters)
        assert len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr(Checkpoint, "save", save)
    # another table has a file of its own
    _fit(estimator, _in_blocks(estimator, BLOCKS[:-1]), **parameters)
    assert len(list(tmp_path.iterdir())) == 1
    _assert_same(_fit(estimator, given, **parameters), expected)
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_the_rows(monkeypatch):
    """Of 24 MB, a fit holds what two blocks and a sample take; torch's part is not counted."""
    monkeypatch.setattr("skae.rows._sample.SAMPLE_BYTES", 2**20)
    monkeypatch.setattr("skae.rows._stream.POOL_BYTES", 2**20)
    block = np.random.default_rng(0).normal(size=(4096, 64)).astype(np.float32)  # 1 MB

    class Repeated:
        def __iter__(self):
            return (block + number for number in range(24))

    model = AutoencoderTransformer(2, hidden_layer_sizes=(), solver="adam", batch_size=4096)
    model.set_params(max_iter=1, latent_density="gaussian")
    model.fit(block)
    tracemalloc.start()
    try:
        model.fit(Repeated())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * 2**20
