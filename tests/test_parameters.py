"""Numbers that parameters may just have are accepted by `fit`: both ends, and between them."""

import numpy as np
import pytest

from skae import (
    AutoencoderCV,
    AutoencoderTransformer,
    ConvAutoencoder,
    SparseAutoencoder,
    VAETransformer,
)
from skae._scikit_learn import Interval
from skae.image import ImageColorizer, ImageSegmenter, ImageToImageRegressor
from skae.registration import AtlasSegmenter, DiffeomorphicAutoencoder, GeoSICClassifier

RNG = np.random.default_rng(0)
ROWS = RNG.random((40, 5))
IMAGES = RNG.random((40, 8, 8))
COLORS = RNG.random((40, 3, 8, 8))
MASKS = (IMAGES > 0.5).astype(int)
DATA = {
    AutoencoderTransformer: (ROWS, None),
    VAETransformer: (ROWS, None),
    SparseAutoencoder: (ROWS, None),
    AutoencoderCV: (ROWS, None),
    ConvAutoencoder: (IMAGES, None),
    ImageToImageRegressor: (IMAGES, IMAGES),
    ImageColorizer: (IMAGES, COLORS),
    ImageSegmenter: (IMAGES, MASKS),
    DiffeomorphicAutoencoder: (IMAGES, None),
    GeoSICClassifier: (IMAGES, MASKS[:, 0, 0]),
    AtlasSegmenter: (IMAGES, MASKS),
}

# from the least, if there is one, to the most
GOOD = {
    "alpha": (0, 0.5, 3),
    "base_channels": (1, 3),
    "batch_size": (1, 7, 1000),
    "beta": (0, 0.5),
    "checkpoint_every": (1, 3),
    "classification_weight": (1e-6, 2),
    "contractive": (0, 0.5),
    "control_spacing": (1, 2),
    "corruption_level": (0, 0.5),
    "depth": (0, 1),
    "filter_size": (1, 3),
    "free_bits": (0, 0.5),
    "gamma": (0.1, 2),
    "hidden_layer_sizes": (1, 3),
    "ignore_index": (-1, 255),
    "kernel_size": (1, 5),
    "kl_warmup": (0, 0.5, 1),
    "l1_ratio": (0, 0.5, 1),
    "learning_rate_init": (1e-6, 0.1),
    "max_iter": (0, 1),
    "max_shift": (0, 1),
    "n_components": (1, 3),
    "n_importance_samples": (1, 3),
    "n_iter_no_change": (1, 3),
    "n_nonzero": (1, 3),
    "n_steps": (0, 1),
    "input_noise": (0, 0.5),
    "noise_variance": (0.01, 2),
    "patch_size": (1, 8),
    "power": (0.5, 2),
    "refine_steps": (0, 1),
    "regularization": (0, 0.5),
    "segmentation_weight": (1e-6, 2),
    "sparsity_weight": (0, 0.5),
    "target_activation": (0.01, 0.9),
    "tol": (0, 0.5),
    "validation_fraction": (0.05, 0.9),
    "warmup": (0, 0.5),
    "weight_decay": (0, 0.5),
}
# without which a number means nothing, or is refused with others
ALONG = {
    "corruption_level": {"corruption": "gaussian"},
    "max_shift": {"augment": "shift"},
    "kernel_size": {"pooling": "max"},
    "sparsity_weight": {"sparsity": "l1"},
    "target_activation": {"sparsity": "kl"},
    "n_nonzero": {"sparsity": "topk"},
    "l1_ratio": {"alpha": 0.1},
    "patch_size": {"depth": 0, "filter_size": 1},
}


def _case(Estimator, name):
    """Return a case, marked if a class before has the same parameter with the same limits."""
    before = [*DATA][: [*DATA].index(Estimator)]
    limits = [cls._parameter_constraints.get(name) for cls in before]
    is_new = not any(one is Estimator._parameter_constraints[name] for one in limits)
    return pytest.param(Estimator, name, marks=() if is_new else pytest.mark.full)


CASES = [
    _case(Estimator, name)
    for Estimator in DATA
    for name in sorted(Estimator().get_params(deep=False).keys() & GOOD.keys())
]


def _intervals(Estimator):
    """Return the intervals of the parameters that may be numbers."""
    constraints = Estimator._parameter_constraints.items()
    return {n: [c for c in of if isinstance(c, Interval)] for n, of in constraints}


@pytest.mark.parametrize("Estimator", DATA)
def test_the_least_and_the_most_are_tried(Estimator):
    for name, intervals in _intervals(Estimator).items():
        whole = [interval for interval in intervals if interval.type.__name__ != "RealNotInt"]
        for interval in whole:
            if interval.closed in ("left", "both"):
                assert interval.left == min(GOOD[name])
            if interval.closed in ("right", "both"):
                assert interval.right == max(GOOD[name])
            assert len(GOOD[name]) > 1


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("Estimator", "name"), CASES)
def test_numbers_that_are_allowed(Estimator, name):
    X, y = DATA[Estimator]
    known = Estimator().get_params(deep=False).keys()
    others = {"max_iter": 0, "random_state": 0, **ALONG.get(name, {})}
    for value in GOOD[name]:
        given = {n: v for n, v in {**others, name: value}.items() if n in known}
        assert Estimator(**given).fit(X, y).get_params(deep=False)[name] is value
