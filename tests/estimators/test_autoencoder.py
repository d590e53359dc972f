"""What AutoencoderTransformer's parameters do, and what its methods promise each other."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.mixture import BayesianGaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer
from skae.networks import DenseArchitecture


@pytest.fixture(scope="module")
def fitted(digits):
    return AutoencoderTransformer(6, max_iter=5, random_state=0).fit(digits)


class TestMethods:
    def test_shapes(self, fitted, digits):
        codes = fitted.transform(digits)
        assert codes.shape == (1797, 6)
        assert fitted.inverse_transform(codes).shape == digits.shape
        assert fitted.score_samples(digits).shape == (1797,)
        assert list(fitted.get_feature_names_out()) == [
            f"autoencodertransformer{i}" for i in range(6)
        ]

    def test_reconstruct_is_there_and_back(self, fitted, digits):
        assert_allclose(
            fitted.reconstruct(digits),
            fitted.inverse_transform(fitted.transform(digits)),
            atol=1e-9,
        )

    def test_scores_are_those_of_the_reconstruction(self, fitted, digits):
        errors = np.square(digits - fitted.reconstruct(digits))
        assert_allclose(fitted.score_samples(digits), -errors.sum(axis=1))
        totals = np.square(digits - digits.mean(axis=0)).sum(axis=0)
        # what does not vary has no share of the variance
        assert_allclose(
            fitted.score(digits), 1 - errors[:, totals > 0].sum() / totals.sum(), rtol=1e-10
        )

    def test_fit_transform_is_fit_and_transform(self, iris):
        autoencoder = AutoencoderTransformer(2, max_iter=3, random_state=0)
        assert_array_equal(autoencoder.fit_transform(iris), autoencoder.transform(iris))

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_dtypes_are_preserved(self, digits, dtype):
        X = digits.astype(dtype)
        fitted = AutoencoderTransformer(3, max_iter=2, random_state=0).fit(X)
        codes = fitted.transform(X)
        assert codes.dtype == dtype
        assert fitted.inverse_transform(codes).dtype == dtype
        assert fitted.reconstruct(X).dtype == dtype

    def test_float64_inference_does_not_depend_on_the_batch(self, digits):
        fitted = AutoencoderTransformer(40, hidden_layer_sizes=(512,), max_iter=2).fit(digits)
        alone = np.vstack([fitted.transform(row[None]) for row in digits[:50]])
        assert_allclose(alone, fitted.transform(digits)[:50], atol=1e-12)

    def test_large_inputs_go_through_in_batches(self, fitted, digits, monkeypatch):
        whole = fitted.reconstruct(digits)
        monkeypatch.setattr(DenseArchitecture, "entries_per_batch", 1000)
        assert_allclose(fitted.reconstruct(digits), whole, atol=1e-9)

    @pytest.mark.parametrize("library", ["pandas", "polars"])
    def test_set_output(self, iris, library):
        frames = pytest.importorskip(library, reason=f"{library} is an extra")
        fitted = AutoencoderTransformer(2, max_iter=1).set_output(transform=library).fit(iris)
        frame = fitted.transform(iris)
        assert isinstance(frame, frames.DataFrame)
        # and codes can be handed back in the same form
        assert_allclose(fitted.inverse_transform(frame), fitted.reconstruct(iris), atol=1e-9)


class TestCurves:
    def test_loss_is_the_share_of_variance_lost(self, digits):
        fitted = AutoencoderTransformer(6, max_iter=0, early_stopping=False, random_state=0).fit(
            digits
        )
        assert_allclose(fitted.loss_curve_, [1 - fitted.score(digits)], rtol=1e-4)
        assert fitted.validation_curve_ is None

    def test_entries(self, fitted):
        assert len(fitted.loss_curve_) == len(fitted.validation_curve_) == fitted.n_iter_ + 1
        assert fitted.best_iter_ == np.argmin(fitted.validation_curve_)

    @pytest.mark.parametrize("scale", [1, 1e-3, 1e3])
    def test_the_first_step_leaves_pcas_codes_alone(self, digits, scale):
        """No code explains more than PCA's: their gradient is zero, and not what is rounded."""
        model = AutoencoderTransformer(
            4, max_iter=1, batch_size=len(digits), early_stopping=False, random_state=0
        ).fit(scale * digits)
        assert model.best_iter_ == 1
        module = model._network.module
        assert not module.encoder.network.layers[-1].weight.any()
        assert module.decoder.network.layers[-1].weight.any()

    def test_without_early_stopping_every_epoch_is_run(self, iris):
        fitted = AutoencoderTransformer(
            2, early_stopping=False, max_iter=40, n_iter_no_change=1
        ).fit(iris)
        assert fitted.n_iter_ == 40

    def test_early_stopping_stops(self, iris):
        fitted = AutoencoderTransformer(1, n_iter_no_change=3, random_state=0).fit(iris)
        assert fitted.n_iter_ < 100

    def test_silent_by_default(self, fitted, iris, capsys):
        AutoencoderTransformer(2, max_iter=3).fit(iris).sample(2)
        assert capsys.readouterr().out == ""


class TestLosses:
    def test_absolute_error_resists_outliers(self):
        rng = np.random.default_rng(0)
        clean = np.outer(rng.normal(size=300), np.ones(6)) + rng.normal(size=(300, 6)) * 0.1
        X = clean.copy()
        X[:15, 0] += 30
        errors = {}
        for loss in ("squared_error", "absolute_error", "huber"):
            fitted = AutoencoderTransformer(
                1, loss=loss, hidden_layer_sizes=(), init="random", early_stopping=False,
                max_iter=400, learning_rate_init=1e-2, random_state=0,
            ).fit(X)  # fmt: skip
            errors[loss] = np.abs(fitted.reconstruct(clean) - clean).mean()
        assert errors["absolute_error"] < 0.6 * errors["squared_error"]
        assert errors["huber"] < errors["squared_error"]

    def test_binary_crossentropy_refuses_other_data(self, digits):
        with pytest.raises(
            ValueError, match=r"needs values in \[0, 1\], but X has values in \[0, 16\]"
        ):
            AutoencoderTransformer(loss="binary_crossentropy").fit(digits)

    def test_binary_crossentropy_learns(self, digits):
        fitted = AutoencoderTransformer(
            8, loss="binary_crossentropy", max_iter=10, random_state=0
        ).fit(digits / 16)
        assert fitted.validation_curve_[-1] < fitted.validation_curve_[0]


class TestPenalties:
    PLAIN = {"init": "random", "hidden_layer_sizes": (16,), "max_iter": 60, "random_state": 0,
             "early_stopping": False, "weight_decay": 0.0}  # fmt: skip

    def _weights(self, digits, **parameters):
        fitted = AutoencoderTransformer(4, **self.PLAIN, **parameters).fit(digits[:500])
        weights = [p.detach().numpy().ravel() for p in fitted.encoder_.parameters() if p.ndim > 1]
        return np.concatenate(weights)

    def test_l2_shrinks_and_l1_sparsifies(self, digits):
        free = self._weights(digits)
        ridge = self._weights(digits, alpha=1e-3)
        lasso = self._weights(digits, alpha=1e-3, l1_ratio=1.0)
        assert np.square(ridge).sum() < 0.8 * np.square(free).sum()
        assert np.abs(lasso).sum() < 0.8 * np.abs(free).sum()

        def share_of_small(weights):
            return (np.abs(weights) < 1e-3).mean()

        assert share_of_small(lasso) > 2 * share_of_small(ridge)

    def test_a_strong_penalty_leads_back_to_pca(self, digits):
        parameters = {"early_stopping": False, "max_iter": 20, "random_state": 0}
        pca = PCA(4).fit(digits)
        expected = pca.inverse_transform(pca.transform(digits))
        deviations = [
            np.abs(
                AutoencoderTransformer(4, alpha=alpha, **parameters).fit(digits).reconstruct(digits)
                - expected
            ).mean()
            for alpha in (0.0, 1e-3, 1e-1)
        ]
        assert deviations[0] > deviations[1] > deviations[2]

    def test_contractive_codes_move_less(self, digits):
        X = digits[:400]
        noise = np.random.default_rng(0).normal(size=X.shape)
        moves = []
        for strength in (0.0, 0.1):
            fitted = AutoencoderTransformer(4, contractive=strength, **self.PLAIN).fit(X)
            moves.append(np.square(fitted.transform(X + noise) - fitted.transform(X)).mean())
        assert moves[1] < 0.5 * moves[0]


class TestDenoising:
    @pytest.mark.parametrize(
        ("corruption", "level"), [("gaussian", 0.25), ("masking", 0.4), ("salt_and_pepper", 0.3)]
    )
    def test_a_denoiser_beats_one_that_saw_no_noise(self, digits, corruption, level):
        X = digits / 16
        train, test = X[:1200], X[1200:]
        noisy = _noisy(test, corruption, level)
        plain = AutoencoderTransformer(24, max_iter=20, random_state=0).fit(train)
        denoiser = AutoencoderTransformer(
            24, corruption=corruption, corruption_level=level, max_iter=20, random_state=0
        ).fit(train)
        errors = [np.square(a.reconstruct(noisy) - test).mean() for a in (plain, denoiser)]
        assert errors[1] < 0.8 * errors[0]

    def test_a_denoiser_beats_ridge_regression(self, digits):
        """From noisy to clean images; ridge is the best linear map of full rank."""
        X = digits / 16
        train, test = X[:1200], X[1200:]
        rng = np.random.default_rng(0)
        copies = np.vstack([train] * 10)
        ridge = Ridge().fit(copies + rng.normal(scale=0.25, size=copies.shape), copies)
        noisy = test + rng.normal(scale=0.25, size=test.shape)
        denoiser = AutoencoderTransformer(
            32, corruption="gaussian", corruption_level=0.25, max_iter=40, random_state=0
        ).fit(train)
        error = np.square(denoiser.reconstruct(noisy) - test).mean()
        assert error < 0.95 * np.square(ridge.predict(noisy) - test).mean()

    def test_a_level_of_zero_is_no_corruption(self, iris):
        fits = [
            AutoencoderTransformer(2, corruption=corruption, corruption_level=0.0, max_iter=3,
                                   random_state=0, init="random").fit(iris)
            for corruption in ("gaussian", "masking")
        ]  # fmt: skip
        assert_array_equal(fits[0].loss_curve_, fits[1].loss_curve_)

    @pytest.mark.thinned(2)
    @pytest.mark.parametrize("n_components", [8, 64])
    @pytest.mark.parametrize("loss", ["squared_error", "binary_crossentropy"])
    @pytest.mark.parametrize(("corruption", "level"), [("gaussian", 0.25), ("masking", 0.4)])
    def test_the_start_denoises(self, digits, n_components, loss, corruption, level):
        """Also with as many components as features, where PCA itself is the identity."""
        X = digits[:600] / 16
        start, pca = (
            AutoencoderTransformer(
                n_components, loss=loss, max_iter=0, random_state=0, corruption=c,
                corruption_level=level,
            ).fit(X)
            for c in (corruption, None)
        )  # fmt: skip
        noisy = _noisy(X, corruption, level)
        errors = [np.square(a.reconstruct(noisy) - X).mean() for a in (start, pca)]
        assert errors[0] < (0.75 if n_components == 64 else 0.98) * errors[1]


def _noisy(X, corruption, level):
    rng = np.random.default_rng(0)
    if corruption == "gaussian":
        return X + rng.normal(scale=level, size=X.shape)
    changed = rng.random(X.shape) < level
    value = 0.0 if corruption == "masking" else X.max(axis=0) * (rng.random(X.shape) < 0.5)
    return np.where(changed, value, X)


class TestWeightsForOtherModels:
    @pytest.mark.parametrize("loss", ["squared_error", "binary_crossentropy"])
    @pytest.mark.parametrize("parameters", [{}, {"init": "random"}, {"tied_weights": True}])
    def test_modules_agree_with_the_methods(self, digits, loss, parameters):
        X = digits / 16
        fitted = AutoencoderTransformer(4, loss=loss, max_iter=3, **parameters).fit(X)
        x = torch.from_numpy(X).float()
        with torch.no_grad():
            codes = fitted.encoder_(x)
            back = fitted.decoder_(codes)
        assert_allclose(codes, fitted.transform(X), atol=1e-4)
        assert_allclose(back, fitted.reconstruct(X), atol=1e-4)

    def test_modules_are_copies_that_can_be_trained(self, fitted, digits):
        before = fitted.transform(digits)
        encoder = fitted.encoder_
        network = torch.nn.Sequential(encoder, torch.nn.Linear(6, 10))
        network(torch.from_numpy(digits).float()).sum().backward()
        assert all(p.grad is not None for p in encoder.parameters())
        with torch.no_grad():
            for parameter in encoder.parameters():
                parameter.zero_()
        assert_array_equal(fitted.transform(digits), before)


class TestWarmStart:
    def test_true_goes_on(self, digits):
        autoencoder = AutoencoderTransformer(6, max_iter=5, warm_start=True, random_state=0)
        first = autoencoder.fit(digits).validation_curve_
        assert autoencoder.fit(digits).validation_curve_[0] < first[0]

    def test_max_iter_zero_keeps_the_weights(self, fitted, digits):
        again = AutoencoderTransformer(6, warm_start=fitted, max_iter=0).fit(digits[:100])
        assert_allclose(again.transform(digits), fitted.transform(digits))

    def test_frozen_estimators_survive_a_grid_search(self, fitted, digits):
        autoencoder = AutoencoderTransformer(6, warm_start=FrozenEstimator(fitted), max_iter=1)
        search = GridSearchCV(autoencoder, {"learning_rate_init": [1e-4, 1e-3]}, cv=2)
        search.fit(digits[:200])
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()

    def test_unfitted_and_unfitting_sources_are_refused(self, fitted, digits, iris):
        with pytest.raises(ValueError, match="FrozenEstimator"):
            AutoencoderTransformer(6, warm_start=clone(fitted)).fit(digits)
        with pytest.raises(ValueError, match="same shape"):
            AutoencoderTransformer(5, warm_start=fitted).fit(digits)
        with pytest.raises(TypeError, match="Got an instance of PCA"):
            AutoencoderTransformer(2, warm_start=PCA(2).fit(iris)).fit(iris)


class TestMoreComponentsThanFeatures:
    def test_a_copy_is_no_result(self, iris):
        match = "n_components=5 is more than n_features=4: rows can be copied.* Lower n_components"
        with pytest.warns(ConvergenceWarning, match=match):
            fitted = AutoencoderTransformer(5, max_iter=1).fit(iris)
        assert fitted.score(iris) > 1 - 1e-12

    @pytest.mark.parametrize(
        "parameters",
        [
            {"corruption": "gaussian"},
            {"alpha": 1e-3},
            {"contractive": 1e-3},
            {"ordered": True},
            {"n_components": 4},
        ],
        ids=str,
    )
    def test_what_forbids_it_does_not_warn(self, iris, parameters):
        AutoencoderTransformer(5, max_iter=1).set_params(**parameters).fit(iris)


class TestSample:
    @pytest.mark.parametrize(
        "density", ["gmm", "gaussian", "kde", BayesianGaussianMixture(n_components=3, max_iter=500)]
    )
    def test_samples_look_like_the_data(self, digits, density):
        fitted = AutoencoderTransformer(6, max_iter=3, latent_density=density, random_state=0).fit(
            digits
        )
        X = fitted.sample(2000, random_state=0)
        assert X.shape == (2000, 64)
        assert_allclose(X.mean(axis=0), digits.mean(axis=0), atol=0.6)
        assert_array_equal(X, fitted.sample(2000, random_state=0))
        assert (fitted.sample(2000, random_state=1) != X).any()

    def test_samples_come_in_random_order(self, digits):
        """Mixtures sort theirs by component."""
        fitted = AutoencoderTransformer(2, max_iter=0, random_state=0).fit(digits)
        X = fitted.sample(1000, random_state=0)
        halves = X[:500].mean(axis=0), X[500:].mean(axis=0)
        assert_allclose(*halves, atol=1.0)

    def test_sampling_leaves_the_estimator_alone(self, digits):
        fitted = AutoencoderTransformer(2, max_iter=0, random_state=0).fit(digits)
        before = fitted.sample(5, random_state=0)
        fitted.sample(7, random_state=3)
        assert_array_equal(fitted.sample(5, random_state=0), before)

    @pytest.mark.parametrize("n_samples", [0, -1, 2.5, "3", None])
    def test_n_samples_must_be_a_positive_int(self, fitted, n_samples):
        with pytest.raises(ValueError, match="n_samples must be an int of at least 1"):
            fitted.sample(n_samples)


class TestInScikitLearn:
    def test_in_a_pipeline_with_string_labels(self, digits):
        labels = np.array(["low", "high"])[(digits.sum(axis=1) > 300).astype(int)]
        pipeline = make_pipeline(
            StandardScaler(), AutoencoderTransformer(4, max_iter=2), LogisticRegression()
        )
        pipeline.fit(digits, labels)
        assert set(pipeline.predict(digits)) <= {"low", "high"}

    def test_clone_gives_back_the_parameters(self):
        autoencoder = AutoencoderTransformer(3, hidden_layer_sizes=[10, 5], alpha=0.1)
        assert clone(autoencoder).get_params() == autoencoder.get_params()

    # scikit-learn itself warns of the failed fits and of the scores that are not finite
    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
    @pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
    def test_a_grid_goes_on_after_a_divergence(self, digits):
        search = GridSearchCV(
            AutoencoderTransformer(2, max_iter=3),
            {"learning_rate_init": [1e-3, 1e30]},
            cv=2,
            refit=False,
            error_score=np.nan,
        )
        search.fit(digits[:200])
        assert np.isfinite(search.cv_results_["mean_test_score"]).tolist() == [True, False]
