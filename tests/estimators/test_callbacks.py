"""scikit-learn's callbacks are told of every epoch, through Pipelines and grid searches."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer, ConvAutoencoder, SparseAutoencoder, VAETransformer
from skae.metrics import reconstruction_r2_scorer
from skae.persistence import load, save

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn 1.9 brought callbacks")

ESTIMATORS = [
    AutoencoderTransformer(2),
    AutoencoderTransformer(2, ordered=True),
    AutoencoderTransformer(2, early_stopping=False),
    AutoencoderTransformer(2, hidden_layer_sizes=()),
    VAETransformer(2),
    SparseAutoencoder(8, n_nonzero=2),
    ConvAutoencoder(2),
]
over_estimators = pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
N_EPOCHS = 6


class Diary:
    """Notes what it is told; may ask for the estimator as it would be, and may stop."""

    def __init__(self, stop_after=None, error_after=None):
        self.stop_after = stop_after
        self.error_after = error_after
        self.entries = []
        self.scores = []

    def setup(self, estimator, context):
        self.entries.append("setup")

    def on_fit_task_begin(self, estimator, context, *, X, y):
        self.entries.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
        self.entries.append(f"end {context.task_name}")
        if context.task_name == "epoch":
            codes = fitted_estimator.transform(X)
            assert np.isfinite(codes).all()
            self.scores.append(fitted_estimator.score(X))
            if context.task_id + 1 == self.error_after:
                raise KeyError("pruned")
            return context.task_id + 1 == self.stop_after
        return False

    def teardown(self, estimator, context):
        self.entries.append("teardown")


def _fit(estimator, X, *callbacks):
    estimator = clone(estimator).set_params(random_state=0, max_iter=N_EPOCHS, n_iter_no_change=99)
    return estimator.set_callbacks(*callbacks).fit(X)


@over_estimators
def test_every_epoch_is_told_of(digits, estimator):
    diary = Diary()
    fitted = _fit(estimator, digits[:100], diary)
    epochs = ["begin epoch", "end epoch"] * fitted.n_iter_
    assert diary.entries == ["setup", "begin fit", *epochs, "end fit", "teardown"]
    assert fitted.n_iter_ == N_EPOCHS
    plain = _fit(estimator, digits[:100])
    assert_array_equal(fitted.transform(digits), plain.transform(digits))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "estimator",
    [
        AutoencoderTransformer(2),
        AutoencoderTransformer(2, early_stopping=False),
        AutoencoderTransformer(2, hidden_layer_sizes=(), init="random"),
        VAETransformer(2, init="random"),
        SparseAutoencoder(8, n_nonzero=2),
        ConvAutoencoder(2),
    ],
    ids=repr,
)
def test_the_estimator_as_it_would_be(digits, estimator):
    """What is shown after the last epoch is what is fitted."""
    diary = Diary()
    fitted = _fit(estimator, digits[:400], diary)
    assert fitted.best_iter_ > 0
    assert diary.scores[-1] == pytest.approx(fitted.score(digits[:400]), rel=1e-5)


@over_estimators
def test_a_callback_may_stop(digits, estimator):
    fitted = _fit(estimator, digits[:100], Diary(), Diary(stop_after=2))
    assert fitted.n_iter_ == 2
    assert np.isfinite(fitted.sample(2)).all()


def test_pruning_by_an_exception(digits):
    """As Optuna does it: the fit ends with the error, and leaves no trace."""
    diary = Diary(error_after=3)
    estimator = AutoencoderTransformer(2, random_state=0).set_callbacks(diary)
    before = estimator.__dict__.keys()
    with pytest.raises(KeyError, match="pruned"):
        estimator.fit(digits[:100])
    assert diary.entries[-1] == "teardown"
    assert estimator.__dict__.keys() == before


@pytest.mark.parametrize("estimator", [ESTIMATORS[0], ESTIMATORS[4]], ids=repr)
def test_progress_bars(digits, capsys, estimator):
    pipeline = make_pipeline(StandardScaler(), clone(estimator).set_params(max_iter=3))
    pipeline.set_callbacks(callback.ProgressBar()).fit(digits[:100])
    shown = capsys.readouterr().out
    assert f"{type(estimator).__name__} - fit" in shown
    assert "100%" in shown


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_progress_bars_of_searches(digits, capsys, n_jobs):
    search = GridSearchCV(
        AutoencoderTransformer(max_iter=2, random_state=0),
        {"n_components": [1, 2]},
        scoring=reconstruction_r2_scorer,
        cv=2,
        n_jobs=n_jobs,
    )
    search.set_callbacks(callback.ProgressBar(max_propagation_depth=None)).fit(digits[:100])
    assert "AutoencoderTransformer - fit" in capsys.readouterr().out


def test_scores_over_the_epochs(digits):
    monitor = callback.ScoringMonitor(scoring={"r2": reconstruction_r2_scorer})
    model = AutoencoderTransformer(2, max_iter=N_EPOCHS, random_state=0).set_callbacks(monitor)
    model.fit(digits[:400], np.zeros(400))  # it scores where there is a y
    scores = [row["r2"] for row in monitor.get_logs().data]
    assert len(scores) == N_EPOCHS
    assert scores[-1] == pytest.approx(model.score(digits[:400]), rel=1e-6)


def test_callbacks_of_a_fitted_estimator(digits, tmp_path):
    fitted = _fit(AutoencoderTransformer(2), digits[:100], Diary())
    save(fitted, tmp_path / "file")  # numbers and text alone
    for again in (pickle.loads(pickle.dumps(fitted)), load(tmp_path / "file")):
        assert_array_equal(again.transform(digits), fitted.transform(digits))
