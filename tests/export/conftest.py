"""Fitted estimators of every kind, and how models of ONNX are run."""

import numpy as np
import pytest
from onnxruntime import InferenceSession, SessionOptions
from sklearn.preprocessing import MinMaxScaler

from skae import AutoencoderTransformer, ConvAutoencoder, SparseAutoencoder, VAETransformer

N_ROWS = 1000
# so few that linear models of counts and the like need not be sought
N_TRAINING = 90
SHORT = {"max_iter": 3, "early_stopping": False, "random_state": 0}
DENSE = {"hidden_layer_sizes": (8,), **SHORT}
CONVOLUTIONAL = {"hidden_channels": (2, 3), "kernel_size": 3, **SHORT, "max_iter": 1}
SPARSE = {"n_components": 20, **SHORT}


def _make_data():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(N_ROWS, 3)) @ rng.normal(size=(3, 10))
    rows += 0.3 * rng.normal(size=rows.shape)
    data = {
        "real": 3 * rows + 5,
        "unit": MinMaxScaler().fit_transform(rows),
        # float32 has one digit left for what varies
        "far": 1e6 + rows,
        "binary": rows > 0,
        "counts": rng.poisson(np.exp(rows / 3)),
        "far counts": rng.poisson(1e6, rows.shape),
        "categories": np.digitize(rows, (-1, 0, 1)),
        "signals": rng.normal(size=(N_ROWS, 9)),
        "images": rng.normal(size=(N_ROWS, 5, 6)),
        "flat images": rng.normal(size=(N_ROWS, 30)),
        "colours": rng.normal(size=(N_ROWS, 6, 5, 3)),
        "volumes": rng.normal(size=(N_ROWS, 3, 4, 5)),
    }
    return {name: values.astype(np.float32) for name, values in data.items()}


DATA = _make_data()
LABELS = np.array(["a", "b"])[(DATA["real"][:, 0] > 5).astype(int)]

HALVES = ("transform", "inverse_transform")
WHOLE = ("reconstruct",)
# as another case, but for what the tests of modules see
NONE = ()
# estimator, data, methods; where decoders are smooth, both halves in one tell of each
CASES = {
    "dense": (AutoencoderTransformer(3, **DENSE), "real", HALVES),
    "dense, tied": (AutoencoderTransformer(3, tied_weights=True, **DENSE), "real", WHOLE),
    "dense, far from zero": (AutoencoderTransformer(3, **DENSE), "far", ("transform",)),
    "dense, probabilities": (
        AutoencoderTransformer(3, loss="binary_crossentropy", activation="gelu", **DENSE),
        "unit", WHOLE,
    ),
    "ordered": (AutoencoderTransformer(4, ordered=True, activation="elu", **DENSE), "real", WHOLE),
    "sparse, topk": (SparseAutoencoder(n_nonzero=4, n_steps=2, **SPARSE), "real", WHOLE),
    "sparse, topk, far from zero": (SparseAutoencoder(n_nonzero=4, **SPARSE), "far", NONE),
    "sparse, l1": (SparseAutoencoder(sparsity="l1", **SPARSE), "real", WHOLE),
    "sparse, kl, no steps": (SparseAutoencoder(sparsity="kl", n_steps=0, **SPARSE), "real", WHOLE),
    "sparse, jumprelu": (
        SparseAutoencoder(sparsity="jumprelu", sparsity_weight=0.01, **SPARSE), "real", WHOLE,
    ),
    "convolutional": (ConvAutoencoder(3, **CONVOLUTIONAL), "images", WHOLE),
    "convolutional, signals": (
        ConvAutoencoder(3, activation="tanh", **CONVOLUTIONAL), "signals", WHOLE,
    ),
    "convolutional, flat, maxima": (
        ConvAutoencoder(3, image_shape=(1, 5, 6), pooling="max", ordered=True, **CONVOLUTIONAL),
        "flat images", WHOLE,
    ),
    "convolutional, channels last, averages": (
        ConvAutoencoder(3, channels="last", pooling="average", **CONVOLUTIONAL), "colours", WHOLE,
    ),
    "convolutional, volumes": (
        ConvAutoencoder(3, image_shape=(1, 3, 4, 5), init="random", **CONVOLUTIONAL),
        "volumes", WHOLE,
    ),
    "variational": (VAETransformer(3, **DENSE), "real", WHOLE),
    "variational, conditional": (
        VAETransformer(3, likelihood="gaussian_diagonal", conditional=True, **DENSE), "real", WHOLE,
    ),
    "variational, student_t": (VAETransformer(3, likelihood="student_t", **DENSE), "real", NONE),
    "variational, bernoulli": (VAETransformer(3, likelihood="bernoulli", **DENSE), "binary", NONE),
    "variational, continuous_bernoulli": (
        VAETransformer(3, likelihood="continuous_bernoulli", **DENSE), "unit", WHOLE,
    ),
    "variational, poisson, far from zero": (
        VAETransformer(3, likelihood="poisson", **DENSE), "far counts", ("transform",),
    ),
    "variational, negative_binomial": (
        VAETransformer(3, likelihood="negative_binomial", **DENSE), "counts", WHOLE,
    ),
    "variational, categorical": (
        VAETransformer(3, likelihood="categorical", **DENSE), "categories", HALVES,
    ),
    "variational, categorical, conditional": (
        VAETransformer(3, likelihood="categorical", conditional=True, **DENSE), "categories",
        ("inverse_transform",),
    ),
}  # fmt: skip


def scrambled(estimator):
    """Change the weights of a fitted estimator.

    A short training may keep its start, where networks give zero: then nothing of them would be
    seen in what they add to the linear optimum.
    """
    state = estimator.__getstate__()
    weights = state["_network"]["state"]["weights"]
    rng = np.random.default_rng(0)
    for name, values in weights.items():
        if name.split(".")[-1] not in ("scale", "shared", "weights"):
            weights[name] = values + 0.1 * rng.normal(size=values.shape)
    estimator.__setstate__(state)
    return estimator


@pytest.fixture(scope="session")
def fit():
    """Return a function that fits a case once, and gives it with its data."""
    fitted = {}

    def fit(case):
        estimator, name, _ = CASES[case]
        if case not in fitted:
            estimator.fit(DATA[name][:N_TRAINING], LABELS[:N_TRAINING])
            # the atoms of a sparse coder are in an attribute as well, and are not zero
            is_sparse = isinstance(estimator, SparseAutoencoder)
            fitted[case] = estimator if is_sparse else scrambled(estimator)
        return fitted[case], DATA[name]

    return fit


@pytest.fixture(params=CASES)
def case(request, fit):
    """A fitted autoencoder and its data."""
    return fit(request.param)


@pytest.fixture(
    params=[(name, method) for name, (_, _, methods) in CASES.items() for method in methods],
    ids=": ".join,
)
def call(request, fit):
    """A fitted autoencoder, the name of a method, and the rows it is for."""
    name, method = request.param
    estimator, rows = fit(name)
    return estimator, method, estimator.transform(rows) if method == "inverse_transform" else rows


@pytest.fixture(scope="session")
def small(iris):
    """A small fitted autoencoder."""
    return AutoencoderTransformer(2, hidden_layer_sizes=(4,), max_iter=1, random_state=0).fit(iris)


@pytest.fixture(scope="session")
def data():
    """Data of every kind, in float32."""
    return DATA


@pytest.fixture(scope="session")
def labels():
    return LABELS


@pytest.fixture(scope="session")
def run():
    """Return a function that gives the outputs of a model of ONNX, by names."""

    def run(model, **inputs):
        options = SessionOptions()
        options.intra_op_num_threads = 1
        session = InferenceSession(model.SerializeToString(), options)
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(None, inputs), strict=True))

    return run


@pytest.fixture(scope="session")
def assert_equal():
    """Return a function that compares arrays of float32, relative to their size."""

    def assert_equal(got, wanted):
        assert got.dtype == wanted.dtype == np.float32
        assert got.shape == wanted.shape
        assert np.abs(got - wanted).max() <= 1e-5 * np.abs(wanted).max()

    return assert_equal
