"""Fits to images in blocks: the start, the contracts, what breaks off, what it takes."""

import tracemalloc
from contextlib import suppress

import dask.array
import numpy as np
import pandas as pd
import pytest
import zarr
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from torch import Generator, from_numpy
from torch.utils.data import DataLoader, TensorDataset

from skae import ConvAutoencoder
from skae.engine import ALONE, Checkpoint
from skae.fitting._read import read_problem
from skae.image import ImageColorizer, ImageSegmenter, ImageToImageRegressor
from skae.image._segmenter import find_class_weight
from skae.rows._problem import training_tensors
from skae.rows._summaries import ChannelsOf

N_IMAGES, N_PER_BLOCK = 120, 10
GREY = (load_digits().images[:N_IMAGES] / 16).astype(np.float32)
NOISY = GREY + np.random.default_rng(0).normal(scale=0.3, size=GREY.shape).astype(np.float32)
COLORS = np.stack([GREY, GREY**2, 1 - GREY], axis=1)
MASKS = np.digitize(GREY, [0.25, 0.6])
QUICK = {"base_channels": 4, "depth": 1, "filter_size": 3, "max_iter": 2, "random_state": 0}
CASES = {
    "regressor": (ImageToImageRegressor(**QUICK), NOISY, GREY),
    "regressor, patches": (
        ImageToImageRegressor(patch_size=7, augment="rotate", loss="ssim", **QUICK),
        NOISY,
        COLORS,
    ),
    "regressor, clean images": (
        ImageToImageRegressor(corruption="salt_and_pepper", corruption_level=0.2, **QUICK),
        COLORS,
        None,
    ),
    "regressor, flattened": (
        ImageToImageRegressor(image_shape=(1, 8, 8), residual="identity", **QUICK),
        NOISY.reshape(N_IMAGES, -1),
        GREY,
    ),
    "colorizer": (ImageColorizer(augment="flip", **QUICK), GREY, COLORS),
    "colorizer, colours": (ImageColorizer(color_space="rgb", patch_size=6, **QUICK), COLORS, None),
    "segmenter": (ImageSegmenter(**QUICK), NOISY, MASKS),
    "segmenter, patches": (
        ImageSegmenter(class_weight="balanced", ignore_index=1, patch_size=6, **QUICK),
        NOISY,
        MASKS.astype(np.uint8).reshape(N_IMAGES, -1),
    ),
}
"""An estimator that is quick, and what it may be fitted to: 120 images of 8 x 8 pixels."""
over_cases = pytest.mark.parametrize(("estimator", "X", "y"), CASES.values(), ids=CASES)


class Iterable:
    """Yields blocks, anew at every call."""

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


def _split(array, n_per_block=N_PER_BLOCK):
    return np.split(array, range(n_per_block, len(array), n_per_block))


def _blocks(array, n_per_block=N_PER_BLOCK):
    return None if array is None else Iterable(_split(array, n_per_block))


def _fit(estimator, X, y=None, **parameters):
    return clone(estimator).set_params(**parameters).fit(X, y)


def _assert_same(one, other, X):
    assert one.loss_curve_ == other.loss_curve_
    assert one.validation_curve_ == other.validation_curve_
    assert_array_equal(one.predict(X), other.predict(X))


def _memmap(array, folder):
    found = np.memmap(folder / str(id(array)), array.dtype, "w+", shape=array.shape)
    found[:] = array
    return found


SOURCES = {
    "memmap": _memmap,
    "zarr": lambda array, folder: zarr.array(array, chunks=(N_PER_BLOCK, *array.shape[1:])),
    "dask": lambda array, folder: dask.array.from_array(array, chunks=(N_PER_BLOCK, -1, -1, 4)),
    "list": lambda array, folder: _split(array),
}
"""Of blocks that can be read in any order, from arrays with four dimensions."""


@pytest.fixture
def small_memmaps(monkeypatch):
    monkeypatch.setattr("skae.blocks._find.LARGE", 1000)
    n_entries = N_PER_BLOCK * (NOISY[0].size + COLORS[0].size)
    monkeypatch.setattr("skae.blocks._pairs.BYTES_PER_SLICE", 8 * n_entries)
    monkeypatch.setattr("skae.blocks._slices.BYTES_PER_SLICE", 4 * N_PER_BLOCK * NOISY[0].size)


class TestStart:
    """Before any epoch, a fit by blocks is the optimum of the sample, here of all images."""

    @pytest.mark.parametrize("early_stopping", [True, False])
    @pytest.mark.parametrize("patch_size", [None, 5])
    def test_the_best_filter(self, early_stopping, patch_size):
        parameters = {
            "max_iter": 0,
            "early_stopping": early_stopping,
            "patch_size": patch_size,
        }
        X, y = NOISY.astype(float) + 300, 1e3 * COLORS.astype(float)
        expected = _fit(CASES["regressor"][0], X, y, **parameters)
        model = _fit(CASES["regressor"][0], _blocks(X), _blocks(y), **parameters)
        assert_allclose(model.predict(X), expected.predict(X), rtol=1e-7, atol=1e-6)
        assert_allclose(model.loss_curve_, expected.loss_curve_, rtol=0.05)
        assert model.target_image_shape_ == (3, 8, 8)

    def test_the_logistic_regression(self):
        estimator, X, y = CASES["segmenter"]
        parameters = {"max_iter": 0, "early_stopping": False}
        expected = _fit(estimator, X, y, **parameters).predict_proba(X)
        found = _fit(estimator, _blocks(X), _blocks(y), **parameters).predict_proba(X)
        assert_allclose(found, expected, atol=1e-4)

    def test_units_are_those_of_all_images(self):
        X = 100 + COLORS.astype(float) * np.array([1, 5, 25])[:, None, None]
        model = _fit(CASES["regressor"][0], _blocks(X), _blocks(X[:, :1]), patch_size=5)
        for units, maps in (model._units, X), (model._target_units, X[:, :1]):
            expected = ChannelsOf(maps).units
            assert_allclose(units.location, expected.location, rtol=1e-12)
            assert_allclose(units.scale, expected.scale, rtol=1e-12)

    def test_of_images_of_all_scales(self):
        for scale in (1e-30, 1e30):
            X, y = (scale * images.astype(float) for images in (NOISY, GREY))
            assert _fit(CASES["regressor"][0], _blocks(X), _blocks(y)).score(X, y) > 0.6


def _make_problem(X, y, n_per_block=N_PER_BLOCK, **parameters):
    model = clone(CASES["regressor"][0]).set_params(**parameters)
    given = _split(X, n_per_block), None if y is None else _split(y, n_per_block)
    return read_problem(model, *given, None, np.random.RandomState(0), ALONE)


def _served(problem, seed=0):
    """Return the images of an epoch, in their own units."""
    read = problem.stream.read(Generator().manual_seed(seed))
    batches = [problem.stream.as_batch(rows) for rows in read]
    X = np.concatenate([batch.inputs[0].numpy() for batch in batches])
    y = np.concatenate([batch.target.numpy() for batch in batches])
    return problem.units.leave(X, float), problem.target_units.leave(y, float)


# every pixel is told by its value
NUMBERED = np.arange(60 * 9 * 7, dtype=float).reshape(60, 1, 9, 7)


class TestStream:
    @pytest.mark.parametrize("n_per_block", [1, 5, 25, 60])
    @pytest.mark.parametrize("patch_size", [None, 4])
    def test_every_patch_is_learned_from_or_held_out(self, n_per_block, patch_size):
        y = np.concatenate([NUMBERED + 0.25, -NUMBERED], axis=1)
        problem = _make_problem(NUMBERED, y, n_per_block, patch_size=patch_size)
        learned, targets = _served(problem)
        n_patches = 1 if patch_size is None else 6
        assert len(learned) == problem.stream.n_rows
        assert len(learned) + len(problem.valid) == n_patches * 60
        images = [
            np.unique(np.rint(maps[:, 0]) // 63)
            for maps in (learned, problem.seen[problem.valid], problem.seen[problem.train])
        ]
        # whole images are held out, and all is in the sample here
        assert_array_equal(np.sort(np.concatenate(images[:2])), np.arange(60))
        assert_array_equal(images[0], images[2])
        assert set(np.rint(learned).ravel()) == set(problem.seen[problem.train].ravel())
        assert_allclose(targets[:, 0] - 0.25, learned[:, 0], atol=0.01)
        assert_allclose(targets[:, 1], -learned[:, 0], atol=0.01)
        assert_array_equal(problem.target[:, 1], -problem.seen[:, 0])

    def test_epochs_have_other_orders(self):
        problem = _make_problem(NUMBERED, None, corruption="gaussian", patch_size=4)
        one, again, other = (_served(problem, seed)[0] for seed in (0, 0, 1))
        assert_array_equal(one, again)
        assert (one != other).any()
        # patches of an image do not come one after the other
        image = np.rint(one[:, 0, 0, 0]) // 63
        assert (np.diff(image) == 0).mean() < 0.5

    def test_a_target_that_is_x_is_the_same_tensor(self):
        problem = _make_problem(NUMBERED, None, corruption="gaussian")
        batch = problem.stream.as_batch(next(problem.stream.read(Generator())))
        assert batch.target is batch.inputs[0]
        (inputs,), target = training_tensors(problem, problem.rows, np.float32)
        assert inputs is target
        part = problem.rows.take(problem.valid)
        assert part.target is part.seen

    def test_a_sample_of_more_than_fits(self, monkeypatch):
        monkeypatch.setattr("skae.rows._sample.SAMPLE_BYTES", 20 * 8 * 16)
        problem = _make_problem(NUMBERED, None, corruption="gaussian", patch_size=4)
        assert problem.seen.shape == (20, 1, 4, 4)
        assert len(problem.valid) == 5
        learned = {*np.rint(_served(problem)[0]).ravel()}
        assert {*problem.seen[problem.train].ravel()} <= learned
        assert not {*problem.seen[problem.valid].ravel()} & learned

    def test_large_images_are_a_few(self, monkeypatch):
        monkeypatch.setattr("skae.rows._sample.SAMPLE_BYTES", 1)
        problem = _make_problem(NUMBERED, None, corruption="gaussian")
        assert (len(problem.train), len(problem.valid)) == (6, 2)


class TestContracts:
    @over_cases
    def test_a_seed_gives_the_same_bits(self, estimator, X, y):
        model = _fit(estimator, _blocks(X), _blocks(y))
        _assert_same(model, _fit(estimator, _blocks(X), _blocks(y)), X)
        other = _fit(estimator, _blocks(X), _blocks(y), random_state=1)
        assert other.loss_curve_ != model.loss_curve_
        assert len(model.validation_curve_) == model.n_iter_ + 1 == 3

    @pytest.mark.parametrize("name", ["regressor, patches", "colorizer", "segmenter"])
    def test_it_is_as_good_as_in_memory(self, name):
        """As nearly as orders of images and first weights let two fits in memory be."""
        estimator, X, y = CASES[name]
        losses = []
        for given in (X, y), (_blocks(X), _blocks(y)):
            models = [
                _fit(estimator, *given, max_iter=10, early_stopping=False, random_state=seed)
                for seed in range(2)
            ]
            losses.append(np.mean([model.loss_curve_ for model in models], axis=0))
            assert all(model.n_iter_ == model.best_iter_ == 10 for model in models)
        (start, *_, end), (expected_start, *_, expected_end) = losses[1], losses[0]
        assert end < 0.95 * start
        assert_allclose(start, expected_start, rtol=0.01)
        assert_allclose(end, expected_end, rtol=0.06)

    @pytest.mark.parametrize("source", SOURCES)
    @pytest.mark.parametrize("has_patches", [False, True])
    def test_the_same_blocks_give_the_same_bits(self, source, has_patches, tmp_path, small_memmaps):
        given = [SOURCES[source](array, tmp_path) for array in (NOISY[:, None], COLORS)]
        parameters = {"patch_size": 5 if has_patches else None}
        model = _fit(CASES["regressor"][0], *given, **parameters)
        expected = _fit(CASES["regressor"][0], _split(NOISY[:, None]), _split(COLORS), **parameters)
        _assert_same(model, expected, NOISY)

    def test_arrays_of_different_kinds(self, tmp_path, small_memmaps):
        expected = _fit(CASES["regressor"][0], _split(NOISY[:, None]), _split(COLORS))
        for X, y in [
            (_memmap(NOISY, tmp_path), COLORS),
            (NOISY, zarr.array(COLORS, chunks=(N_PER_BLOCK, 3, 8, 8))),
            (zarr.array(NOISY, chunks=(N_PER_BLOCK, 8, 8)), _memmap(COLORS, tmp_path)),
            (
                dask.array.from_array(NOISY, chunks=(N_PER_BLOCK, 3, -1)),
                dask.array.from_array(COLORS, chunks=(7, 1, 8, 8)),
            ),
        ]:
            _assert_same(_fit(CASES["regressor"][0], X, y), expected, NOISY)

    def test_flattened_images_in_files(self, tmp_path):
        estimator, X, y = CASES["regressor, flattened"]
        paths = []
        for name, images in ("X", X), ("y", y.reshape(N_IMAGES, -1)):
            paths.append(tmp_path / f"{name}.parquet")
            frame = pd.DataFrame(images).rename(columns=str)
            frame.to_parquet(paths[-1], row_group_size=N_PER_BLOCK)
        model = _fit(estimator, *paths)
        assert len(model.feature_names_in_) == 64
        expected = model.predict(frame * 0 + X)[:N_PER_BLOCK]
        # the sums of float32 depend on how many images are in a batch
        assert_allclose(next(model.predict(paths[0])), expected, rtol=1e-5, atol=1e-6)

    def test_x_is_y(self):
        X = _blocks(NOISY)
        model = _fit(CASES["regressor"][0], X, X)
        assert X.n_passes == 1 + 1 + model.n_iter_  # survey, loss of the start, epochs
        _assert_same(model, _fit(CASES["regressor"][0], _blocks(NOISY), _blocks(NOISY)), NOISY)

    @over_cases
    def test_results_come_block_by_block(self, estimator, X, y):
        model = _fit(estimator, _blocks(X), _blocks(y))
        methods = ["predict", "predict_proba"] if isinstance(model, ImageSegmenter) else ["predict"]
        for method in methods:
            expected = getattr(model, method)(X)
            results = getattr(model, method)(Iterable([X[:0], *_split(X)]))
            none, first = next(results), next(results)
            assert none.shape == (0, *expected.shape[1:])
            assert first.dtype == expected.dtype
            assert len(first) == N_PER_BLOCK
            assert_allclose(np.concatenate([first, *results]), expected, rtol=1e-4, atol=1e-5)
        if y is not None:
            score = model.score(_blocks(X), Iterable([*_split(y), y[:0]][:-1]))
            assert_allclose(score, model.score(X, y), rtol=1e-5)

    def test_scores_of_colours_alone(self):
        estimator, X, _ = CASES["colorizer, colours"]
        model = _fit(estimator, _blocks(X))
        assert_allclose(model.score(_blocks(X)), model.score(X), rtol=1e-6)

    @pytest.mark.parametrize("name", ["regressor", "regressor, patches", "segmenter"])
    @pytest.mark.parametrize("spatial", [(8, 8), (8, 6)])
    def test_results_of_dask_are_lazy(self, name, spatial):
        model = _fit(*CASES[name])
        X = NOISY[:, : spatial[0], : spatial[1]]
        given = dask.array.from_array(X, chunks=(50, 3, 4))
        for method in ("predict", "predict_proba") if name == "segmenter" else ("predict",):
            expected, lazy = getattr(model, method)(X), getattr(model, method)(given)
            assert isinstance(lazy, dask.array.Array)
            assert lazy.shape == expected.shape
            assert lazy.dtype == expected.dtype
            found = lazy.compute(scheduler="sync")
            assert_allclose(found, expected, rtol=1e-4, atol=1e-5)

    def test_results_of_layouts_with_channels_last(self):
        X, y = np.moveaxis(COLORS, 1, -1), MASKS[..., None]
        model = _fit(CASES["segmenter"][0], _blocks(X), _blocks(y), channels="last")
        given = dask.array.from_array(X[:, :, :6], chunks=50)
        assert model.predict(given).compute(scheduler="sync").shape == (120, 8, 6, 1)
        lazy = model.predict_proba(given)
        assert lazy.shape == lazy.compute(scheduler="sync").shape == (120, 8, 6, 3)

    def test_large_memory_maps_give_arrays(self, tmp_path, small_memmaps):
        model = _fit(CASES["regressor"][0], NOISY, COLORS)
        given = _memmap(NOISY, tmp_path)
        assert type(model.predict(given)) is np.ndarray
        assert_allclose(model.predict(given), model.predict(NOISY), rtol=1e-5, atol=1e-6)
        assert_allclose(model.score(given, COLORS), model.score(NOISY, COLORS), rtol=1e-6)

    def test_integers(self, tmp_path, small_memmaps):
        whole = np.rint(255 * GREY).astype(np.uint8)
        model = _fit(CASES["regressor"][0], _memmap(whole, tmp_path), whole)
        assert model.predict(whole).dtype == np.float64
        assert model.score(whole, whole) > 0.99

    def test_blocks_of_one_image_and_of_none(self):
        sizes = np.cumsum([1] * 30 + [0, 0, N_IMAGES - 30])[:-1]
        X, y = (Iterable(np.split(array, sizes)) for array in (NOISY, GREY))
        model = _fit(CASES["regressor"][0], X, y)
        assert [len(images) for images in model.predict(X)][29:] == [1, 0, 0, 90]

    def test_lists_of_images_stay_lists_of_images(self):
        model = _fit(CASES["regressor"][0], list(NOISY), list(GREY))
        _assert_same(model, _fit(CASES["regressor"][0], NOISY, GREY), NOISY)
        assert model.predict(list(NOISY)).shape == NOISY.shape

    @over_cases
    def test_it_goes_on_from_another_fit(self, estimator, X, y):
        source = _fit(estimator, X, y, max_iter=6, learning_rate_init=0.01)
        model = _fit(estimator, _blocks(X), _blocks(y), warm_start=source, max_iter=0)
        assert_array_equal(model._units.location, source._units.location)
        assert_allclose(model.predict(X), source.predict(X), rtol=1e-5, atol=1e-6)

    def test_callbacks_and_progress(self, capsys):
        _fit(CASES["regressor"][0], _blocks(NOISY), _blocks(GREY), verbose=2)
        assert capsys.readouterr().out.count("epoch") >= 2


class TestSegmenter:
    def test_classes_of_all_blocks(self):
        """The last of three is in the last block alone."""
        names = np.array(["cell", "nucleus", "void"])
        y = np.where(MASKS == 2, 1, MASKS)
        y[-N_PER_BLOCK:] = MASKS[-N_PER_BLOCK:]
        estimator = CASES["segmenter"][0]
        model = _fit(estimator, _blocks(NOISY), _blocks(names[y]), class_weight="balanced")
        assert model.classes_.tolist() == names.tolist()
        assert next(model.predict(_blocks(NOISY))).dtype == names.dtype

    def test_weights_are_those_of_all_pixels(self):
        estimator, X, y = CASES["segmenter, patches"]
        model, given = clone(estimator), (_blocks(X), _blocks(y))
        problem = read_problem(model, *given, None, np.random.RandomState(0), ALONE)
        counts = np.bincount(y.ravel())[[0, 2]]
        assert_array_equal(problem.summaries.target.counts, counts)
        weight = find_class_weight("balanced", model.classes_, problem)
        assert_allclose(weight, counts.sum() / (2 * counts))

    def test_masks_in_a_list_without_an_axis_of_channels(self):
        estimator, X, y = CASES["segmenter"]
        in_lists = _split(X[:, None]), _split(y)
        model = _fit(estimator, *in_lists)
        same = _fit(estimator, in_lists[0], _split(y[:, None]))
        assert model.loss_curve_ == same.loss_curve_
        assert_array_equal(model.predict(X), same.predict(X)[:, 0])
        assert_allclose(model.score(*in_lists), model.score(X, y), rtol=1e-6)

    def test_images_without_labels(self):
        estimator, X, y = CASES["segmenter"]
        y = y.copy()
        y[:15], y[40:42] = 9, 9
        model = _fit(estimator, _blocks(X), _blocks(y), ignore_index=9)
        assert model.classes_.tolist() == [0, 1, 2]
        assert model.score(X, y) > 0.5

    def test_a_large_block_begins_with_images_without_labels(self, monkeypatch):
        estimator, X, y = CASES["segmenter"]
        monkeypatch.setattr("skae.blocks._find.LARGE", 1000)
        labelled = np.where(np.arange(N_IMAGES)[:, None, None] < N_IMAGES // 2, 9, y)
        model = _fit(estimator, [X[:, None]], [labelled], ignore_index=9)
        assert model.score(X, y) > 0.5

    def test_scores_with_blocks_that_are_background(self):
        estimator, X, y = CASES["segmenter"]
        model = _fit(estimator, X, y)
        y = np.where(np.arange(N_IMAGES)[:, None, None] < 25, 0, y)
        blocks = (Iterable(np.split(array, [3, 20, 25, 70])) for array in (X, y))
        assert_allclose(model.score(*blocks), model.score(X, y), rtol=1e-6)

    def test_an_autoencoder_beside(self):
        encoder = ConvAutoencoder(4, hidden_channels=(4, 4), max_iter=1, random_state=0).fit(NOISY)
        estimator, X, y = CASES["segmenter"]
        model = _fit(estimator, _blocks(X), _blocks(y), encoder=encoder)
        in_memory = _fit(estimator, X, y, encoder=encoder)
        assert_allclose(model.score(X, y), in_memory.score(X, y), atol=0.03)


CHANGES = {
    "NaN": (lambda rows: rows * np.nan, "cannot be used.*NaN"),
    "size": (lambda rows: rows[..., :5], "cannot be used.*8 x 5"),
    "fewer images": (lambda rows: rows[:4], "cannot be used: .*(X has|y has) 4"),
    "too large": (lambda rows: rows.astype(float) * 1e300, "cannot be used.*too large"),
    "no array": (lambda rows: "text", "cannot be used"),
    "error": (None, r"cannot be used: OSError\('gone'\)"),
}
"""What a block becomes, and what is said of it."""


class TestBroken:
    """A source that breaks off is told of by its block, and the last fit stays."""

    @pytest.mark.thinned(2)
    @pytest.mark.parametrize("moment", [1, 2, 4])
    @pytest.mark.parametrize("change", CHANGES)
    @pytest.mark.parametrize("broken", ["X", "y"])
    def test_it(self, moment, change, broken):
        function, message = CHANGES[change]
        model = _fit(CASES["regressor"][0], NOISY, GREY)
        before, predicted = model.__dict__.copy(), model.predict(NOISY)
        given = {"X": Iterable(_split(NOISY)), "y": Iterable(_split(GREY))}
        given[broken] = Changing(given[broken].blocks, moment, function)
        with pytest.raises(ValueError, match=f"Block 3 of .*{broken}.* {message}"):
            model.fit(**given)
        assert given[broken].n_passes == moment
        assert model.__dict__ == before
        assert_array_equal(model.predict(NOISY), predicted)

    @pytest.mark.thinned(1)
    @over_cases
    @pytest.mark.parametrize("moment", [1, 2, 3])
    def test_a_first_fit_leaves_nothing(self, moment, estimator, X, y):
        model = clone(estimator)
        with pytest.raises(ValueError, match="Block 3 of X cannot be used"):
            model.fit(Changing(_split(X), moment, None), _blocks(y))
        assert vars(model) == vars(clone(estimator))

    def test_fewer_images_of_both(self):
        X, y = (Changing(_split(array), 2, lambda rows: rows[:4]) for array in (NOISY, GREY))
        with pytest.raises(ValueError, match=r"Block 3 of X and y .*: it has 4 rows, but had 10"):
            _fit(CASES["regressor"][0], X, y)

    @pytest.mark.parametrize(
        ("n_later", "message"),
        [(5, "Block 5 of X and y is missing"), (13, "Block 12 .* there were only 12")],
    )
    def test_other_numbers_of_blocks(self, n_later, message):
        X, y = (Growing(_split(array), n_later) for array in (NOISY, GREY))
        with pytest.raises(ValueError, match=message):
            _fit(CASES["regressor"][0], X, y)

    def test_labels_that_were_not_there_before(self):
        y = Changing(_split(MASKS), 3, lambda rows: rows + 1)
        with pytest.raises(ValueError, match=r"Block 3 of X and y .*not seen in fit: 3"):
            _fit(CASES["segmenter"][0], _blocks(NOISY), y)

    def test_results_break_off_where_the_source_does(self):
        model = _fit(CASES["regressor"][0], NOISY, GREY)
        results = model.predict(Iterable([*_split(NOISY)[:2], NOISY * np.nan]))
        assert len(next(results)) == len(next(results)) == N_PER_BLOCK
        with pytest.raises(ValueError, match="Block 2 of X cannot be used: Input X contains NaN"):
            next(results)
        with pytest.raises(ValueError, match=r"Block 1 of X and y cannot be used: .*y has 9"):
            model.score(_blocks(NOISY), Iterable([GREY[:10], GREY[:9]]))


GREYS = _blocks(GREY)


class TestRefused:
    @pytest.mark.parametrize(
        ("name", "x", "y", "message"),
        [
            ("regressor", GREYS, None, "requires y to be passed"),
            ("segmenter", GREYS, None, "requires y to be passed"),
            ("colorizer", GREYS, None, "Block 0 of X .* grey images, and the target y is None"),
            ("colorizer", GREYS, _blocks(2 * COLORS), r"Block 0 of X and y .*y has values from"),
            ("regressor", GREYS, GREY, "X comes in blocks, but y, a ndarray, does not"),
            ("regressor", iter(_split(GREY)), None, "gone through only once"),
            ("regressor", GREYS, _blocks(GREY[:-10]), "Block 11 of y is missing"),
            ("regressor", GREYS, _blocks(GREY[:, :6]), "Block 0 .* 8 x 8 pixels, and y of 6 x 8"),
            ("segmenter", GREYS, _blocks(0 * MASKS), "at least two different labels"),
            ("segmenter", GREYS, _blocks(GREY), "Block 0 of y .* numbers with a fraction"),
            ("regressor", Iterable([GREY[:0]]), Iterable([GREY[:0]]), "X has no rows"),
            ("segmenter", Iterable([GREY[:0]]), Iterable([GREY[:0]]), "at least two different"),
            ("regressor", Iterable([GREY[:1]]), Iterable([GREY[:1]]), "There is a single image"),
            ("regressor", Iterable([]), Iterable([]), "X has no rows"),
        ],
    )
    def test_fit(self, name, x, y, message):
        with pytest.raises(ValueError, match=message):
            _fit(CASES[name][0], x, y)

    @pytest.mark.parametrize(
        "estimator", [ConvAutoencoder(2), CASES["regressor, clean images"][0]], ids=["rows", "maps"]
    )
    @pytest.mark.parametrize(
        ("n_arrays", "message"), [(1, r"DataLoader\(tensor\)"), (2, "Give the rows alone")]
    )
    def test_loaders_of_several_arrays(self, estimator, n_arrays, message):
        """Not taken as images of so many channels."""
        images = from_numpy(GREY)
        loader = DataLoader(TensorDataset(*[images] * n_arrays), 40)
        model = _fit(estimator, DataLoader(images, 40), max_iter=1)
        for method in (clone(estimator).fit, model.fit, getattr(model, "predict", model.score)):
            with pytest.raises(ValueError, match=f"Block 0 of X .*: its type is list.*{message}"):
                list(method(loader))

    def test_parameters(self):
        with pytest.raises(ValueError, match="2 x 2 pixels are too small for a filter of size 7"):
            _fit(CASES["regressor"][0], GREYS, GREYS, patch_size=2, filter_size=7)
        with pytest.raises(ValueError, match="network for color_space='rgb'"):
            _fit(
                CASES["colorizer"][0],
                GREYS,
                _blocks(COLORS),
                color_space="rgb",
                warm_start=_fit(*CASES["colorizer"]),
            )

    def test_a_constant_y_for_ssim(self):
        with pytest.raises(ValueError, match="needs images that vary"):
            _fit(CASES["regressor, patches"][0], GREYS, _blocks(0 * GREY), patch_size=7)

    def test_scores_of_nothing(self):
        for name in ("regressor", "segmenter"):
            with pytest.raises(ValueError, match="X has no rows: all of its blocks are empty"):
                _fit(*CASES[name]).score(Iterable([GREY[:0]]), Iterable([GREY[:0]]))


class DiedError(BaseException):
    """What no code catches."""


@pytest.mark.parametrize("name", ["regressor, clean images", "segmenter"])
def test_a_fit_that_died_goes_on(name, tmp_path, monkeypatch):
    estimator, X, y = CASES[name]
    expected = _fit(estimator, _blocks(X), _blocks(y), max_iter=5)
    save = Checkpoint.save

    def save_and_die(checkpoint, state):
        save(checkpoint, state)
        raise DiedError

    parameters = {"max_iter": 5, "checkpoint": tmp_path, "checkpoint_every": 2}
    monkeypatch.setattr(Checkpoint, "save", save_and_die)
    for _ in range(2):
        with suppress(DiedError):
            _fit(estimator, _blocks(X), _blocks(y), **parameters)
        assert len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr(Checkpoint, "save", save)
    # other images have a file of their own
    _fit(estimator, _blocks(X[:-10]), None if y is None else _blocks(y[:-10]), **parameters)
    # so have the same images, or labels, upside down
    upside_down = (X[:, ::-1], None) if y is None else (X, y[:, ::-1])
    _fit(
        estimator, *(part if part is None else _blocks(part) for part in upside_down), **parameters
    )
    assert len(list(tmp_path.iterdir())) == 1
    _assert_same(_fit(estimator, _blocks(X), _blocks(y), **parameters), expected, X)
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_the_images(monkeypatch):
    """Of 2 x 24 MB, a fit holds what some blocks and a sample take; torch's part is not counted."""
    monkeypatch.setattr("skae.rows._sample.SAMPLE_BYTES", 2**20)
    monkeypatch.setattr("skae.rows._stream.POOL_BYTES", 2**20)
    monkeypatch.setattr("skae.starts._linear_filter.ENTRIES_AT_ONCE", 2**18)
    block = np.random.default_rng(0).normal(size=(64, 64, 64)).astype(np.float32)  # 1 MB

    class Repeated:
        def __iter__(self):
            return (block + number for number in range(24))

    model = clone(CASES["regressor"][0]).set_params(max_iter=1, patch_size=32, batch_size=64)
    model.fit(block, block)
    tracemalloc.start()
    try:
        model.fit(Repeated(), Repeated())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 24 * 2**20
