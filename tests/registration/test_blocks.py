"""Fits of deformations to images in blocks: the start, the result, the contracts, the errors."""

from contextlib import suppress

import dask.array
import numpy as np
import pytest
import zarr
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skae.datasets import make_deformed_shapes
from skae.engine import ALONE, Checkpoint
from skae.fitting._read import read_problem
from skae.objectives import IGNORED
from skae.registration import AtlasSegmenter, DiffeomorphicAutoencoder, GeoSICClassifier

N_IMAGES, N_PER_BLOCK = 60, 7
SHAPES = make_deformed_shapes(N_IMAGES, n_classes=2, size=16, random_state=0)
X, CLASSES, MASKS = SHAPES.images, SHAPES.target, SHAPES.masks.astype(int)
PARTLY = np.where(np.arange(N_IMAGES)[:, None, None] < 45, 255, MASKS)
QUICK = {"hidden_channels": (4, 4), "max_iter": 2, "batch_size": 16, "random_state": 0}
LABELS = QUICK | {"base_channels": 2, "refine_steps": 1}
CASES = {
    "autoencoder": (DiffeomorphicAutoencoder(3, **QUICK), None),
    "correlation": (DiffeomorphicAutoencoder(3, similarity="ncc", affine=False, **QUICK), None),
    "classifier": (GeoSICClassifier(3, **QUICK), CLASSES),
    "atlases": (GeoSICClassifier(3, per_class_atlas=True, **QUICK), CLASSES),
    "segmenter": (AtlasSegmenter(3, **LABELS), MASKS),
    "few labels": (AtlasSegmenter(3, ignore_index=255, **LABELS), PARTLY),
}
"""An estimator that is quick, and y."""
over_cases = pytest.mark.parametrize("name", CASES)


class Iterable:
    """Yields blocks, anew at every call; one of them changes, or breaks off, in one pass."""

    def __init__(self, blocks, moment=0, change=None):
        self.blocks = blocks
        self.moment = moment
        self.change = change
        self.n_passes = 0

    def __iter__(self):
        self.n_passes += 1
        for number, block in enumerate(self.blocks):
            is_changed = number == 3 and self.n_passes == self.moment
            if is_changed and self.change is None:
                raise OSError("gone")
            yield self.change(block) if is_changed else block


def cut(array, n_per_block=N_PER_BLOCK):
    return np.split(array, range(n_per_block, len(array), n_per_block))


def in_blocks(array, n_per_block=N_PER_BLOCK):
    """Return blocks of images or masks; classes stay one array."""
    is_small = array is None or array.ndim == 1
    return array if is_small else Iterable(cut(array, n_per_block))


def fit(name, *data, **parameters):
    estimator, y = CASES[name]
    return clone(estimator).set_params(**parameters).fit(*(data or (X, y)))


def fit_blocks(name, **parameters):
    return fit(name, in_blocks(X), in_blocks(CASES[name][1]), **parameters)


class TestStart:
    @over_cases
    @pytest.mark.parametrize("is_held_out", [True, False])
    def test_the_atlas_is_the_mean_of_all_training_images(self, name, is_held_out, monkeypatch):
        """Also where the sample has room for few of them."""
        monkeypatch.setattr("skae.rows._sample.SAMPLE_BYTES", 1)
        monkeypatch.setattr("skae.rows._kinds.RowKind.min_sampled", 12)
        shifted = X * 5 + 100
        given = in_blocks(shifted), in_blocks(CASES[name][1])
        model = clone(CASES[name][0]).set_params(early_stopping=is_held_out, max_iter=0)
        problem = read_problem(model, *given, None, np.random.RandomState(0), ALONE)
        assert len(problem.train) + len(problem.valid) <= 12
        model.fit(*given)
        assert_allclose(model.mean_, shifted.reshape(N_IMAGES, -1).mean(axis=0), rtol=1e-12)
        if name != "atlases" and not is_held_out:
            assert_allclose(model.atlas_, shifted.mean(axis=0), rtol=1e-12)
        assert_allclose(model.displacement(X), 0, atol=1e-12)

    @over_cases
    def test_it_is_that_of_a_fit_in_memory(self, name):
        """The sample has room for all images."""
        parameters = {"early_stopping": False, "max_iter": 0}
        one, other = fit(name, **parameters), fit_blocks(name, **parameters)
        assert_allclose(other.atlas_, one.atlas_, rtol=1e-9, atol=1e-12)
        assert_allclose(other.loss_curve_, one.loss_curve_, rtol=1e-5)
        assert_allclose(other._units.scale, one._units.scale, rtol=1e-12)
        if name in ("classifier", "segmenter", "few labels"):
            assert_allclose(other.predict_proba(X), one.predict_proba(X), atol=1e-6)


def test_fits_are_as_good_as_in_memory():
    y = {"autoencoder": None, "classifier": CLASSES, "segmenter": MASKS}
    for name, labels in y.items():
        parameters = {"max_iter": 12, "hidden_channels": (8, 8), "n_components": 4}
        one, other = fit(name, **parameters), fit_blocks(name, **parameters)
        assert other.best_iter_ > 0
        assert other.score(X, labels) > one.score(X, labels) - 0.1


METHODS = "transform", "reconstruct", "score_samples", "displacement", "inverse_displacement"
PREDICTIONS = "predict", "predict_proba", "predict_pixelwise", "refine"


class TestContracts:
    def test_labels_are_propagated_from_arrays_alone(self):
        model = fit("autoencoder", max_iter=1)
        for given in ((in_blocks(X), MASKS, X), (X, MASKS, in_blocks(X))):
            with pytest.raises(
                ValueError, match="comes in blocks, but an array in memory is needed"
            ):
                model.propagate_labels(*given[:2], X_labelled=given[2])

    @over_cases
    def test_methods_give_blocks(self, name):
        model = fit(name, max_iter=1)
        for method in (*METHODS, *PREDICTIONS):
            if not hasattr(model, method):
                continue
            function = getattr(model, method)
            found, expected = [*function(in_blocks(X))], function(X)
            assert [len(part) for part in found] == [7] * 8 + [4]
            assert {part.dtype for part in found} == {expected.dtype}
            assert_allclose(np.concatenate(found), expected, rtol=1e-6, atol=1e-6)
            # blocks without images have the same shapes
            empty = next(iter(function(Iterable([X[:0], X[:2]]))))
            assert empty.shape == (0, *expected.shape[1:])
            lazy = function(dask.array.from_array(X, chunks=(25, -1, -1)))
            assert lazy.shape == expected.shape
            assert lazy.dtype == expected.dtype

    @over_cases
    def test_scores_are_those_of_arrays(self, name):
        model, y = fit(name, max_iter=1), CASES[name][1]
        expected = model.score(X, y)
        assert_allclose(model.score(in_blocks(X), in_blocks(y)), expected, rtol=1e-6)
        given = dask.array.from_array(X, chunks=(25, -1, -1))
        beside = y if y is None or y.ndim == 1 else dask.array.from_array(y, chunks=(9, -1, -1))
        assert_allclose(model.score(given, beside), expected, rtol=1e-6)

    @over_cases
    def test_sources(self, name, tmp_path, monkeypatch):
        expected = fit_blocks(name)
        monkeypatch.setattr("skae.blocks._find.LARGE", 1000)
        y = CASES[name][1]
        mapped = np.memmap(tmp_path / "X", X.dtype, "w+", shape=X.shape)
        mapped[:] = X
        for given in (mapped, zarr.array(X, chunks=(7, 16, 16)), dask.array.from_array(X, 20)):
            model = fit(name, given, y)
            assert_allclose(model.loss_curve_, expected.loss_curve_, rtol=0.1)

    @over_cases
    def test_a_seed_gives_the_same_bits(self, name):
        one, other = fit_blocks(name), fit_blocks(name)
        assert one.loss_curve_ == other.loss_curve_
        assert_array_equal(one.transform(X), other.transform(X))

    def test_masks_come_back_in_their_layout(self):
        flat = MASKS.reshape(N_IMAGES, -1)
        model = fit("segmenter", in_blocks(X), in_blocks(flat))
        assert next(model.predict(in_blocks(X))).shape == (7, 256)
        assert next(model.predict_proba(in_blocks(X))).shape == (7, 2, 256)

    def test_a_class_in_the_last_block_alone(self):
        names = np.where(MASKS, "shape", "ground")
        names[-3:] = np.where(MASKS[-3:], "other", "ground")
        model = fit("segmenter", in_blocks(X), in_blocks(names))
        assert model.classes_.tolist() == ["ground", "other", "shape"]


def split_labels(y, n_per_block, **parameters):
    """Return the numbers of labelled images to learn from and held out, in a fit by blocks."""
    model = clone(CASES["few labels"][0]).set_params(**parameters)
    given = in_blocks(X, n_per_block), in_blocks(y, n_per_block)
    problem = read_problem(model, *given, None, np.random.RandomState(0), ALONE)
    is_labelled = (problem.rows.beside != IGNORED).any(axis=1)
    assert len(problem.train) + len(problem.valid) == N_IMAGES
    return int(is_labelled[problem.train].sum()), int(is_labelled[problem.valid].sum())


class TestFewLabels:
    @pytest.mark.parametrize("n_per_block", [3, 7, 30, 60])
    @pytest.mark.parametrize("first", range(0, 60, 11))
    @pytest.mark.parametrize("n_labelled", [1, 2, 5])
    def test_labels_are_on_both_sides(self, n_per_block, first, n_labelled):
        """Blocks are held out whole if there are ten of them, else rows of each block."""
        y = np.full_like(MASKS, 255)
        y[first : first + n_labelled] = MASKS[first : first + n_labelled]
        train, valid = split_labels(y, n_per_block)
        assert train > 0
        assert train + valid == n_labelled
        assert (valid > 0) == (n_labelled > 1)

    def test_a_drawing_that_is_good_is_kept(self):
        one, other = (
            read_problem(
                clone(CASES["few labels"][0]),
                in_blocks(X),
                in_blocks(y),
                None,
                np.random.RandomState(0),
                ALONE,
            )
            for y in (PARTLY, MASKS)
        )
        assert_array_equal(one.rows.seen[one.valid], other.rows.seen[other.valid])

    def test_without_held_out_images_all_are_learned_from(self):
        assert split_labels(PARTLY, 7, early_stopping=False) == (15, 0)

    def test_a_fit(self):
        model = fit("few labels", in_blocks(X), in_blocks(PARTLY), max_iter=6)
        assert model.classes_.tolist() == [0, 1]
        assert model.score(in_blocks(X), in_blocks(MASKS)) > 0.7


CHANGES = {
    "NaN": (lambda rows: rows * np.nan, "cannot be used.*NaN"),
    "size": (lambda rows: rows[..., :5], "cannot be used.*"),
    "fewer images": (lambda rows: rows[:4], "cannot be used: "),
    "error": (None, r"cannot be used: OSError\('gone'\)"),
}


# in the first pass, a block may have any number of images
MOMENTS = [(c, m) for c in CHANGES for m in (1, 2, 3) if (c, m) != ("fewer images", 1)]


class TestBroken:
    """A source that breaks off is told of by its block, and the last fit stays."""

    @pytest.mark.parametrize(("change", "moment"), MOMENTS)
    @pytest.mark.parametrize("name", ["autoencoder", "classifier", "segmenter"])
    def test_of_images(self, name, change, moment):
        function, message = CHANGES[change]
        model = fit(name, max_iter=1)
        before, codes = model.__dict__.copy(), model.transform(X)
        model.set_params(max_iter=3)
        before["max_iter"] = 3
        given = Iterable(cut(X), moment, function)
        y = CASES[name][1]
        with pytest.raises(ValueError, match=f"Block 3 of .*{message}"):
            model.fit(given, in_blocks(y))
        assert model.__dict__ == before
        assert_array_equal(model.transform(X), codes)

    @pytest.mark.parametrize("moment", [2, 3])
    def test_of_masks(self, moment):
        masks = Iterable(cut(MASKS), moment, lambda rows: rows + 5)
        with pytest.raises(ValueError, match=r"Block 3 of X and y cannot be used: .*not seen in f"):
            fit("segmenter", in_blocks(X), masks)

    @over_cases
    def test_a_first_fit_leaves_nothing(self, name):
        model = clone(CASES[name][0])
        with pytest.raises(ValueError, match="Block 3 of X cannot be used: OSError"):
            model.fit(Iterable(cut(X), 2), in_blocks(CASES[name][1]))
        assert vars(model) == vars(clone(model))


@pytest.mark.parametrize(
    ("name", "given", "y", "message"),
    [
        ("classifier", in_blocks(X), None, "GeoSICClassifier requires y"),
        ("classifier", in_blocks(X), CLASSES[:50], "y has 50"),
        ("classifier", in_blocks(X), 0 * CLASSES, "at least two classes"),
        ("segmenter", in_blocks(X), None, "AtlasSegmenter requires y"),
        ("segmenter", in_blocks(X), MASKS, "X comes in blocks, but y, a ndarray, does not"),
        ("segmenter", in_blocks(X), in_blocks(MASKS[:50]), r"Block \d of X and y|Block 8 of y is"),
        ("segmenter", in_blocks(X), in_blocks(0 * MASKS), "at least two different labels"),
        ("segmenter", in_blocks(X), Iterable(cut(CLASSES)), "one label for every image"),
        ("autoencoder", iter(cut(X)), None, "gone through only once"),
        ("autoencoder", Iterable([X[:0]]), None, "X has no rows"),
        ("autoencoder", Iterable([X[:1]]), None, "minimum of 2"),
    ],
)
def test_what_cannot_be_learned_is_refused(name, given, y, message):
    with pytest.raises(ValueError, match=message):
        fit(name, given, y)


@pytest.mark.parametrize("method", ["warp", "propagate_labels"])
def test_methods_of_several_arrays_want_them_in_memory(method):
    model = fit("autoencoder", max_iter=0)
    arguments = [MASKS[0]] if method == "propagate_labels" else []
    with pytest.raises(ValueError, match="comes in blocks, but an array in memory is needed"):
        getattr(model, method)(in_blocks(X), *arguments)


class DiedError(BaseException):
    """An error that no code catches."""


@pytest.mark.parametrize("name", ["atlases", "few labels"])
def test_a_fit_that_died_goes_on(name, tmp_path, monkeypatch):
    expected = fit_blocks(name, max_iter=5)
    save = Checkpoint.save

    def save_and_die(checkpoint, state):
        save(checkpoint, state)
        raise DiedError

    parameters = {"max_iter": 5, "checkpoint": tmp_path, "checkpoint_every": 2}
    monkeypatch.setattr(Checkpoint, "save", save_and_die)
    for _ in range(2):
        with suppress(DiedError):
            fit_blocks(name, **parameters)
        assert len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr(Checkpoint, "save", save)
    model = fit_blocks(name, **parameters)
    assert model.loss_curve_ == expected.loss_curve_
    assert_array_equal(model.transform(X), expected.transform(X))
    assert list(tmp_path.iterdir()) == []
