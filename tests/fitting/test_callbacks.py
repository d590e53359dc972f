"""scikit-learn's callbacks are told of every epoch, through Pipelines and grid searches."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning
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
            self.best_iter = fitted_estimator.best_iter_
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
    assert diary.best_iter == fitted.best_iter_


def test_where_the_start_is_kept_it_is_shown():
    """Epochs are better on the held-out rows, but not beyond noise: PCA is the result."""
    X = StandardScaler().fit_transform(load_wine().data)
    diary = Diary()
    fitted = AutoencoderTransformer(2, max_iter=60, random_state=0).set_callbacks(diary).fit(X)
    assert fitted.validation_curve_[-1] < fitted.validation_curve_[0]
    assert diary.best_iter == fitted.best_iter_ == 0
    assert diary.scores[-1] == fitted.score(X)


def test_warnings_are_not_multiplied(digits):
    vae = VAETransformer(2, init="random", max_iter=3, random_state=0).set_callbacks(Diary())
    with pytest.warns(ConvergenceWarning) as caught:
        vae.fit(digits[:100])
    assert len(caught) == 1


@pytest.mark.parametrize("hook", ["setup", "on_fit_task_begin", "on_fit_task_end", "teardown"])
def test_a_callback_that_fails_leaves_no_trace(digits, hook):
    class Failing(Diary):
        pass

    def fail(self, estimator, context):
        if hook != "on_fit_task_end" or context.task_name == "fit":
            raise KeyError(hook)

    setattr(Failing, hook, fail)
    estimator = AutoencoderTransformer(2, max_iter=2, random_state=0).set_callbacks(Failing())
    before = set(estimator.__dict__)
    with pytest.raises(KeyError, match=hook):
        estimator.fit(digits[:100])
    assert set(estimator.__dict__) == before


def test_the_best_so_far_can_be_saved(digits, tmp_path):
    class Saving(Diary):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            save(fitted_estimator, tmp_path / f"{context.task_name} {context.task_id}")

    fitted = _fit(AutoencoderTransformer(2), digits[:100], Saving())
    for name in (f"epoch {N_EPOCHS - 1}", "fit 0"):
        assert_array_equal(load(tmp_path / name).transform(digits), fitted.transform(digits))


def test_epochs_are_counted_on_after_a_kill(digits, tmp_path):
    class Numbers(Diary):
        def on_fit_task_end(self, estimator, context):
            self.entries.append((context.task_name, context.task_id))
            if (context.task_name, context.task_id) == ("epoch", self.error_after):
                raise KeyError

    model = AutoencoderTransformer(2, max_iter=N_EPOCHS, random_state=0, checkpoint=tmp_path)
    model.set_params(checkpoint_every=2).set_callbacks(Numbers(error_after=3))
    with pytest.raises(KeyError):
        model.fit(digits[:100])
    numbers = Numbers()
    model.set_callbacks(numbers).fit(digits[:100])
    told = [entry for entry in numbers.entries if isinstance(entry, tuple)]
    assert told == [("epoch", 2), ("epoch", 3), ("epoch", 4), ("epoch", 5), ("fit", 0)]


@over_estimators
def test_a_callback_may_stop(digits, estimator):
    fitted = _fit(estimator, digits[:100], Diary(), Diary(stop_after=2))
    assert fitted.n_iter_ == 2
    assert np.isfinite(fitted.sample(2)).all()


def test_pruning_by_an_exception(digits):
    """As Optuna does it: the fit ends with the error, and leaves no trace."""
    diary = Diary(error_after=3)
    estimator = AutoencoderTransformer(2, random_state=0).set_callbacks(diary)
    before = set(estimator.__dict__)
    with pytest.raises(KeyError, match="pruned"):
        estimator.fit(digits[:100])
    assert diary.entries[-1] == "teardown"
    assert set(estimator.__dict__) == before


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
    *epochs, fitted = monitor.get_logs().data[::-1]
    assert len(epochs) == N_EPOCHS
    assert fitted["task_name"] == "fit"
    assert fitted["r2"] == pytest.approx(epochs[0]["r2"], rel=1e-6)


def test_callbacks_of_a_fitted_estimator(digits, tmp_path):
    fitted = _fit(AutoencoderTransformer(2), digits[:100], Diary())
    save(fitted, tmp_path / "file")  # numbers and text alone
    for again in (pickle.loads(pickle.dumps(fitted)), load(tmp_path / "file")):
        assert_array_equal(again.transform(digits), fitted.transform(digits))
