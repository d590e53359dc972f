"""Images, signals and volumes in any layout."""

import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

from skae import ConvAutoencoder
from skae.engine import ALONE, Batch
from skae.fitting._loaders import choose_batch_size
from skae.fitting._read import read_problem
from skae.fitting._training import Training
from skae.metrics import neg_reconstruction_error_scorer, reconstruction_r2_scorer
from skae.networks import ConvArchitecture
from skae.rows._problem import training_tensors
from skae.rows._rows import Split

RNG = np.random.default_rng(0)
LAYOUTS = {
    "grey images": ((8, 7), {}, (1, 8, 7)),
    "images": ((3, 8, 7), {}, (3, 8, 7)),
    "images, channels last": ((8, 7, 3), {"channels": "last"}, (8, 7, 3)),
    "signals": ((30,), {}, (1, 30)),
    "signals, channels last": ((30, 4), {"channels": "last"}, (30, 4)),
    "signals with channels": ((4, 30), {"image_shape": (4, 30)}, (4, 30)),
    "flattened images": ((56,), {"image_shape": (1, 8, 7)}, (1, 8, 7)),
    "flattened, channels last": (
        (168,), {"image_shape": [8, 7, 3], "channels": "last"}, (8, 7, 3),
    ),
    "volumes": ((2, 3, 5, 4), {}, (2, 3, 5, 4)),
    "grey volumes": ((3, 5, 4), {"image_shape": (1, 3, 5, 4)}, (1, 3, 5, 4)),
    "one by n": ((1, 1, 28), {}, (1, 1, 28)),
    "n by one": ((28, 1), {}, (1, 28, 1)),
    "one entry": ((1,), {}, (1, 1)),
}  # fmt: skip
SMALL = {"hidden_channels": (4, 6), "kernel_size": 3, "random_state": 0}


@pytest.fixture(scope="module")
def images():
    return load_digits().images


@pytest.fixture(scope="module")
def fitted(images):
    return ConvAutoencoder(6, max_iter=3, random_state=0).fit(images)


@pytest.mark.parametrize("layout", LAYOUTS)
class TestLayouts:
    def test_what_goes_in_comes_out(self, layout):
        row, parameters, shape = LAYOUTS[layout]
        X = RNG.normal(size=(20, *row))
        fitted = ConvAutoencoder(2, max_iter=2, **SMALL, **parameters).fit(X)
        assert fitted.image_shape_ == shape
        assert fitted.n_features_in_ == np.prod(row)
        codes = fitted.transform(X)
        assert codes.shape == (20, 2)
        assert fitted.inverse_transform(codes).shape == X.shape
        assert fitted.reconstruct(X).shape == X.shape
        assert fitted.sample(3, random_state=0).shape == (3, *row)
        assert fitted.score_samples(X).shape == (20,)
        flat = X.reshape(20, -1)
        assert_array_equal(fitted.transform(flat), codes)
        assert_array_equal(fitted.reconstruct(flat), fitted.reconstruct(X))
        assert_array_equal(fitted.transform(X.reshape(20, *shape)), codes)

    def test_the_start_is_pca(self, layout):
        row, parameters, _ = LAYOUTS[layout]
        X = RNG.normal(size=(40, *row))
        flat = X.reshape(40, -1)
        n_components = min(3, flat.shape[1])
        pca = PCA(n_components).fit(flat)
        start = ConvAutoencoder(n_components, max_iter=0, **parameters).fit(X)
        expected = pca.inverse_transform(pca.transform(flat))
        assert_allclose(start.reconstruct(X).reshape(40, -1), expected, atol=1e-9)
        assert start.score(X) == pytest.approx(pca.explained_variance_ratio_.sum())


class TestRefusals:
    def test_a_shape_that_does_not_fit(self):
        with pytest.raises(
            ValueError, match=r"n_features=100 does not match image_shape=\(1, 28, 28\)"
        ):
            ConvAutoencoder(image_shape=(1, 28, 28)).fit(np.zeros((5, 100)))
        with pytest.raises(ValueError, match=r"X with images of shape \(9, 8\) does not match"):
            ConvAutoencoder(image_shape=(1, 8, 8)).fit(np.zeros((5, 9, 8)))

    @pytest.mark.parametrize(
        ("row", "channels", "other"),
        [
            ((32, 30, 3), "first", "last"),
            ((3, 32, 30), "last", "first"),
            ((28, 28, 1), "first", "last"),
        ],
    )
    def test_channels_on_the_other_side(self, row, channels, other):
        with pytest.raises(ValueError, match=f"set channels='{other}'"):
            ConvAutoencoder(channels=channels).fit(np.zeros((5, *row)))

    @pytest.mark.parametrize("row", [(8, 8, 8, 1), (16, 15, 3)])
    def test_also_in_volumes_and_unless_the_shape_is_given(self, row):
        X = RNG.normal(size=(9, *row))
        with pytest.raises(ValueError, match="set channels='last'"):
            ConvAutoencoder().fit(X)
        with pytest.warns(UserWarning, match="set channels='last'"):
            fitted = ConvAutoencoder(1, image_shape=row, max_iter=0, **SMALL).fit(X)
        assert fitted._network.architecture.layout.n_channels == row[0]

    @pytest.mark.parametrize("row", [(6, 4, 3), (3, 4, 6), (6, 1, 3)])
    def test_small_images_may_be_anything(self, row):
        X = RNG.normal(size=(9, *row))
        for channels in ("first", "last"):
            ConvAutoencoder(1, channels=channels, max_iter=0, **SMALL).fit(X)

    @pytest.mark.parametrize(("row", "image_shape"), [((64,), (8, 8)), ((50, 3), (50, 3))])
    def test_signals_that_look_like_images(self, row, image_shape):
        with pytest.warns(UserWarning, match=r"For grey images, set image_shape=\(1, 8|like 3"):
            ConvAutoencoder(1, image_shape=image_shape, max_iter=0, **SMALL).fit(
                RNG.normal(size=(9, *row))
            )
        with pytest.raises(ValueError, match="channels by channels='last'"):
            ConvAutoencoder(channels="last").fit(np.zeros((5, 8, 8)))

    def test_too_many_dimensions(self):
        with pytest.raises(ValueError, match="X has 6 dimensions"):
            ConvAutoencoder().fit(np.zeros((5, 2, 2, 2, 2, 2)))

    @pytest.mark.parametrize("row", [(7, 8), (1, 7, 8), (8, 8, 1), (2, 8, 8)])
    def test_other_images_than_in_fit(self, fitted, row):
        with pytest.raises(ValueError, match="is expecting images of shape"):
            fitted.transform(np.zeros((5, *row)))

    @pytest.mark.parametrize("row", [(8, 8), (2, 8, 8), (2, 9), (3, 4, 5)])
    def test_a_single_image(self, row):
        X = RNG.normal(size=(9, *row))
        fitted = ConvAutoencoder(1, max_iter=0, **SMALL).fit(X)
        with pytest.raises(ValueError, match=r"that of a single image, .* Give X\[None\]"):
            fitted.transform(X[0])
        assert_array_equal(fitted.transform(X[0][None]), fitted.transform(X[:1]))

    def test_a_single_image_that_is_an_array_of_one_without_its_channel(self, images, fitted):
        assert_array_equal(fitted.transform(images[:1, None][0]), fitted.transform(images[:1]))

    def test_other_images_than_those_of_a_warm_start(self, images, fitted):
        with pytest.raises(ValueError, match="same features"):
            ConvAutoencoder(6, warm_start=fitted).fit(images[:, :6])
        with pytest.raises(ValueError, match="same shape"):
            ConvAutoencoder(6, warm_start=fitted).fit(images.reshape(-1, 64))

    @pytest.mark.parametrize("bad", [np.nan, np.inf, 1e39])
    def test_bad_values(self, images, bad):
        X = images[:10].copy()
        X[3, 4, 5] = bad
        with pytest.raises(ValueError, match="Input X contains"):
            ConvAutoencoder().fit(X)

    def test_no_images(self):
        with pytest.raises(ValueError, match="0 sample"):
            ConvAutoencoder().fit(np.zeros((0, 8, 8)))
        with pytest.raises(ValueError, match="0 feature"):
            ConvAutoencoder().fit(np.zeros((5, 0, 8)))
        with pytest.raises(ValueError, match="minimum of 2"):
            ConvAutoencoder().fit(np.zeros((1, 8, 8)))

    @pytest.mark.parametrize("layer", [3, -4, 1.5, "last"])
    def test_layers_that_are_not_there(self, fitted, images, layer):
        with pytest.raises(ValueError, match="layer must be an int from -3 to 2"):
            fitted.feature_maps(images, layer)


def _blobs(n, seed, size=16):
    """Return images of one bright spot each, somewhere."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(3, size - 3, size=(n, 2, 1))
    axis = np.square(np.arange(size) - places)  # (n, 2, size)
    return np.exp(-(axis[:, 0, :, None] + axis[:, 1, None]) / 4)


def _all_moves(image, channels):
    """Return an image moved by up to two entries and mirrored, in every way."""
    axes = (1, 2) if channels == "first" else (0, 1)
    margins = [(2, 2) if axis in axes else (0, 0) for axis in range(3)]
    padded = np.pad(image, margins, mode="edge")
    for i in range(5):
        for j in range(5):
            window = [slice(None)] * 3
            window[axes[0]] = slice(i, i + image.shape[axes[0]])
            window[axes[1]] = slice(j, j + image.shape[axes[1]])
            moved = padded[tuple(window)]
            yield from (moved, np.flip(moved, axes[1]))


class TestTraining:
    def test_it_beats_pca_by_far_where_images_move(self):
        train, test = _blobs(400, 0), _blobs(400, 1)
        conv = ConvAutoencoder(4, max_iter=20, random_state=0).fit(train)
        pca = PCA(4).fit(train.reshape(400, -1))
        error = -neg_reconstruction_error_scorer(pca, test.reshape(400, -1))
        assert -neg_reconstruction_error_scorer(conv, test) < 0.1 * error

    @pytest.mark.parametrize(
        ("augment", "change"),
        [
            ("shift", lambda X: np.pad(X, ((0, 0), (1, 0), (1, 0)), mode="edge")[:, :-1, :-1]),
            (["flip"], lambda X: X[:, :, ::-1]),
        ],
    )
    def test_augmented_networks_know_moved_images(self, images, augment, change):
        train, moved = images[:1200], change(images[1200:])
        plain, augmented = (
            ConvAutoencoder(
                16, init="random", augment=a, max_iter=8, early_stopping=False, random_state=0
            ).fit(train)
            for a in (None, augment)
        )
        assert augmented.score(moved) > plain.score(moved) + 0.05

    @pytest.mark.parametrize("loss", ["squared_error", "binary_crossentropy"])
    def test_images_are_mirrored_not_what_differs_from_their_mean(self, loss):
        """The mean image is a ramp: a mirrored one has the ramp on the other side."""
        X = np.clip(np.linspace(0.1, 0.9, 8) + RNG.normal(scale=0.03, size=(300, 8, 8)), 0, 1)
        fitted = ConvAutoencoder(
            4, init="random", loss=loss, augment="flip", max_iter=20, random_state=0
        ).fit(X)
        for images in (X, X[:, :, ::-1]):
            assert np.square(fitted.reconstruct(images) - images).mean() < 0.01

    @pytest.mark.parametrize("channels", ["first", "last"])
    @pytest.mark.parametrize("loss", ["squared_error", "binary_crossentropy"])
    def test_batches_hold_moved_and_then_corrupted_images(self, channels, loss):
        X = RNG.random((200, 2, 6, 5))
        X = X if channels == "first" else np.moveaxis(X, 1, -1)
        estimator = ConvAutoencoder(
            2, channels=channels, loss=loss, augment=("shift", "flip"), max_shift=2,
            corruption="masking", corruption_level=0.5, random_state=0,
        )  # fmt: skip
        random_state = np.random.RandomState(0)
        problem = read_problem(estimator, X, None, None, random_state, ALONE)
        inputs, target = training_tensors(problem, problem.rows, np.float64)
        train, held_out = estimator._make_recipe(problem, random_state).changes
        batch = train(Batch(inputs, target))
        leave = problem.units.leave
        is_own = loss == "binary_crossentropy"
        moved = batch.target.numpy() if is_own else leave(batch.target.numpy(), np.float64)
        for image, before in zip(moved.reshape(X.shape)[:20], X[:20], strict=True):
            assert any(np.allclose(image, other) for other in _all_moves(before, channels))
        seen = leave(batch.inputs[0].numpy(), np.float64)
        zero = problem.units.enter(0 * problem.units.location).astype(np.float32)
        is_masked = batch.inputs[0].numpy() == zero
        assert 0.4 < is_masked.mean() < 0.6
        assert_allclose(seen[~is_masked], moved[~is_masked])
        still = held_out(Batch(inputs, target))
        assert still.target is target
        assert 0.4 < (still.inputs[0].numpy() == zero).mean() < 0.6

    def test_moves_that_leave_nothing(self):
        with pytest.raises(ValueError, match="must be below the size of the images, 5"):
            ConvAutoencoder(augment="shift", max_shift=5).fit(RNG.normal(size=(9, 1, 6, 5)))

    def test_kernels_that_would_not_see_all_pixels(self):
        X = RNG.normal(size=(9, 6, 5))
        with pytest.raises(ValueError, match="must be at least 3 with pooling='stride'"):
            ConvAutoencoder(kernel_size=1).fit(X)
        ConvAutoencoder(kernel_size=1, pooling="max", max_iter=1).fit(X)

    def test_random_networks_learn_too(self, images):
        fitted = ConvAutoencoder(8, init="random", max_iter=10, random_state=0).fit(images)
        assert fitted.score(images) > 0.6

    def test_a_denoiser_beats_one_that_saw_no_noise(self, images):
        X = images / 16
        noisy = X[1200:] + RNG.normal(scale=0.25, size=X[1200:].shape)
        plain, denoiser = (
            ConvAutoencoder(
                24, corruption=corruption, corruption_level=0.25, augment="shift", max_iter=6,
                random_state=0,
            ).fit(X[:1200])
            for corruption in (None, "gaussian")
        )  # fmt: skip
        errors = [np.square(a.reconstruct(noisy) - X[1200:]).mean() for a in (plain, denoiser)]
        assert errors[1] < 0.8 * errors[0]

    def test_penalties(self, images):
        sizes = []
        for alpha in (0.0, 1e-3):
            fitted = ConvAutoencoder(
                4, init="random", alpha=alpha, max_iter=5, early_stopping=False, random_state=0
            ).fit(images[:500])
            sizes.append(sum(p.detach().square().sum() for p in fitted.encoder_.parameters()))
        assert sizes[1] < 0.9 * sizes[0]

    def test_contractive_codes_move_less(self, images):
        noise = RNG.normal(size=images.shape)
        moves = []
        for strength in (0.0, 0.3):
            fitted = ConvAutoencoder(
                2, init="random", contractive=strength, max_iter=8, early_stopping=False, **SMALL
            ).fit(images[:300])
            difference = fitted.transform(images + noise) - fitted.transform(images)
            moves.append(np.square(difference).mean())
        assert moves[1] < 0.5 * moves[0]

    def test_parameters_reach_the_network(self, images):
        fitted = ConvAutoencoder(
            3, hidden_channels=[5, 7], kernel_size=3, pooling="max", activation="tanh", max_iter=0
        ).fit(images)  # fmt: skip
        encoder = fitted.encoder_.network.network
        assert [tuple(layer.weight.shape) for layer in encoder.layers] == [
            (5, 1, 3, 3),
            (7, 5, 3, 3),
        ]
        assert isinstance(encoder.activation, torch.nn.Tanh)
        assert encoder.pooling == "max"

    def test_weight_decay_shrinks_weights(self, images):
        sizes = []
        for weight_decay in (0.0, 1.0):
            fitted = ConvAutoencoder(
                2, init="random", weight_decay=weight_decay, max_iter=20, early_stopping=False,
                **SMALL,
            ).fit(images[:300])  # fmt: skip
            sizes.append(sum(p.detach().square().sum() for p in fitted.encoder_.parameters()))
        assert sizes[1] < 0.7 * sizes[0]

    def test_binary_crossentropy(self, images):
        fitted = ConvAutoencoder(8, loss="binary_crossentropy", max_iter=10, random_state=0).fit(
            images / 16
        )
        X = fitted.reconstruct(images / 16)
        assert X.min() >= 0
        assert X.max() <= 1
        assert fitted.validation_curve_[-1] < fitted.validation_curve_[0]

    def test_small_batches_by_default(self):
        assert [_batch_size(n, 1000) for n in (20, 1000, 10_000, 50_000)] == [20, 32, 64, 128]
        # and smaller ones for large images
        assert _batch_size(10_000, 16 * 1024**2) == 1
        assert _batch_size(10_000, 16 * 1024**2, batch_size=7) == 7


def _batch_size(n_rows, width, **parameters):
    """Return the size of batches of so many rows to learn from, the widest layer being given."""
    estimator = ConvAutoencoder(2, **parameters)
    random_state = np.random.RandomState(0)
    problem = read_problem(estimator, np.eye(16).reshape(16, 4, 4), None, None, random_state, ALONE)
    recipe = replace(estimator._make_recipe(problem, random_state), width=width)
    problem = problem._replace(split=Split(np.arange(n_rows), np.arange(0)))
    return choose_batch_size(problem, recipe, Training.of(estimator))


class TestFitted:
    @pytest.mark.parametrize("init", ["pca", "random"])
    @pytest.mark.parametrize("pooling", ["stride", "max", "average"])
    def test_feature_maps(self, images, init, pooling):
        fitted = ConvAutoencoder(2, init=init, pooling=pooling, max_iter=1, random_state=0).fit(
            images
        )
        encoder = fitted._network.module.encoder
        encoder = encoder.network if init == "pca" else encoder
        x = torch.from_numpy(fitted._units.enter(images[:5].reshape(5, 64)))
        for layer, (maps, shape) in enumerate(
            zip(encoder.maps(x), [(16, 4, 4), (32, 2, 2), (64, 1, 1)], strict=True)
        ):
            for number in (layer, layer - 3):
                found = fitted.feature_maps(images[:5], number)
                assert found.shape == (5, *shape)
                assert_allclose(found, maps, atol=1e-12)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_dtypes_are_preserved(self, fitted, images, dtype):
        X = images.astype(dtype)
        assert fitted.transform(X).dtype == dtype
        assert fitted.reconstruct(X).dtype == dtype
        assert fitted.feature_maps(X).dtype == dtype

    def test_modules_agree_with_the_methods(self, fitted, images):
        x = torch.from_numpy(images).flatten(1).float()
        with torch.no_grad():
            codes = fitted.encoder_(x)
            back = fitted.decoder_(codes)
        assert_allclose(codes, fitted.transform(images), atol=1e-4)
        assert_allclose(back.view(-1, 8, 8), fitted.reconstruct(images), atol=1e-3)

    def test_inference_does_not_depend_on_the_batch(self, fitted, images, monkeypatch):
        images = images[:200]
        whole = fitted.reconstruct(images)
        monkeypatch.setattr(ConvArchitecture, "entries_per_batch", 3000)
        assert_allclose(fitted.reconstruct(images), whole, atol=1e-9)

    def test_pickles_give_the_same_bits(self, fitted, images):
        copy = pickle.loads(pickle.dumps(fitted))
        assert_array_equal(copy.reconstruct(images), fitted.reconstruct(images))

    def test_dataframes(self, images):
        pandas = pytest.importorskip("pandas", reason="pandas is an extra")
        frame = pandas.DataFrame(images.reshape(-1, 64)).add_prefix("pixel")
        fitted = ConvAutoencoder(
            3, image_shape=(1, 8, 8), max_iter=1, **SMALL
        ).set_output(transform="pandas").fit(frame)  # fmt: skip
        assert list(fitted.feature_names_in_[:2]) == ["pixel0", "pixel1"]
        assert list(fitted.transform(frame).columns) == [f"convautoencoder{i}" for i in range(3)]
        # a later fit to arrays forgets them
        assert not hasattr(fitted.fit(images), "feature_names_in_")

    @pytest.mark.parametrize(
        "change",
        [
            lambda X: np.asfortranarray(X),
            lambda X: X[:, ::-1][:, ::-1],
            lambda X: X.astype(int),
            lambda X: X.astype(np.float16),
            lambda X: X.astype(object),
            lambda X: np.ma.masked_array(X),
            lambda X: torch.from_numpy(X),
        ],
    )
    def test_kinds_of_arrays(self, fitted, images, change):
        X = images[:20].copy()
        X.flags.writeable = False
        assert_allclose(fitted.transform(change(X.copy())), fitted.transform(X), atol=1e-9)
        again = ConvAutoencoder(1, max_iter=0, **SMALL).fit(change(X.copy()))
        assert type(again.image_shape_) is tuple
        assert again.image_shape_ == (1, 8, 8)

    def test_a_refit_to_another_layout_that_fails_leaves_the_last_one(self, images):
        fitted = ConvAutoencoder(2, max_iter=1, warm_start=True, **SMALL).fit(images[:50])
        codes = fitted.transform(images)
        with pytest.raises(ValueError, match="same shape"):
            fitted.fit(images[:50].reshape(-1, 64))
        assert_array_equal(fitted.transform(images), codes)
        assert fitted.image_shape_ == (1, 8, 8)

    def test_lists_of_images(self, fitted, images):
        assert_array_equal(fitted.transform(images[:3].tolist()), fitted.transform(images[:3]))


class TestInScikitLearn:
    def test_a_grid_against_pca(self, images):
        """On flattened images, which both take; trained until it is better by far."""
        conv = ConvAutoencoder(
            image_shape=(1, 8, 8), hidden_channels=(16, 32), learning_rate_init=3e-3, max_iter=8,
            random_state=0,
        )  # fmt: skip
        grid = {"reduce": [PCA(), conv], "reduce__n_components": [2, 8]}
        search = GridSearchCV(
            Pipeline([("reduce", PCA())]), grid, scoring=reconstruction_r2_scorer, cv=2
        ).fit(images.reshape(-1, 64))
        best = search.best_params_
        assert isinstance(best["reduce"], ConvAutoencoder)
        assert best["reduce__n_components"] == 8
        scores = search.cv_results_["mean_test_score"]
        is_pca = [isinstance(value, PCA) for value in search.cv_results_["param_reduce"]]
        assert search.best_score_ > scores[is_pca].max() + 0.01

    def test_a_grid_on_images(self, images):
        search = GridSearchCV(
            ConvAutoencoder(max_iter=2, **SMALL), {"n_components": [1, 6]},
            scoring=neg_reconstruction_error_scorer, cv=2,
        ).fit(images[:300])  # fmt: skip
        assert search.best_params_ == {"n_components": 6}

    def test_features_for_a_classifier(self, images):
        y = load_digits().target
        pipeline = make_pipeline(
            ConvAutoencoder(8, max_iter=6, random_state=0), LogisticRegression(max_iter=2000)
        )
        assert pipeline.fit(images[:1200], y[:1200]).score(images[1200:], y[1200:]) > 0.8

    def test_clone_keeps_the_very_parameters(self):
        shape = [1, 8, 8]
        estimator = ConvAutoencoder(image_shape=shape, augment=["shift"])
        assert clone(estimator).get_params() == estimator.get_params()


MEASURE = """
from pathlib import Path
import numpy as np, torch
from skae import ConvAutoencoder

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))

torch.set_num_threads(1)
X = np.random.default_rng(0).random({shape}, dtype=np.float32)
before = peak()
fitted = ConvAutoencoder(1, max_iter=1, kernel_size={size}).fit(X)
fitted.reconstruct(X[:2].astype({dtype!r}))
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
@pytest.mark.parametrize(
    ("shape", "size", "dtype"),
    [((40, 256, 256), 5, "f4"), ((8, 1, 40, 40, 40), 5, "f8"), ((2, 640, 640), 5, "f8")],
)
def test_the_peak_of_memory_is_below_a_gibibyte(shape, size, dtype):
    script = MEASURE.format(shape=shape, size=size, dtype=dtype)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=300
    )
    assert float(done.stdout) < 1024
