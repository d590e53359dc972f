"""What verbose prints."""

import re

import pytest
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer, ConvAutoencoder, SparseAutoencoder, VAETransformer
from skae.engine import History
from skae.fitting import _progress

ESTIMATORS = [AutoencoderTransformer(2), VAETransformer(2), SparseAutoencoder(), ConvAutoencoder(2)]
over_estimators = pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
LINE = r"{name} epoch {epoch}: loss \S+, validation \S+, at most \d+\.\d s left"


def _printed(estimator, X, capsys, **parameters):
    clone(estimator).set_params(random_state=0, **parameters).fit(X)
    return capsys.readouterr().out.splitlines()


@pytest.mark.thinned(1)
@over_estimators
@pytest.mark.parametrize(
    ("verbose", "max_iter", "epochs"),
    [(1, 3, [1, 2, 3]), (2, 3, [1, 2, 3]), (1, 25, [1, *range(2, 25, 2), 25]), (2, 0, [])],
)
def test_lines(iris, capsys, estimator, verbose, max_iter, epochs):
    parameters = {"verbose": verbose, "max_iter": max_iter, "n_iter_no_change": 30}
    lines = _printed(estimator, iris, capsys, **parameters)
    *lines, last = [line for line in lines if "prove no epoch" not in line]
    name = type(estimator).__name__
    assert len(lines) == len(epochs)
    for line, epoch in zip(lines, epochs, strict=True):
        assert re.fullmatch(LINE.format(name=name, epoch=epoch), line)
    assert re.fullmatch(
        rf"{name} kept (the start|epoch \d+) of {max_iter} epochs, after .* s", last
    )


@over_estimators
def test_silent_by_default(iris, capsys, estimator):
    assert _printed(estimator, iris, capsys, max_iter=3) == []


def test_why_the_start_is_kept(capsys):
    X = StandardScaler().fit_transform(load_wine().data)
    *_, last, why = _printed(AutoencoderTransformer(2), X, capsys, max_iter=60, verbose=1)
    assert "kept the start of 60 epochs" in last
    assert why.endswith("the held-out rows prove no epoch to be better than the start")


def test_where_a_fit_goes_on(capsys):
    progress = _progress.Progress("Estimator", max_iter=100, every=2)
    progress.begin_training(History([3.0]))
    progress.begin_training(History([3.0] * 11))
    assert capsys.readouterr().out == "Estimator goes on after epoch 10\n"


def test_the_time_left(capsys, monkeypatch):
    clock = iter([0.0, 2.0, 10.0, 3600.0 * 3])
    monkeypatch.setattr(_progress, "perf_counter", lambda: next(clock))
    progress = _progress.Progress("Estimator", max_iter=100, every=2)
    for n_epochs in (1, 2):
        progress.end_epoch(History([3.0] * (n_epochs + 1)), list)
    progress.end_training(History([3.0] * 3, kept=2))
    assert capsys.readouterr().out.splitlines() == [
        "Estimator epoch 1: loss 3, at most 3 min 18 s left",
        "Estimator epoch 2: loss 3, at most 8 min 10 s left",
        "Estimator kept epoch 2 of 2 epochs, after 3.0 h",
    ]
