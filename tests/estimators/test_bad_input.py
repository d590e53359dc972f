"""What is refused, and in what words; and what must come out finite."""

import warnings

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from skae import AutoencoderTransformer, ConvAutoencoder, SparseAutoencoder, VAETransformer

ESTIMATORS = [AutoencoderTransformer, VAETransformer, SparseAutoencoder, ConvAutoencoder]
METHODS = ["transform", "inverse_transform", "reconstruct", "score_samples", "score"]

BAD_PARAMETERS = [
    ("n_components", 0),
    ("n_components", 1.5),
    ("ordered", "yes"),
    ("hidden_layer_sizes", "wide"),
    ("hidden_layer_sizes", 0),
    ("hidden_layer_sizes", (10, 0)),
    ("hidden_layer_sizes", (10.5,)),
    ("hidden_layer_sizes", [[3]]),
    ("activation", "softplus"),
    ("init", "zeros"),
    ("tied_weights", "yes"),
    ("loss", "mse"),
    ("alpha", -1),
    ("l1_ratio", 2),
    ("contractive", -0.1),
    ("corruption", "poisson"),
    ("corruption_level", -1),
    ("solver", "sgd"),
    ("weight_decay", -1),
    ("learning_rate", "adaptive"),
    ("learning_rate_init", 0),
    ("batch_size", 0),
    ("max_iter", -1),
    ("early_stopping", "no"),
    ("validation_fraction", 1.0),
    ("n_iter_no_change", 0),
    ("tol", -1),
    ("warm_start", "yes"),
    ("latent_density", "flow"),
    ("latent_density", object()),
    ("device", "tpu-of-my-own"),
    ("device", 3),
    ("precision", "float16"),
    ("precision", 32),
    ("random_state", "seed"),
    ("checkpoint", 3),
    ("checkpoint_every", 0),
    ("verbose", -1),
    ("likelihood", "normal"),
    ("likelihood", None),
    ("noise_variance", 0),
    ("noise_variance", "small"),
    ("beta", -1),
    ("kl_warmup", 1.1),
    ("free_bits", -0.1),
    ("n_importance_samples", 0),
    ("dynamic_binarization", "yes"),
    ("conditional", "yes"),
    ("sparsity", "l0"),
    ("n_nonzero", 0),
    ("n_nonzero", 2.5),
    ("sparsity_weight", -1),
    ("target_activation", 0),
    ("n_steps", -1),
    ("input_noise", -0.1),
    ("transform_algorithm", "lars"),
    ("sparse_output", "yes"),
    ("image_shape", 28),
    ("image_shape", "28x28"),
    ("image_shape", (4,)),
    ("image_shape", (1, 0, 4)),
    ("image_shape", (1, 2.0, 2)),
    ("channels", "middle"),
    ("hidden_channels", 8),
    ("hidden_channels", ()),
    ("hidden_channels", (8, 0)),
    ("hidden_channels", (8.5,)),
    ("kernel_size", 0),
    ("kernel_size", 4),
    ("pooling", "none"),
    ("augment", "rotate"),
    ("augment", ("shift", "rotate")),
    ("augment", [["shift"]]),
    ("augment", 3),
    ("max_shift", -1),
]
CASES = [
    (Estimator, name, value)
    for Estimator in ESTIMATORS
    for name, value in BAD_PARAMETERS
    if name in Estimator().get_params()
]


def _is_shared(Estimator, name):
    """Return whether a class before this one has the parameter, with the same constraints."""
    known = [cls._parameter_constraints for cls in (*ESTIMATORS[: ESTIMATORS.index(Estimator)],)]
    wanted = Estimator._parameter_constraints[name]
    return any(constraints.get(name) is wanted for constraints in known)


def _marked(Estimator, name, value):
    marks = pytest.mark.full if _is_shared(Estimator, name) else ()
    return pytest.param(Estimator, name, value, marks=marks)


def test_every_parameter_has_a_bad_value():
    for Estimator in ESTIMATORS:
        tried = {name for tried_on, name, _ in CASES if tried_on is Estimator}
        assert tried == set(Estimator().get_params())


@pytest.mark.parametrize(("Estimator", "name", "value"), [_marked(*case) for case in CASES])
def test_bad_parameters_are_named_by_fit_alone(iris, Estimator, name, value):
    estimator = Estimator(**{name: value})
    with pytest.raises(ValueError, match=rf"The '{name}' parameter .*must be .* Got .* instead"):
        estimator.fit(iris)


@pytest.mark.parametrize("corruption", ["masking", "salt_and_pepper"])
def test_shares_above_one(iris, corruption):
    with pytest.raises(ValueError, match=r"must be in \[0, 1\]. Got 1.5"):
        AutoencoderTransformer(corruption=corruption, corruption_level=1.5).fit(iris)


@pytest.mark.thinned(1)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("device", ["cuda:77", "mps:5", "xpu"])
def test_absent_devices(iris, Estimator, device):
    with pytest.raises(ValueError, match=f"device='{device}' is not available here"):
        Estimator(device=device).fit(iris)


GOOD = np.random.default_rng(0).normal(size=(20, 4))


def _with(value):
    X = GOOD.copy()
    X[3, 2] = value
    return X


BAD_DATA = {
    "nan": (_with(np.nan), "NaN"),
    "inf": (_with(np.inf), "infinity"),
    "too large for float32": (_with(1e39), "too large for dtype\\('float32'\\)"),
    "strings": (
        [*GOOD.tolist(), ["a", "b", "c", "d"]],
        "convert|string",
    ),
    "complex": (GOOD.astype(complex), "[Cc]omplex"),
    "sparse": (scipy.sparse.csr_array(GOOD), "[Ss]parse"),
    "empty": (np.empty((0, 4)), "0 sample"),
    "no columns": (np.empty((20, 0)), "0 feature"),
    "one row": (GOOD[:1], "minimum of 2"),
    "one dimension": (GOOD[0], "2D array"),
    "three dimensions": (GOOD[None], "dim 3"),
    "a scalar": (3.0, "scalar"),
    "None": (None, "2D array|NoneType|None"),
}


@pytest.mark.thinned(1)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data(Estimator, case):
    X, message = BAD_DATA[case]
    if case == "three dimensions" and Estimator is ConvAutoencoder:
        message = "minimum of 2|images of shape"
    with pytest.raises((ValueError, TypeError), match=message):
        Estimator(max_iter=1).fit(X)
    if case == "one row":
        return
    fitted = Estimator(2, max_iter=1).fit(GOOD)
    for method in ("transform", "reconstruct", "score_samples", "score"):
        with pytest.raises((ValueError, TypeError), match=message):
            getattr(fitted, method)(X)


@pytest.mark.thinned(1)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("method", METHODS)
def test_wrong_widths(Estimator, method):
    fitted = Estimator(2, max_iter=1).fit(GOOD)
    match = "expects codes with 2" if method == "inverse_transform" else "is expecting 4 features"
    with pytest.raises(ValueError, match=match):
        getattr(fitted, method)(np.ones((5, 3)))


@pytest.mark.thinned(1)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("method", [*METHODS, "sample"])
def test_before_fit(Estimator, method):
    with pytest.raises(NotFittedError):
        getattr(Estimator(), method)(GOOD)
    assert not hasattr(Estimator(), "encoder_")
    assert not hasattr(Estimator(), "decoder_")


ODD_DATA = {
    "constant": np.full((20, 4), 7.0),
    "constant and not representable": np.full((50, 4), 0.1),
    "zero": np.zeros((20, 4)),
    "constant column": _with(0.0) * [1, 1, 0, 1],
    "duplicate columns": GOOD[:, [0, 0, 1, 1]],
    "duplicate rows": np.repeat(GOOD[:2], 10, axis=0),
    "two rows": GOOD[:2],
    "one column": GOOD[:, :1],
    "more columns than rows": np.random.default_rng(0).normal(size=(5, 50)),
    "tiny values": GOOD * 1e-300,
    "denormal values": GOOD * 1e-310,
    "large values": GOOD * 1e37,
    "far from zero": GOOD + 1e8,
    "one outlier": _with(1e30),
    "integers": (GOOD * 10).astype(int),
    "unsigned bytes": (np.abs(GOOD) * 50).astype(np.uint8),
    "booleans": GOOD > 0,
    "half precision": GOOD.astype(np.float16),
    "float32": GOOD.astype(np.float32),
    "Fortran order": np.asfortranarray(GOOD),
    "negative strides": GOOD[::-1, ::-1],
    "big endian": GOOD.astype(">f8"),
    "nested lists": GOOD.tolist(),
    "object dtype": GOOD.astype(object),
}


VARIANTS = [
    AutoencoderTransformer(2),
    AutoencoderTransformer(2, init="random"),
    AutoencoderTransformer(2, tied_weights=True),
    AutoencoderTransformer(2, ordered=True),
    VAETransformer(2),
    VAETransformer(2, init="random"),
    VAETransformer(2, likelihood="gaussian_diagonal", hidden_layer_sizes=()),
    VAETransformer(2, likelihood="student_t"),
    VAETransformer(2, n_importance_samples=3),
    SparseAutoencoder(6),
    SparseAutoencoder(6, sparsity="l1", init="random"),
    SparseAutoencoder(6, sparsity="kl", n_steps=0),
    SparseAutoencoder(6, sparsity="jumprelu"),
    ConvAutoencoder(2),
    ConvAutoencoder(2, ordered=True, augment="flip"),
    ConvAutoencoder(2, init="random", augment=("shift", "flip")),
    ConvAutoencoder(2, pooling="average", image_shape=None, channels="last"),
]


HARD = (
    "tiny values", "large values", "one outlier", "constant", "two rows", "more columns than rows",
)  # fmt: skip
FIRST_OF_CLASS = {type(estimator): estimator for estimator in reversed(VARIANTS)}.values()


def _on_odd_data():
    """Yield all data for one estimator of every class, and the hard ones for all."""
    for estimator in VARIANTS:
        for case in ODD_DATA:
            is_enough = case in HARD or any(estimator is first for first in FIRST_OF_CLASS)
            marks = () if is_enough else pytest.mark.full
            yield pytest.param(case, estimator, marks=marks, id=f"{case}-{estimator!r}")


# most of these data are constant, or functions of fewer numbers
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("case", "estimator"), list(_on_odd_data()))
def test_odd_data_gives_finite_results(estimator, case):
    X = ODD_DATA[case]
    fitted = clone(estimator).set_params(max_iter=2, random_state=0).fit(X)
    codes = fitted.transform(X)
    for result in (
        codes,
        fitted.inverse_transform(codes),
        fitted.reconstruct(X),
        fitted.score_samples(X),
        fitted.score(X),
        fitted.sample(3, random_state=0),
        fitted.loss_curve_,
    ):
        assert np.isfinite(result).all()


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_rows_far_away_are_refused(Estimator):
    fitted = Estimator(2, max_iter=2, random_state=0).fit(GOOD * 1e-30)
    with pytest.raises(ValueError, match="too far from those of the training data"):
        fitted.transform(np.full((1, 4), 1e20, dtype=np.float32))


@pytest.mark.parametrize(
    ("Estimator", "learning_rate_init"),
    # atoms of unit norm hold a sparse coder together
    [(AutoencoderTransformer, 1e4), (VAETransformer, 1e4), *((E, 1e30) for E in ESTIMATORS)],
)
def test_divergence(digits, Estimator, learning_rate_init):
    with pytest.raises(ValueError, match=r"diverged: .* Lower learning_rate_init"):
        Estimator(2, learning_rate_init=learning_rate_init).fit(digits)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_no_row_left_to_train_on(Estimator):
    with pytest.raises(ValueError, match="no row is left to train on"):
        Estimator(1, validation_fraction=0.9).fit(GOOD[:2])


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_failed_fit_leaves_the_last_one_usable(iris, Estimator):
    autoencoder = Estimator(2, max_iter=2).fit(iris)
    codes = autoencoder.transform(iris)
    with pytest.raises(ValueError, match="diverged"):
        autoencoder.set_params(learning_rate_init=1e30).fit(iris)
    np.testing.assert_array_equal(autoencoder.transform(iris), codes)
    with pytest.raises(ValueError, match="no row is left"):
        autoencoder.set_params(validation_fraction=0.99).fit(iris[:20, :3])
    np.testing.assert_array_equal(autoencoder.transform(iris), codes)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_the_scale_of_constant_data_is_one(Estimator):
    X = np.full((50, 4), 0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = Estimator(1, max_iter=0).fit(X)
    assert np.abs(fitted.transform(X + 1e-3)).max() < 10
