"""Fits that are cut off go on as if nothing had happened."""

import os
import signal
import time
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV

from skae import AutoencoderTransformer, ConvAutoencoder, SparseAutoencoder, VAETransformer
from skae.engine import Checkpoint, GradientStep
from skae.estimators._reconstruction import Reconstruct

ESTIMATORS = [
    AutoencoderTransformer(4),
    AutoencoderTransformer(4, learning_rate="constant", early_stopping=False),
    AutoencoderTransformer(4, ordered=True),
    AutoencoderTransformer(4, corruption="gaussian", alpha=1e-4),
    AutoencoderTransformer(4, ordered=True, corruption="masking"),
    AutoencoderTransformer(4, corruption="salt_and_pepper", contractive=1e-3),
    AutoencoderTransformer(4, tied_weights=True, init="random"),
    AutoencoderTransformer(4, hidden_layer_sizes=(), init="random"),  # by L-BFGS
    VAETransformer(4),
    VAETransformer(4, kl_warmup=0.5, init="random"),
    VAETransformer(4, n_importance_samples=3, likelihood="student_t"),
    VAETransformer(4, hidden_layer_sizes=(), init="random"),  # by L-BFGS
    VAETransformer(4, conditional=True),
    SparseAutoencoder(n_nonzero=4),
    SparseAutoencoder(sparsity="jumprelu"),
    ConvAutoencoder(4, image_shape=(1, 8, 8), augment=["shift", "flip"], corruption="gaussian"),
    ConvAutoencoder(4, image_shape=(1, 8, 8), ordered=True, augment="shift"),
]
over_estimators = pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
N_EPOCHS = 8


SAVE = Checkpoint.save


class DiedError(BaseException):
    """What no code catches."""


def _save_and_die(checkpoint, state):
    SAVE(checkpoint, state)
    raise DiedError


def _prepared(estimator, folder, every=2):
    parameters = {"random_state": 0, "max_iter": N_EPOCHS, "batch_size": 50}
    return clone(estimator).set_params(**parameters, checkpoint=folder, checkpoint_every=every)


def _assert_same(fitted, expected):
    assert fitted.loss_curve_ == expected.loss_curve_
    assert fitted.validation_curve_ == expected.validation_curve_
    assert fitted.best_iter_ == expected.best_iter_
    weights = (e._network.module.state_dict() for e in (fitted, expected))
    for one, other in zip(*map(dict.values, weights), strict=True):
        assert torch.equal(one, other)
    assert_array_equal(fitted.sample(3, random_state=0), expected.sample(3, random_state=0))


@over_estimators
def test_a_fit_that_died_goes_on(digits, tmp_path, monkeypatch, estimator):
    X, y = digits[:200], np.arange(200) % 3
    expected = _prepared(estimator, None).fit(X, y)
    model = _prepared(estimator, tmp_path)
    monkeypatch.setattr(Checkpoint, "save", _save_and_die)
    for n_epochs in range(2, expected.n_iter_, 2):
        with pytest.raises(DiedError):
            model.fit(X, y)
        (path,) = tmp_path.iterdir()
        assert len(Checkpoint(path, 2).load()["training"]) == n_epochs + 1
    monkeypatch.setattr(Checkpoint, "save", SAVE)
    _assert_same(model.fit(X, y), expected)
    assert list(tmp_path.iterdir()) == []


def test_how_long_atoms_were_idle_is_remembered(digits, tmp_path, monkeypatch):
    """Atoms that are not used get a gradient of their own after some epochs, wherever it died."""
    model = SparseAutoencoder(128, n_nonzero=1, early_stopping=False)
    model = _prepared(model, None).set_params(max_iter=12)
    expected = clone(model).fit(digits[:200])
    monkeypatch.setattr(Checkpoint, "save", _save_and_die)
    model.set_params(checkpoint=tmp_path)
    with pytest.raises(DiedError):
        model.fit(digits[:200])
    monkeypatch.setattr(Checkpoint, "save", SAVE)
    _assert_same(model.fit(digits[:200]), expected)


def _inode(folder):
    """Return which file is there, or None."""
    return next((path.stat().st_ino for path in folder.glob("*.checkpoint")), None)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.parametrize("estimator", [AutoencoderTransformer(4), VAETransformer(4)], ids=repr)
def test_killed_at_any_moment(digits, tmp_path, estimator, record_property):
    """Killed at 20 moments, each time a little further on: the end is that of one fit."""
    record_property("tries", 20)
    X = digits[:150]
    model = _prepared(estimator, tmp_path, every=1).set_params(
        max_iter=150, n_iter_no_change=150, hidden_layer_sizes=(16,)
    )
    expected = clone(model).set_params(checkpoint=None).fit(X)
    random_state = np.random.RandomState(0)
    for moment in range(20):
        before = _inode(tmp_path)
        child = os.fork()
        if child == 0:
            try:
                model.fit(X)
            finally:
                os._exit(0)
        deadline = time.monotonic() + 60
        while moment > 2 and _inode(tmp_path) in (None, before) and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(random_state.uniform(0.0, 0.02))
        os.kill(child, signal.SIGKILL)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert _inode(tmp_path) is not None
    _assert_same(model.fit(X), expected)
    assert _inode(tmp_path) is None


@pytest.fixture
def cut_off(digits, tmp_path, monkeypatch):
    """Return an estimator whose fit was cut off after two epochs, and the path of its file."""
    model = _prepared(ESTIMATORS[0], tmp_path)
    monkeypatch.setattr(Checkpoint, "save", _save_and_die)
    with pytest.raises(DiedError):
        model.fit(digits[:200])
    monkeypatch.setattr(Checkpoint, "save", SAVE)
    (path,) = tmp_path.iterdir()
    return model, path


def test_only_what_is_missing_is_run_again(digits, cut_off, monkeypatch):
    model, _ = cut_off
    update, n_updates = GradientStep.update, []

    def counted(step, batch):
        n_updates.append(1)
        return update(step, batch)

    monkeypatch.setattr(GradientStep, "update", counted)
    model.fit(digits[:200])
    assert len(n_updates) == 4 * (N_EPOCHS - 2)  # 180 rows in batches of 50


@pytest.mark.parametrize(
    "changed",
    [
        {"n_components": 3},
        {"max_iter": 9},
        {"random_state": 1},
        {"random_state": np.random.RandomState(1)},
        {"hidden_layer_sizes": (128, 64)},
        {"learning_rate_init": 1e-3},
        {"corruption": "gaussian"},
        {"device": "cpu"},
        {},
    ],
    ids=lambda changed: next(iter(changed), "X"),
)
def test_other_fits_have_other_files(digits, cut_off, changed):
    model, path = cut_off
    raw = path.read_bytes()
    X = digits[:200] if changed else digits[1:201]
    other = clone(model).set_params(**changed).fit(X)
    if "random_state" not in changed or isinstance(changed["random_state"], int):
        _assert_same(other, clone(other).set_params(checkpoint=None).fit(X))
    assert path.read_bytes() == raw


@pytest.mark.parametrize("changed", [{"verbose": 1}, {"latent_density": "kde"}], ids=str)
def test_what_changes_nothing_in_a_training(digits, cut_off, changed):
    model, path = cut_off
    model.set_params(**changed).fit(digits[:200])
    assert not path.exists()


@pytest.mark.parametrize(
    "same",
    [{"n_components": np.int64(4)}, {"hidden_layer_sizes": [128]}, {"n_iter_no_change": 20}],
    ids=str,
)
def test_the_same_in_other_words(digits, tmp_path, same):
    model = _prepared(AutoencoderTransformer(4, hidden_layer_sizes=(128,)), tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoint, "save", _save_and_die)
        with pytest.raises(DiedError):
            model.fit(digits[:200])
    model.set_params(**same).fit(np.asfortranarray(digits[:200]))
    assert list(tmp_path.iterdir()) == []


def test_from_its_own_last_fit_on(digits, tmp_path, monkeypatch):
    model = _prepared(ESTIMATORS[0], None).fit(digits[:200]).set_params(warm_start=True)
    expected = deepcopy(model).fit(digits[:200])
    model.set_params(checkpoint=tmp_path)
    monkeypatch.setattr(Checkpoint, "save", _save_and_die)
    for _ in range(2):
        with pytest.raises(DiedError):
            model.fit(digits[:200])
        assert len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr(Checkpoint, "save", SAVE)
    _assert_same(model.fit(digits[:200]), expected)


def test_another_start_has_another_file(digits, cut_off):
    model, path = cut_off
    source = clone(model).set_params(checkpoint=None, max_iter=1).fit(digits[:100])
    warm = clone(model).set_params(warm_start=FrozenEstimator(source)).fit(digits[:200])
    expected = clone(warm).set_params(checkpoint=None).fit(digits[:200])
    _assert_same(warm, expected)
    assert path.exists()


@pytest.mark.parametrize("place", [0, 20, 60, -1])
def test_damaged_files_are_refused(digits, cut_off, place):
    model, path = cut_off
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1
    path.write_bytes(bytes(raw))
    with pytest.raises(ValueError, match="was changed or damaged"):
        model.fit(digits[:200])
    path.write_bytes(bytes(raw)[:-7])
    with pytest.raises(ValueError, match=path.name):
        model.fit(digits[:200])


def test_a_seed_is_needed(digits, tmp_path):
    with pytest.raises(ValueError, match="checkpoint needs random_state to be an int or a Rand"):
        AutoencoderTransformer(checkpoint=tmp_path).fit(digits)


def test_no_folder(digits, tmp_path):
    (tmp_path / "file").touch()
    for checkpoint in ("", tmp_path / "file"):
        with pytest.raises(ValueError, match="'checkpoint' parameter must be a folder"):
            AutoencoderTransformer(checkpoint=checkpoint, random_state=0).fit(digits)


def test_a_random_state_counts_as_a_seed(digits, tmp_path, cut_off):
    model, path = cut_off
    model.set_params(random_state=np.random.RandomState(0)).fit(digits[:200])
    assert not path.exists()


def test_an_interrupted_fit_can_go_on(digits, tmp_path, monkeypatch):
    model = _prepared(ESTIMATORS[0], tmp_path)
    expected = clone(model).set_params(checkpoint=None).fit(digits[:200])
    update = GradientStep.update

    def interrupted(step, batch):
        if step.n_updates == 17:
            raise KeyboardInterrupt
        return update(step, batch)

    monkeypatch.setattr(GradientStep, "update", interrupted)
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(digits[:200])
    monkeypatch.setattr(GradientStep, "update", update)
    assert model.n_iter_ == 4
    _assert_same(model.fit(digits[:200]), expected)


def test_a_search_shares_a_folder(digits, tmp_path):
    folder = tmp_path / "new" / "folder"
    model = _prepared(ESTIMATORS[0], str(folder))
    search = GridSearchCV(model, {"n_components": [1, 2]}, cv=2, n_jobs=2).fit(digits[:200])
    assert list(folder.iterdir()) == []
    plain = GridSearchCV(_prepared(ESTIMATORS[0], None), {"n_components": [1, 2]}, cv=2)
    assert_array_equal(
        search.cv_results_["mean_test_score"],
        plain.fit(digits[:200]).cv_results_["mean_test_score"],
    )


class StrongDecay(AutoencoderTransformer):
    """An autoencoder whose objective has a number that no parameter has."""

    strength = 0.0

    def _make_recipe(self, problem, random_state):
        recipe = super()._make_recipe(problem, random_state)
        objective = Reconstruct(problem.link, alpha=self.strength)
        return replace(recipe, objective=objective)


def test_no_fit_goes_on_from_another_objective_s_checkpoint(digits, tmp_path, monkeypatch):
    model = _prepared(StrongDecay(4), tmp_path)
    monkeypatch.setattr(Checkpoint, "save", _save_and_die)
    with pytest.raises(DiedError):
        model.fit(digits[:200])
    monkeypatch.setattr(Checkpoint, "save", SAVE)
    monkeypatch.setattr(StrongDecay, "strength", 1.0)
    expected = _prepared(StrongDecay(4), None).fit(digits[:200])
    _assert_same(model.fit(digits[:200]), expected)
