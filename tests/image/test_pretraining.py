"""Networks that start with what an autoencoder has learnt."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from skae import AutoencoderTransformer, ConvAutoencoder
from skae.engine import GradientStep
from skae.image import ImageSegmenter
from skae.image._pretraining import find_autoencoder, see_all, transfer_
from skae.persistence import load, save
from skae.rows._summaries import ChannelsOf
from skae.starts._windows import find_patches


def _make_crosses(n, seed, n_channels=1):
    """Return images of noisy crosses somewhere, and where these are."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((n, 12, 12), dtype=int)
    for mask, (row, column) in zip(masks, rng.integers(3, 9, size=(n, 2)), strict=True):
        mask[row - 3 : row + 4, column] = mask[row, column - 3 : column + 4] = 1
    images = masks[:, None].repeat(n_channels, 1) + rng.normal(size=(n, n_channels, 12, 12))
    return 3 * images + 50, masks


def _fit_autoencoder(X, **parameters):
    parameters = {"hidden_channels": (4, 8), "max_iter": 3, "random_state": 0} | parameters
    return ConvAutoencoder(4, **parameters).fit(X)


@pytest.fixture(scope="module")
def crosses():
    return _make_crosses(60, 0)


@pytest.fixture(scope="module")
def autoencoder(crosses):
    return _fit_autoencoder(_make_crosses(400, 1)[0], max_iter=12)


def _die_later(step, batch, update=GradientStep.update):
    if step.n_updates == 20:
        raise RuntimeError("died")
    return update(step, batch)


def _quick(**parameters):
    return ImageSegmenter(
        **{"base_channels": 4, "depth": 1, "max_iter": 2, "random_state": 0} | parameters
    )


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"init": "random"},
        {"ordered": True},
        {"loss": "binary_crossentropy"},
        {"channels": "last"},
    ],
    ids=str,
)
def test_the_network_sees_images_and_their_reconstructions(parameters):
    X, y = _make_crosses(40, 0, n_channels=2)
    X = (X - X.min()) / np.ptp(X)
    is_last = "channels" in parameters
    rows = np.moveaxis(X, 1, -1) if is_last else X
    autoencoder = _fit_autoencoder(rows, **parameters)
    # what it was fitted with counts, not what is set afterwards
    autoencoder.set_params(loss="huber")
    model = _quick(encoder=autoencoder, max_iter=0).fit(X, y)
    units = ChannelsOf(X).units
    seen = see_all(model._network.module, units.enter(X))
    expected = autoencoder.reconstruct(rows).reshape(rows.shape)
    expected = np.moveaxis(expected, -1, 1) if is_last else expected
    assert_allclose(seen[:, :2], units.enter(X), atol=1e-9)
    assert_allclose(seen[:, 2:], units.enter(expected), atol=1e-6)


def test_the_start_is_the_logistic_regression_on_both(crosses, autoencoder):
    X, y = crosses
    model = _quick(encoder=autoencoder, max_iter=0, filter_size=3, early_stopping=False).fit(X, y)
    units = ChannelsOf(X).units
    both = np.concatenate([X, autoencoder.reconstruct(X).reshape(X.shape)], axis=1)
    patches = find_patches((both - units.location) / units.scale, 3)
    expected = LogisticRegression(tol=1e-8, max_iter=2000).fit(patches, y.ravel())
    proba = model.predict_proba(X)[:, 1].ravel()
    assert_allclose(proba, expected.predict_proba(patches)[:, 1], atol=2e-3)


def test_it_knows_more_than_without(crosses, autoencoder):
    X, y = crosses
    X_test, y_test = _make_crosses(100, 2)
    scores = [
        _quick(encoder=encoder, max_iter=10).fit(X[:20], y[:20]).score(X_test, y_test)
        for encoder in (None, autoencoder)
    ]
    assert scores[1] > scores[0] + 0.05


def test_the_autoencoder_stays_as_it_is(crosses, autoencoder):
    before = pickle.dumps(autoencoder)
    model = _quick(encoder=autoencoder, max_iter=4, early_stopping=False).fit(*crosses)
    assert model.best_iter_ == 4
    own, known = model._network.module, autoencoder._network.module
    for part in "encoder", "decoder":
        state = getattr(own, part).state_dict()
        assert not list(getattr(own, part).parameters())
        for name, value in getattr(known, part).state_dict().items():
            assert torch.equal(state[name], value), name
    assert pickle.dumps(autoencoder) == before


def test_pickles_and_warm_starts(crosses, autoencoder):
    X, y = crosses
    model = _quick(encoder=autoencoder).fit(X, y)
    dump = pickle.dumps(model)
    assert b"torch" not in dump
    assert_array_equal(pickle.loads(dump).predict_proba(X), model.predict_proba(X))
    on = _quick(encoder=autoencoder, warm_start=model, max_iter=0).fit(X, y)
    assert_array_equal(on.predict_proba(X), model.predict_proba(X))
    other = _fit_autoencoder(X, random_state=1)
    with pytest.raises(ValueError, match="warm_start needs a network with the same encoder"):
        _quick(encoder=other, warm_start=model).fit(X, y)
    with pytest.raises(ValueError, match="network of the same shape"):
        _quick(encoder=other, warm_start=_quick().fit(X, y)).fit(X, y)


def test_checkpoints_know_the_autoencoder_and_the_classes(crosses, autoencoder, tmp_path):
    X, y = crosses
    names = []
    other = _fit_autoencoder(X, random_state=autoencoder.random_state, max_iter=12)
    assert repr(other) == repr(autoencoder)
    for encoder, masks in (autoencoder, y), (other, y), (autoencoder, y + 1):
        model = _quick(encoder=encoder, checkpoint=tmp_path, checkpoint_every=1, max_iter=6)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(GradientStep, "update", _die_later)
            with pytest.raises(RuntimeError, match="died"):
                model.fit(X, masks)
        names = sorted(file.name for file in tmp_path.iterdir())
    assert len(names) == 3


def test_a_frozen_encoder_can_be_saved(crosses, autoencoder, tmp_path):
    X, y = crosses
    model = _quick(encoder=FrozenEstimator(autoencoder)).fit(X, y)
    save(model, tmp_path / "file")
    same = load(tmp_path / "file")
    assert_array_equal(same.predict_proba(X), model.predict_proba(X))
    assert isinstance(same.encoder, FrozenEstimator)


def test_frozen_in_searches(crosses, autoencoder):
    X, y = crosses
    model = _quick(encoder=FrozenEstimator(autoencoder))
    assert cross_val_score(model, X, y, cv=2).min() > 0.4
    with pytest.raises(ValueError, match=r"wrap it in sklearn.frozen.FrozenEstimator"):
        cross_val_score(_quick(encoder=autoencoder), X, y, cv=2, error_score="raise")


def test_what_is_refused(crosses, autoencoder):
    X, y = crosses
    other = AutoencoderTransformer(2, max_iter=0).fit(X.reshape(len(X), -1))
    with pytest.raises(TypeError, match=r"must be a fitted ConvAutoencoder .* AutoencoderTransf"):
        _quick(encoder=other).fit(X, y)
    with pytest.raises(ValueError, match="'encoder' parameter of ImageSegmenter must be"):
        _quick(encoder=3).fit(X, y)
    message = r"fitted to images of shape \(1, 12, 12\), .* but X has images of shape "
    with pytest.raises(ValueError, match=message + r"\(2, 12, 12\)"):
        _quick(encoder=autoencoder).fit(X.repeat(2, 1), y)
    with pytest.raises(ValueError, match=message + r"\(1, 10, 12\)"):
        _quick(encoder=autoencoder).fit(X[:, :, :10], y[:, :10])
    with pytest.raises(
        ValueError, match=r"which sees whole images, patch_size must be None. Got 8"
    ):
        _quick(encoder=autoencoder, patch_size=8).fit(X, y)
    signals = _fit_autoencoder(X.reshape(len(X), 1, 144), image_shape=(1, 144))
    with pytest.raises(ValueError, match=r"images of shape \(1, 144\)"):
        find_autoencoder(signals, (1, 12, 12))
    model = _quick(encoder=autoencoder).fit(X, y)
    with pytest.raises(ValueError, match=r"12 x 12 pixels.* Got 12 x 16"):
        model.predict(np.concatenate([X, X[..., :4]], axis=3))


def test_transfer_to_a_new_network(crosses, autoencoder):
    X, y = crosses
    model = _quick(encoder=autoencoder).fit(X, y)
    module = model._network.architecture.build(torch.Generator().manual_seed(3))
    units = ChannelsOf(X).units
    transfer_(module, autoencoder, units)
    expected = units.enter(autoencoder.reconstruct(X).reshape(X.shape))
    assert_allclose(see_all(module, units.enter(X))[:, 1:], expected, atol=1e-6)
