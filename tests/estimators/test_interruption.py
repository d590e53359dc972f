"""Ctrl-C ends a training and leaves the best epoch so far."""

import signal

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.fixes import parse_version

from skae import (
    AutoencoderCV,
    AutoencoderTransformer,
    ConvAutoencoder,
    SparseAutoencoder,
    VAETransformer,
)
from skae.engine import GradientStep
from skae.metrics import reconstruction_r2_scorer
from skae.model_selection import bottleneck_curve

ESTIMATORS = [
    AutoencoderTransformer(4),
    AutoencoderTransformer(4, ordered=True),
    AutoencoderTransformer(4, early_stopping=False),
    VAETransformer(4),
    SparseAutoencoder(n_nonzero=4),
    ConvAutoencoder(4),
]
over_estimators = pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)


@pytest.fixture
def interrupt(monkeypatch):
    """Return what has the process interrupted in the update of some number."""
    # a process that runs in the background may have been started to ignore it
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)

    def at(n_updates):
        update = GradientStep.update

        def update_and_interrupt(step, batch):
            losses = update(step, batch)
            if step.n_updates == n_updates:
                signal.raise_signal(signal.SIGINT)
            return losses

        monkeypatch.setattr(GradientStep, "update", update_and_interrupt)

    yield at
    signal.signal(signal.SIGINT, handler)


@over_estimators
def test_the_best_epoch_so_far_is_kept(digits, interrupt, estimator):
    X = digits[:600].reshape(-1, 8, 8) if isinstance(estimator, ConvAutoencoder) else digits[:600]
    interrupt(100)
    with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
        fitted = clone(estimator).set_params(random_state=0, max_iter=60).fit(X)
    assert 0 < fitted.best_iter_ <= fitted.n_iter_ < 60
    assert len(fitted.loss_curve_) == fitted.n_iter_ + 1
    assert np.isfinite(fitted.reconstruct(X)).all()
    assert np.isfinite(fitted.sample(3)).all()


@over_estimators
def test_interrupted_in_the_first_epoch(digits, interrupt, estimator):
    X = digits[:600].reshape(-1, 8, 8) if isinstance(estimator, ConvAutoencoder) else digits[:600]
    interrupt(1)
    with pytest.warns(UserWarning, match="interrupted"):
        fitted = clone(estimator).set_params(random_state=0).fit(X)
    assert fitted.n_iter_ == 0
    assert np.isfinite(fitted.transform(X)).all()


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.9"),
    reason="older searches do not tell estimators of themselves",
)
def test_a_search_ends(digits, interrupt):
    """The score of half a fit would be compared with those of whole ones."""
    search = GridSearchCV(
        AutoencoderTransformer(2, max_iter=20, random_state=0),
        {"n_components": [1, 2]},
        scoring=reconstruction_r2_scorer,
        cv=2,
    )
    interrupt(5)
    with pytest.warns(UserWarning, match="interrupted"), pytest.raises(KeyboardInterrupt):
        search.fit(digits[:200])
    assert not hasattr(search, "best_estimator_")


@pytest.mark.parametrize("ordered", [False, True])
def test_comparisons_end(digits, interrupt, ordered):
    estimator = AutoencoderTransformer(2, ordered=ordered, max_iter=20, random_state=0)
    pipeline = make_pipeline(StandardScaler(), estimator)
    interrupt(5)
    with pytest.warns(UserWarning, match="interrupted"), pytest.raises(KeyboardInterrupt):
        bottleneck_curve([pipeline], digits[:200], n_components=[1, 2], cv=2)


def test_a_search_by_one_fit_a_fold_ends(digits, interrupt):
    search = AutoencoderCV([1, 2], cv=2, estimator=AutoencoderTransformer(max_iter=20))
    interrupt(5)
    with pytest.warns(UserWarning, match="interrupted"), pytest.raises(KeyboardInterrupt):
        search.fit(digits[:200])
    assert "cv_results_" not in vars(search)


def test_in_a_pipeline_it_is_kept(digits, interrupt):
    estimator = AutoencoderTransformer(2, max_iter=20, random_state=0)
    interrupt(20)
    with pytest.warns(UserWarning, match="interrupted"):
        pipeline = make_pipeline(StandardScaler(), estimator).fit(digits[:200])
    assert 0 < pipeline[-1].n_iter_ < 20
