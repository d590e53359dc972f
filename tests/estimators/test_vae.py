"""What VAETransformer's parameters do, and what its methods promise each other."""

import warnings
from functools import cache

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import kstest
from sklearn.base import clone
from sklearn.cross_decomposition import CCA
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import VAETransformer
from skae.networks import VariationalArchitecture

RNG = np.random.default_rng(0)
CODES = RNG.normal(size=(400, 2))
LINEAR = CODES @ RNG.normal(size=(2, 6))
RATES = np.exp(0.7 * LINEAR + 1)
DATA = {
    "gaussian": LINEAR + RNG.normal(scale=0.3, size=LINEAR.shape),
    "gaussian_diagonal": LINEAR + RNG.normal(size=LINEAR.shape) * [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
    "student_t": LINEAR + 0.3 * RNG.standard_t(3, size=LINEAR.shape),
    "bernoulli": (RNG.random(LINEAR.shape) < 1 / (1 + np.exp(-3 * LINEAR))).astype(float),
    "continuous_bernoulli": 1 / (1 + np.exp(-LINEAR - 0.3 * RNG.normal(size=LINEAR.shape))),
    "poisson": RNG.poisson(RATES).astype(float),
    "negative_binomial": RNG.negative_binomial(3, 3 / (3 + RATES)).astype(float),
    "categorical": np.digitize(LINEAR, [-1, 0.5]).astype(float),
}
over_likelihoods = pytest.mark.parametrize("likelihood", DATA)


@pytest.fixture(scope="module")
def fitted():
    """A model of every likelihood, after some training."""
    return {
        name: VAETransformer(
            2, likelihood=name, hidden_layer_sizes=(32,), max_iter=30, random_state=0
        ).fit(X)
        for name, X in DATA.items()
    }


@cache
def _score_at_its_start(likelihood):
    return _score_at_the_start(likelihood, DATA[likelihood])


def _score_at_the_start(likelihood, X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return VAETransformer(2, likelihood=likelihood, max_iter=0, random_state=0).fit(X).score(X)


class TestEveryLikelihood:
    @over_likelihoods
    def test_shapes_and_dtypes(self, fitted, likelihood):
        model, X = fitted[likelihood], DATA[likelihood]
        for dtype in (np.float32, np.float64):
            codes = model.transform(X.astype(dtype))
            assert codes.shape == (400, 2)
            assert codes.dtype == dtype
            assert model.inverse_transform(codes).shape == X.shape
        assert model.score_samples(X).shape == (400,)
        assert model.score(X) == pytest.approx(model.score_samples(X).mean())

    @over_likelihoods
    def test_training_is_no_worse_than_the_start(self, fitted, likelihood):
        curve = fitted[likelihood].validation_curve_
        assert min(curve) == curve[fitted[likelihood].best_iter_] or (
            fitted[likelihood].best_iter_ == 0
        )
        X = DATA[likelihood]
        assert fitted[likelihood].score(X) > _score_at_its_start(likelihood) - 0.05

    @over_likelihoods
    def test_the_start_is_no_worse_than_independent_columns(self, likelihood):
        """Of which shuffled columns are an example: there is nothing to gain."""
        X = DATA[likelihood]
        shuffled = np.column_stack(
            [np.random.default_rng(i).permutation(c) for i, c in enumerate(X.T)]
        )
        ours = _score_at_its_start(likelihood)
        independent = _score_at_the_start(likelihood, shuffled)
        if likelihood == "continuous_bernoulli":
            # its noise is so wide that these codes are not worth their divergence
            assert ours > independent - 0.05
        else:
            assert ours > independent + 0.1

    @over_likelihoods
    def test_float32_gives_the_same_scores(self, fitted, likelihood):
        model, X = fitted[likelihood], DATA[likelihood]
        single = X.astype(np.float32)
        assert_allclose(
            model.score_samples(single), model.score_samples(single.astype(float)), atol=0.02
        )

    @over_likelihoods
    @pytest.mark.parametrize(
        ("n", "k"),
        [
            (2, 1),
            pytest.param(3, 2, marks=pytest.mark.full),
            (30, 5),
            pytest.param(100, 9, marks=pytest.mark.full),
        ],
    )
    def test_few_rows_and_many_components(self, likelihood, n, k):
        X = DATA[likelihood][:n]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = VAETransformer(
                k, likelihood=likelihood, hidden_layer_sizes=(8,), max_iter=2, random_state=0
            ).fit(X)
        assert np.isfinite(model.score(X))
        assert np.isfinite(model.sample(3, random_state=0)).all()

    @over_likelihoods
    def test_scores_are_the_same_at_every_call(self, fitted, likelihood):
        model, X = fitted[likelihood], DATA[likelihood]
        assert_array_equal(model.score_samples(X), model.score_samples(X))
        # and do not depend on the other rows
        assert_allclose(model.score_samples(X[:7]), model.score_samples(X)[:7], atol=1e-9)

    @over_likelihoods
    def test_more_codes_do_not_lower_the_bound(self, fitted, likelihood):
        """But for the error of the estimate, which equal rows share."""
        model, X = fitted[likelihood], np.unique(DATA[likelihood], axis=0)
        few, many = (model.score_samples(X, n_importance_samples=n) for n in (1, 400))
        assert (many - few).mean() > -3 * (many - few).std() / len(X) ** 0.5
        again = model.score_samples(X, n_importance_samples=4000)
        assert_allclose(again.mean(), many.mean(), atol=0.02)

    @over_likelihoods
    def test_samples_are_in_the_support_and_look_like_the_data(self, fitted, likelihood):
        model, X = fitted[likelihood], DATA[likelihood]
        drawn = model.sample(4000, random_state=0, observation_noise=True)
        assert np.isfinite(model.score_samples(drawn)).all()
        spread = np.maximum(X.std(axis=0), 0.1)
        assert_allclose(drawn.mean(axis=0), X.mean(axis=0), atol=0.5 * spread.max())
        if likelihood == "categorical":
            return
        assert_allclose(
            model.sample(4000, random_state=0).mean(axis=0), drawn.mean(axis=0),
            atol=0.15 * spread.max(),
        )  # fmt: skip

    @over_likelihoods
    def test_modules_agree_with_the_methods(self, fitted, likelihood):
        model = fitted[likelihood]
        X = DATA[likelihood]
        seen = model._link.inputs(torch.from_numpy(X))
        with torch.no_grad():
            moments = model.encoder_(seen.float())
            decoded = model.decoder_(moments[:, :2])
        assert_allclose(moments[:, :2], model.transform(X), atol=1e-4)
        if likelihood != "categorical":
            assert_allclose(decoded, model.reconstruct(X), rtol=1e-3, atol=1e-3)

    @over_likelihoods
    def test_importance_weighted_training(self, likelihood):
        X = DATA[likelihood]
        model = VAETransformer(
            2, likelihood=likelihood, n_importance_samples=5, hidden_layer_sizes=(32,),
            max_iter=30, random_state=0,
        ).fit(X)  # fmt: skip
        assert model.score(X) > _score_at_its_start(likelihood) - 0.05

    @over_likelihoods
    def test_codes_recover_the_plane(self, fitted, likelihood):
        """A linear regression from codes explains the direction of the true ones they tell most."""
        codes = fitted[likelihood].transform(DATA[likelihood])
        first = np.corrcoef(*(part[:, 0] for part in CCA(1).fit_transform(codes, CODES)))[0, 1]
        assert first > 0.7

    @over_likelihoods
    def test_a_constant_column(self, likelihood):
        X = DATA[likelihood].copy()
        X[:, 2] = 1.0
        model = VAETransformer(2, likelihood=likelihood, max_iter=3, random_state=0)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            score = model.fit(X).score(X)
        assert score < 30
        # a density that is of each feature's own has no upper limit but the floor: that is told
        told = any("Features [2] are constant" in str(w.message) for w in caught)
        assert told == (likelihood in ("gaussian_diagonal", "continuous_bernoulli"))


class TestSupport:
    @pytest.mark.parametrize(
        ("likelihood", "value", "match"),
        [
            ("bernoulli", 0.3, "Use likelihood='continuous_bernoulli'"),
            ("bernoulli", 7.0, "Use likelihood='gaussian'"),
            ("continuous_bernoulli", 1.2, r"needs values in \[0, 1\].*likelihood='gaussian'"),
            ("poisson", -1.0, "likelihood='gaussian'"),
            ("poisson", 2.5, "likelihood='gaussian'"),
            ("negative_binomial", -1.0, "likelihood='gaussian'"),
            ("categorical", 1.5, "OrdinalEncoder"),
            ("categorical", -1.0, "OrdinalEncoder"),
        ],
    )
    def test_data_outside_it_are_refused_with_what_would_fit(
        self, fitted, likelihood, value, match
    ):
        X = DATA[likelihood].copy()
        X[3, 1] = value
        with pytest.raises(ValueError, match=match):
            VAETransformer(2, likelihood=likelihood).fit(X)
        for method in ("transform", "score_samples", "posterior"):
            with pytest.raises(ValueError, match=f"likelihood='{likelihood}'"):
                getattr(fitted[likelihood], method)(X)

    def test_categories_that_were_not_seen(self, fitted):
        X = DATA["categorical"].copy()
        X[0, 0] = 9
        with pytest.raises(ValueError, match="likelihood='categorical'"):
            fitted["categorical"].score_samples(X)


class TestCounts:
    @pytest.mark.parametrize("rate", [1e-3, 1e5, 1e7])
    @pytest.mark.parametrize("likelihood", ["poisson", "negative_binomial"])
    def test_any_rate(self, likelihood, rate):
        rng = np.random.default_rng(0)
        X = rng.poisson(rate * np.exp(0.3 * CODES[:150] @ rng.normal(size=(2, 5)))).astype(float)
        model = VAETransformer(2, likelihood=likelihood, max_iter=3, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X)
        # a probability, so that no log-likelihood is positive
        assert (model.score_samples(X) < 0).all()
        assert min(model.validation_curve_) > 0

    def test_counts_that_scatter_less_than_poisson_s(self):
        X = np.random.default_rng(0).binomial(20, 0.5, size=(300, 4)).astype(float)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = VAETransformer(2, likelihood="negative_binomial", max_iter=5).fit(X)
        assert min(model.validation_curve_) > 0

    def test_one_category(self):
        model = VAETransformer(2, likelihood="categorical", max_iter=0)
        with pytest.warns(ConvergenceWarning, match="Only 0 of 2"):
            model.fit(np.zeros((50, 4)))
        assert model.score(np.zeros((3, 4))) == pytest.approx(0, abs=1e-9)

    def test_numbers_that_are_no_categories(self):
        X = DATA["categorical"].copy()
        X[0, 3] = 70_000
        with pytest.raises(ValueError, match="feature 3 has codes up to 70000"):
            VAETransformer(2, likelihood="categorical").fit(X)


class TestMethods:
    def test_posterior(self, fitted):
        model, X = fitted["gaussian"], DATA["gaussian"]
        mean, std = model.posterior(X)
        assert_array_equal(mean, model.transform(X))
        assert std.shape == mean.shape
        assert (std > 0).all()
        draws = model.sample_posterior(X[:5], 4000, random_state=0)
        assert draws.shape == (5, 4000, 2)
        assert_allclose(draws.mean(axis=1), mean[:5], atol=0.05)
        assert_allclose(draws.std(axis=1), std[:5], rtol=0.1)
        assert_array_equal(draws, model.sample_posterior(X[:5], 4000, random_state=0))

    def test_traverse(self, fitted):
        model = fitted["gaussian"]
        grid = model.traverse((1, 0), ([-1, 0, 1], [0.5, 2]))
        assert grid.shape == (3, 2, 6)
        assert_allclose(grid[2, 1], model.inverse_transform([[2, 1]])[0])
        at = model.traverse([0], [0.0, 3.0], at=[9.0, -1.0])
        assert_allclose(at, model.inverse_transform([[0, -1], [3, -1]]))

    @pytest.mark.parametrize(
        ("arguments", "match"),
        [
            (((0, 5),), "components of 2"),
            (((0, 1), ([1, 2],)), "1 arrays"),
        ],
    )
    def test_traverse_refuses(self, fitted, arguments, match):
        with pytest.raises(ValueError, match=match):
            fitted["gaussian"].traverse(*arguments)

    def test_traverse_of_a_single_component(self):
        model = VAETransformer(1, max_iter=0).fit(DATA["gaussian"])
        assert model.traverse().shape == (5, 6)
        assert_array_equal(model.traverse(0), model.traverse())

    def test_rows_far_away_have_a_low_score_and_spoil_no_other(self, fitted):
        model, X = fitted["gaussian"], DATA["gaussian"].copy()
        clean = model.score_samples(X)
        X[3] *= 1e10
        scores = model.score_samples(X)
        assert scores[3] < -1e6
        assert_allclose(np.delete(scores, 3), np.delete(clean, 3), atol=1e-9)
        for moment in model.posterior(X):
            assert np.isfinite(moment).all()

    def test_traverse_refuses_codes_of_another_width(self, fitted):
        with pytest.raises(ValueError, match="at must have 2"):
            fitted["gaussian"].traverse(at=[1.0, 2.0, 3.0])

    @pytest.mark.parametrize("n", [0, 2.5, None])
    def test_numbers_of_draws_are_checked(self, fitted, n):
        model, X = fitted["gaussian"], DATA["gaussian"]
        with pytest.raises(ValueError, match="must be an int of at least 1"):
            model.score_samples(X, n_importance_samples=n)
        with pytest.raises(ValueError, match="must be an int of at least 1"):
            model.sample_posterior(X, n)

    def test_memory_is_bounded(self, fitted, monkeypatch):
        model, X = fitted["gaussian"], DATA["gaussian"]
        whole = model.score_samples(X)
        monkeypatch.setattr(VariationalArchitecture, "entries_per_batch", 1000)
        assert_allclose(model.score_samples(X), whole, atol=1e-9)

    @pytest.mark.parametrize("density", ["prior", "gmm", "gaussian", "kde"])
    def test_densities(self, density):
        X = DATA["gaussian"]
        model = VAETransformer(2, latent_density=density, max_iter=5, random_state=0).fit(X)
        drawn = model.sample(3000, random_state=0)
        assert_allclose(drawn.mean(axis=0), X.mean(axis=0), atol=0.2)
        assert_array_equal(drawn, model.sample(3000, random_state=0))
        assert (drawn != model.sample(3000, random_state=1)).any()

    def test_the_prior_with_noise_has_the_data_s_distribution(self):
        X = DATA["gaussian"]
        model = VAETransformer(2, max_iter=0).fit(X)
        drawn = model.sample(5000, random_state=0, observation_noise=True)
        assert all(kstest(a, b).pvalue > 1e-3 for a, b in zip(X.T, drawn.T, strict=True))


class TestParameters:
    def test_a_larger_beta_lowers_the_divergence(self):
        X = DATA["gaussian"]
        parameters = {"hidden_layer_sizes": (), "early_stopping": False, "max_iter": 30}
        divergences = [
            VAETransformer(2, beta=beta, **parameters, random_state=0).fit(X).kl_per_component_
            for beta in (0.5, 1.0, 3.0)
        ]
        sums = [d.sum() for d in divergences]
        assert sums == sorted(sums, reverse=True)
        assert sums[0] > 1.2 * sums[2]

    def test_free_bits_keep_components_alive(self):
        X = DATA["gaussian"]
        parameters = {
            "hidden_layer_sizes": (),
            "noise_variance": 4 * X.var(),
            "solver": "adam",
            "early_stopping": False,
            "init": "random",
            "max_iter": 200,
            "learning_rate_init": 1e-2,
            "random_state": 0,
        }
        free = VAETransformer(2, **parameters).fit(X)
        kept = VAETransformer(2, free_bits=0.5, **parameters).fit(X)
        assert (free.kl_per_component_ < 0.1).all()
        assert (kept.kl_per_component_ > 0.3).all()

    def test_a_warm_up_starts_without_the_divergence(self):
        X = DATA["gaussian"]
        parameters = {
            "init": "random",
            "hidden_layer_sizes": (16,),
            "max_iter": 40,
            "early_stopping": False,
            "learning_rate_init": 1e-2,
        }
        divergences = [
            VAETransformer(2, kl_warmup=w, random_state=0, **parameters).fit(X).kl_per_component_
            for w in (0.0, 1.0)
        ]
        assert divergences[1].sum() > divergences[0].sum() + 0.05

    def test_dynamic_binarization(self, digits):
        X = digits / 16
        with pytest.raises(ValueError, match="continuous_bernoulli"):
            VAETransformer(4, likelihood="bernoulli").fit(X)
        model = VAETransformer(
            4, likelihood="bernoulli", dynamic_binarization=True, max_iter=10, random_state=0
        ).fit(X)
        binary = (np.random.default_rng(0).random(X.shape) < X).astype(float)
        columns = np.clip(X.mean(axis=0), 1e-3, 1 - 1e-3)
        independent = np.where(binary == 1, np.log(columns), np.log(1 - columns)).sum(axis=1)
        assert model.score(binary) > independent.mean() + 2
        assert model.transform(X).shape == (1797, 4)
        with pytest.raises(ValueError, match="0 and 1"):
            model.score(X)

    @pytest.mark.parametrize(
        ("parameters", "match"),
        [
            ({"noise_variance": 1.0, "likelihood": "poisson"}, "noise_variance needs"),
            ({"dynamic_binarization": True}, "dynamic_binarization needs"),
            ({"n_importance_samples": 5, "free_bits": 0.1}, "need n_importance_samples=1"),
            ({"n_importance_samples": 5, "kl_warmup": 0.1}, "need n_importance_samples=1"),
            ({"n_importance_samples": 5, "solver": "lbfgs"}, "needs n_importance_samples=1"),
            ({"noise_variance": 1e-12}, "is too small for these data. It must be at least"),
        ],
    )
    def test_contradictions(self, parameters, match):
        with pytest.raises(ValueError, match=match):
            VAETransformer(2, **parameters).fit(DATA["gaussian"])

    # codes of rows with spoilt cells say nothing of the others
    @pytest.mark.filterwarnings("ignore:Only:sklearn.exceptions.ConvergenceWarning")
    def test_heavy_tails(self):
        """Five of a hundred cells are spoilt; the rest should not pay for it."""
        clean = DATA["gaussian"]
        X = clean.copy()
        spoilt = RNG.random(X.shape) < 0.05
        X[spoilt] += RNG.normal(scale=10, size=spoilt.sum())
        parameters = {"max_iter": 0, "random_state": 0}
        scores = [
            VAETransformer(2, likelihood=likelihood, **parameters).fit(X).score(clean)
            for likelihood in ("gaussian", "student_t")
        ]
        assert scores[1] > scores[0] + 1

    def test_warm_start(self):
        X = DATA["gaussian"]
        model = VAETransformer(2, max_iter=10, hidden_layer_sizes=(16,), random_state=0).fit(X)
        again = clone(model).set_params(warm_start=model, max_iter=0).fit(X[:99])
        assert_allclose(again.transform(X), model.transform(X))
        frozen = clone(model).set_params(warm_start=FrozenEstimator(model), max_iter=1)
        assert np.isfinite(cross_val_score(frozen, X, cv=2)).all()

    @pytest.mark.filterwarnings("ignore:Only:sklearn.exceptions.ConvergenceWarning")
    @pytest.mark.parametrize(
        ("before", "after", "match"),
        [
            ({}, {"likelihood": "student_t"}, "same shape|means the same"),
            ({"likelihood": "poisson"}, {"likelihood": "bernoulli"}, "fitted for Poisson"),
            ({"noise_variance": 0.1}, {"noise_variance": None}, "same shape"),
            ({}, {"conditional": True}, "conditional model"),
        ],
    )
    def test_warm_start_does_not_change_the_model(self, before, after, match):
        X, y = DATA["bernoulli"], CODES[:, 0] > 0
        model = VAETransformer(2, max_iter=0, warm_start=True, **before).fit(X)
        with pytest.raises(ValueError, match=match):
            model.set_params(**after).fit(X, y)

    def test_warm_start_on_other_features(self):
        X = DATA["gaussian"]
        model = VAETransformer(2, max_iter=0, warm_start=True).fit(X)
        with pytest.raises(ValueError, match="fitted to 6 features, but X has 3"):
            model.fit(X[:, :3])

    def test_warm_start_keeps_the_classes(self):
        X, y = DATA["gaussian"], np.where(CODES[:, 0] > 0, "a", "b")
        model = VAETransformer(2, conditional=True, max_iter=0).fit(X, y)
        again = clone(model).set_params(warm_start=model)
        with pytest.raises(ValueError, match="not seen in fit: 'c'"):
            again.fit(X, np.where(y == "a", "c", "b"))
        assert list(again.fit(X[y == "b"], y[y == "b"]).classes_) == ["a", "b"]

    def test_kl_warm_up_needs_steps(self):
        X = DATA["gaussian"]
        with pytest.raises(ValueError, match="kl_warmup=0"):
            VAETransformer(2, kl_warmup=0.5, solver="lbfgs").fit(X)
        curves = [
            VAETransformer(2, hidden_layer_sizes=(), kl_warmup=w, solver="adam",
                           max_iter=3, random_state=0).fit(X).loss_curve_
            for w in (0.0, 1.0)
        ]  # fmt: skip
        assert curves[0] != curves[1]


@pytest.fixture(scope="module")
def labelled():
    X, y = load_digits(return_X_y=True)
    return X, np.array(list("abcdefghij"))[y]


@pytest.fixture(scope="module")
def conditional(labelled):
    return VAETransformer(4, conditional=True, max_iter=30, random_state=0).fit(*labelled)


class TestConditional:
    def test_samples_are_of_the_class_that_was_asked_for(self, labelled, conditional):
        X, y = labelled
        classifier = LogisticRegression(max_iter=200).fit(X / 16, y)
        drawn = np.vstack([conditional.sample(100, 0, y=c) for c in conditional.classes_])
        told = np.repeat(conditional.classes_, 100)
        assert classifier.score(drawn / 16, told) > 0.8
        mixed = conditional.sample(10, 0, y=list("aabbccddee"))
        assert mixed.shape == (10, 64)

    def test_rows_are_more_likely_in_their_own_class(self, labelled, conditional):
        X, y = labelled
        own = conditional.score_samples(X[:200], y[:200])
        other = conditional.score_samples(X[:200], np.roll(conditional.classes_, 1)[
            np.searchsorted(conditional.classes_, y[:200])])  # fmt: skip
        assert (own > other).mean() > 0.85

    def test_without_y_it_is_the_mixture_over_classes(self, labelled, conditional):
        X, y = labelled
        n = 300
        each = np.stack([
            conditional.score_samples(X[:20], np.full(20, c), n_importance_samples=n)
            for c in conditional.classes_
        ])  # fmt: skip
        shares = np.array([(y == c).mean() for c in conditional.classes_])
        mixture = np.log(shares @ np.exp(each - each.max())) + each.max()
        assert_allclose(
            conditional.score_samples(X[:20], n_importance_samples=n), mixture, atol=1e-6
        )

    def test_in_a_pipeline(self, labelled):
        X, y = labelled
        pipeline = make_pipeline(
            StandardScaler(),
            VAETransformer(8, conditional=True, max_iter=3, random_state=0),
            LogisticRegression(max_iter=500),
        )
        pipeline.fit(X[:1000], y[:1000])
        # the decoder knows the class, so that the codes need not tell it
        assert 0.2 < pipeline.score(X[1000:], y[1000:]) < 0.8

    def test_refusals(self, labelled, conditional):
        X, y = labelled
        with pytest.raises(ValueError, match="requires y to be passed"):
            VAETransformer(2, conditional=True).fit(X)
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            VAETransformer(2, conditional=True).fit(X, y[:5])
        with pytest.raises(ValueError, match="labels of one kind"):
            VAETransformer(2, conditional=True).fit(X[:2], np.array(["a", None], dtype=object))
        with pytest.raises(ValueError, match="Unknown label type"):
            VAETransformer(2, conditional=True).fit(X, RNG.normal(size=len(X)))
        with pytest.raises(ValueError, match=r"not seen in fit: 'z'"):
            conditional.sample(3, y="z")
        with pytest.raises(ValueError, match="not seen in fit: 1"):
            conditional.sample(3, y=1)
        with pytest.raises(ValueError, match="one class, or 3 of them"):
            conditional.sample(3, y=["a", "b"])
        with pytest.raises(ValueError, match="not conditional"):
            VAETransformer(2, max_iter=0).fit(X).sample(3, y="a")
        with pytest.raises(ValueError, match="not conditional"):
            VAETransformer(2, max_iter=0).fit(X).inverse_transform(np.zeros((3, 2)), list("abc"))
        with pytest.raises(ValueError, match="not conditional"):
            VAETransformer(2, max_iter=0).fit(X).score_samples(X, y)

    def test_reconstruct_with_the_class(self, labelled, conditional):
        X, y = labelled
        told = conditional.reconstruct(X, y)
        assert_allclose(told, conditional.inverse_transform(conditional.transform(X), y))
        assert np.square(X - told).mean() < 0.7 * np.square(X - conditional.reconstruct(X)).mean()

    @pytest.mark.filterwarnings("ignore:Only:sklearn.exceptions.ConvergenceWarning")
    @pytest.mark.parametrize("likelihood", ["gaussian", "poisson"])
    def test_codes_of_a_class_are_decoded_by_its_mean(self, likelihood):
        """The code and the indicators of the class go through `decoder_`."""
        X, y = DATA[likelihood], np.arange(400) % 3
        model = VAETransformer(2, likelihood=likelihood, conditional=True, max_iter=1).fit(X, y)
        codes = RNG.normal(size=(9, 2))
        told = np.hstack([codes, np.eye(3)[y[:9]]])
        with torch.no_grad():
            expected = model.decoder_(torch.from_numpy(told).float())
        assert_allclose(model.inverse_transform(codes, y[:9]), expected, rtol=1e-4, atol=1e-5)

    def test_numbers_and_strings_are_different_labels(self):
        X, y = DATA["gaussian"], np.arange(400) % 12
        model = VAETransformer(2, conditional=True, max_iter=0).fit(X, y)
        with pytest.raises(ValueError, match="not seen in fit: '10'"):
            model.score_samples(X[:2], ["2", "10"])
        assert_array_equal(model.score_samples(X, y.astype(float)), model.score_samples(X, y))

    def test_categories_are_not_averaged(self):
        X, y = DATA["categorical"], CODES[:, 0] > 0
        model = VAETransformer(2, likelihood="categorical", conditional=True, max_iter=0).fit(X, y)
        assert set(np.unique(model.reconstruct(X))) <= {0.0, 1.0, 2.0}


def test_in_a_grid_beside_pca(digits):
    """By log-likelihood, which PCA's own score is too."""
    grid = {
        "reduce": [PCA(), VAETransformer(max_iter=30, random_state=0)],
        "reduce__n_components": [2, 8],
    }
    X = digits + RNG.uniform(-0.5, 0.5, digits.shape)
    search = GridSearchCV(Pipeline([("reduce", PCA())]), grid, cv=2).fit(X)
    scores = search.cv_results_["mean_test_score"]
    assert (scores[2:] > scores[:2]).all()


@pytest.mark.parametrize("likelihood", ["gaussian_diagonal", "student_t"])
def test_sorted_rows_make_no_difference(likelihood, monkeypatch):
    """More than a start looks at; the last ones are of another kind."""
    monkeypatch.setattr("skae.starts._variational.MAX_ROWS", 1000)
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(1100, 3)), 5 + rng.normal(size=(300, 3))])
    parameters = {"likelihood": likelihood, "max_iter": 0, "random_state": 0}
    scores = [VAETransformer(1, **parameters).fit(x).score(x) for x in (X, rng.permutation(X))]
    assert scores[0] == pytest.approx(scores[1], abs=0.05)
