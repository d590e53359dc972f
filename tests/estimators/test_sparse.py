"""Codes that are really sparse, and atoms that are all used."""

from copy import deepcopy

import numpy as np
import pytest
import scipy.sparse
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA, sparse_encode
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

from skae import SparseAutoencoder
from skae.metrics import reconstruction_r2_scorer

SPARSITIES = ["topk", "l1", "kl", "jumprelu"]
over_sparsities = pytest.mark.parametrize("sparsity", SPARSITIES)


@pytest.fixture(scope="module")
def fitted(digits):
    return {
        sparsity: SparseAutoencoder(
            96,
            sparsity=sparsity,
            n_nonzero=6,
            max_iter=45 if sparsity == "kl" else 15,
            random_state=0,
        ).fit(digits)
        for sparsity in SPARSITIES
    }


@pytest.fixture(scope="module")
def planted():
    """Rows that are sums of three of twenty atoms."""
    rng = np.random.default_rng(0)
    atoms = rng.normal(size=(20, 30))
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    codes = np.zeros((2000, 20))
    for row in codes:
        row[rng.choice(20, 3, replace=False)] = rng.uniform(1, 2, 3)
    return codes @ atoms + 5.0, atoms


class TestEverySparsity:
    @over_sparsities
    def test_codes_are_not_negative_and_have_exact_zeros(self, fitted, digits, sparsity):
        codes = fitted[sparsity].transform(digits)
        assert codes.shape == (1797, 96)
        assert (codes >= 0).all()
        assert (codes == 0).mean() > 0.1
        assert fitted[sparsity].sparsity_ == pytest.approx((codes > 0).sum(axis=1).mean())

    @over_sparsities
    def test_decoding_is_linear_with_atoms_of_unit_norm(self, fitted, digits, sparsity):
        coder = fitted[sparsity]
        codes = coder.transform(digits)
        assert_allclose(np.linalg.norm(coder.components_, axis=1), 1)
        assert_allclose(
            coder.inverse_transform(codes), codes @ coder.components_ + coder.intercept_, atol=1e-9
        )
        assert_allclose(coder.reconstruct(digits), coder.inverse_transform(codes), atol=1e-9)

    @over_sparsities
    def test_it_beats_as_many_principal_components(self, fitted, digits, sparsity):
        coder = fitted[sparsity]
        n_used = max(1, int(coder.sparsity_)) if sparsity == "topk" else 6
        assert coder.score(digits) > PCA(n_used).fit(digits).explained_variance_ratio_.sum() + 0.1

    @over_sparsities
    def test_modules_agree_with_the_methods(self, fitted, digits, sparsity):
        coder = fitted[sparsity]
        x = torch.from_numpy(digits).float()
        with torch.no_grad():
            codes = coder.encoder_(x)
            back = coder.decoder_(codes)
        # a component at its threshold may be on either side of it
        differs = np.abs(codes.numpy() - coder.transform(digits)).max(axis=1) > 1e-2
        assert differs.mean() < 0.01
        error = np.abs(back.numpy() - coder.reconstruct(digits)).max(axis=1)
        assert (error[~differs] < 0.1).all()

    @over_sparsities
    def test_codes_scale_with_the_data(self, iris, sparsity):
        coders = [
            SparseAutoencoder(8, sparsity=sparsity, max_iter=3, random_state=0).fit(X)
            for X in (iris, 1000 * iris + 7)
        ]
        assert_allclose(
            1000 * coders[0].transform(iris), coders[1].transform(1000 * iris + 7), atol=0.1
        )

    @over_sparsities
    def test_samples_are_sums_of_few_atoms(self, fitted, sparsity):
        coder = fitted[sparsity]
        X = coder.sample(200, random_state=0)
        assert X.shape == (200, 64)
        assert_array_equal(X, coder.sample(200, random_state=0))

    @over_sparsities
    def test_samples_vary_as_reconstructions_do(self, fitted, digits, sparsity):
        coder = fitted[sparsity]
        drawn = coder.sample(4000, random_state=0)
        made = coder.reconstruct(digits)
        assert_allclose(drawn.mean(axis=0), made.mean(axis=0), atol=0.3)
        # components that are active together but vary against each other lose this when drawn apart
        ratio = drawn.var(axis=0).sum() / made.var(axis=0).sum()
        assert (0.85 if sparsity == "topk" else 0.5) < ratio < 1.1

    @over_sparsities
    def test_no_atom_is_left_dead(self, fitted, sparsity):
        assert len(fitted[sparsity].dead_components_) <= 2


@pytest.mark.parametrize("density", ["gmm", "gaussian", "kde"])
def test_draws_from_other_densities_are_codes_too(fitted, digits, density):
    coder = clone(fitted["topk"]).set_params(
        latent_density=density, warm_start=fitted["topk"], max_iter=0
    )
    codes = coder.fit(digits)._clip_codes(
        coder.latent_density_.sample(50, np.random.RandomState(0))
    )
    assert (codes >= 0).all()
    assert ((codes > 0).sum(axis=1) <= 6).all()


def test_topk_has_at_most_n_nonzero(fitted, digits):
    counts = (fitted["topk"].transform(digits) > 0).sum(axis=1)
    assert counts.max() == 6
    assert fitted["topk"].n_nonzero_ == 6


@pytest.mark.parametrize("sparsity", ["l1", "kl", "jumprelu"])
def test_the_share_of_zeros_grows_with_the_weight(digits, sparsity):
    weights = {"l1": [1e-3, 1e-1, 1.0], "kl": [1e-4, 1e-2, 10.0], "jumprelu": [0.0, 0.1, 10.0]}[
        sparsity
    ]
    shares = [
        np.mean(
            SparseAutoencoder(96, sparsity=sparsity, sparsity_weight=weight, max_iter=25,
                              random_state=0).fit_transform(digits) == 0
        )
        for weight in weights
    ]  # fmt: skip
    assert shares == sorted(shares)
    # thresholds leave out small drives even where nothing is penalised
    assert shares[0] < (0.7 if sparsity == "jumprelu" else 0.4)
    assert shares[-1] > 0.9


@pytest.mark.parametrize("n_steps", [0, 1, 3])
def test_what_overflows_is_refused(n_steps):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 20))
    coder = SparseAutoencoder(40, n_steps=n_steps, max_iter=2, random_state=0).fit(X)
    with pytest.raises(ValueError, match="too far from those of the training data"):
        coder.transform(np.full((2, 20), 3e38, dtype="f4"))
    assert coder.encoder_(torch.empty(0, 20)).shape == (0, 40)


def test_planted_atoms_are_found(planted):
    X, atoms = planted
    coder = SparseAutoencoder(20, n_nonzero=3, max_iter=100, random_state=0).fit(X)
    cosines = np.abs(atoms @ coder.components_.T).max(axis=1)
    assert (cosines > 0.9).mean() >= 0.8
    assert coder.score(X) > 0.9


def test_thresholding_steps_help(digits):
    scores = [
        SparseAutoencoder(96, n_nonzero=6, n_steps=n, max_iter=25, random_state=0)
        .fit(digits[:1200])
        .score(digits[1200:])
        for n in (0, 3)
    ]
    assert scores[1] > scores[0] + 0.01


def test_matching_pursuit_is_scikit_learn_s(fitted, digits):
    coder = fitted["topk"]
    pursuit = SparseAutoencoder(
        96, n_nonzero=6, max_iter=0, warm_start=coder, transform_algorithm="omp"
    ).fit(digits)
    X = digits[:50]
    expected = sparse_encode(
        X - coder.intercept_, coder.components_, algorithm="omp", n_nonzero_coefs=6
    )
    assert_allclose(pursuit.transform(X), expected, atol=1e-8)
    assert pursuit.score(digits) > coder.score(digits)


def test_an_unknown_transform_algorithm_is_refused_after_the_fit(fitted, digits):
    coder = deepcopy(fitted["topk"]).set_params(transform_algorithm="lars")
    with pytest.raises(ValueError, match=r"'transform_algorithm' parameter .* must be a str among"):
        coder.transform(digits)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_output(fitted, digits, dtype, monkeypatch):
    monkeypatch.setattr("skae.estimators._sparse.ENTRIES_PER_BLOCK", 1000)
    X = digits.astype(dtype)
    coder = clone(fitted["topk"]).set_params(
        sparse_output=True, warm_start=fitted["topk"], max_iter=0
    )
    codes = coder.fit_transform(X)
    assert isinstance(codes, scipy.sparse.csr_array)
    assert codes.dtype == dtype
    dense = fitted["topk"].transform(X)
    assert_allclose(codes.toarray(), dense, atol=1e-3)
    assert_allclose(
        coder.inverse_transform(codes), fitted["topk"].inverse_transform(dense), atol=1e-2
    )


def test_the_table_of_components(fitted, digits):
    table = fitted["topk"].describe_components(digits, n_rows=3)
    codes = fitted["topk"].transform(digits)
    assert list(table) == ["component", "frequency", "strength", "energy", "top_rows"]
    first = table["component"][0]
    assert table["energy"].sum() == pytest.approx(1)
    assert (np.diff(table["energy"]) <= 0).all()
    assert table["frequency"][0] == pytest.approx((codes[:, first] > 0).mean())
    assert table["strength"][0] == pytest.approx(codes[codes[:, first] > 0, first].mean())
    assert table["top_rows"][0, 0] == codes[:, first].argmax()
    assert table["top_rows"].shape == (96, 3)
    few = fitted["topk"].describe_components(digits[:20], n_rows=4)["top_rows"]
    used = fitted["topk"].transform(digits[:20])[:, table["component"]] > 0
    assert (few >= 0).sum() == np.minimum(used.sum(axis=0), 4).sum()
    with pytest.raises(ValueError, match="n_rows must be an int of at least 1"):
        fitted["topk"].describe_components(digits, n_rows=-1)


def test_a_warning_if_most_atoms_are_dead(digits):
    coder = SparseAutoencoder(64, sparsity="l1", sparsity_weight=10.0, max_iter=60, random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"Only \d+ of 64 components are used. Lower spars"):
        coder.fit(digits)


def test_the_share_of_active_rows_is_near_its_target(digits):
    coder = SparseAutoencoder(96, sparsity="kl", max_iter=40, random_state=0).fit(digits)
    shares = (coder.transform(digits) > 0).mean(axis=0)
    assert 0.03 < shares.mean() < 0.1


def test_dead_atoms_come_back(digits):
    """Atoms whose drive is never among the largest: only the auxiliary loss moves them."""
    coder = SparseAutoencoder(64, n_nonzero=4, init="random", n_steps=0, max_iter=0, random_state=0)
    coder.fit(digits)
    module = coder._network.module
    module.weight[:32] /= 1000
    later = SparseAutoencoder(
        64, n_nonzero=4, init="random", n_steps=0, warm_start=coder, max_iter=60, random_state=0
    ).fit(digits)
    assert len(later.dead_components_) < 8


def test_default_sizes(iris):
    coder = SparseAutoencoder(max_iter=0).fit(iris)
    assert coder.components_.shape == (8, 4)
    assert coder.n_nonzero_ == 1


def test_more_nonzeros_than_components(iris):
    with pytest.raises(ValueError, match="n_nonzero=7 must not exceed n_components=5"):
        SparseAutoencoder(5, n_nonzero=7).fit(iris)


def test_in_scikit_learn(digits):
    grid = {"reduce__n_nonzero": [2, 8]}
    reduce = SparseAutoencoder(64, max_iter=5, random_state=0)
    search = GridSearchCV(
        Pipeline([("reduce", reduce)]), grid, scoring=reconstruction_r2_scorer, cv=2
    ).fit(digits)
    assert search.best_params_ == {"reduce__n_nonzero": 8}
    labels = (digits.sum(axis=1) > 300).astype(int)
    pipeline = make_pipeline(
        FrozenEstimator(clone(reduce).set_params(sparse_output=True).fit(digits)),
        LogisticRegression(max_iter=1000),
    )
    assert pipeline.fit(digits, labels).score(digits, labels) > 0.8


def test_equal_rows_do_not_make_equal_atoms():
    X = np.repeat(np.random.default_rng(0).normal(size=(10, 6)), 30, axis=0)
    coder = SparseAutoencoder(40, sparsity="l1", max_iter=3, random_state=0).fit(X)
    cosines = coder.components_ @ coder.components_.T - np.eye(40)
    assert cosines.max() < 0.9999


def test_reports_of_a_pursuit_count_negative_codes(digits):
    coder = SparseAutoencoder(
        40, n_nonzero=4, max_iter=2, transform_algorithm="omp", random_state=0
    ).fit(digits)
    assert coder.sparsity_ == pytest.approx(4)
    assert (coder.describe_components(digits)["strength"] >= 0).all()
