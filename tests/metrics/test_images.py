"""Similarities of images, against scikit-image."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn.dummy import DummyRegressor
from sklearn.metrics import make_scorer

from skae.metrics import ab_error, psnr, psnr_scorer, ssim, ssim_scorer


@pytest.fixture(params=[(9, 12), (3, 9, 12)], ids=["grey", "channels"])
def pair(request):
    rng = np.random.default_rng(0)
    images = rng.uniform(size=(4, *request.param))
    return images, images + rng.normal(scale=0.2, size=images.shape)


def _theirs(images, predictions, **kwargs):
    axis = 0 if images.ndim == 4 else None
    pairs = zip(images, predictions, strict=True)
    return np.mean([structural_similarity(x, y, channel_axis=axis, **kwargs) for x, y in pairs])


@pytest.mark.parametrize("data_range", [1.0, 2.5])
def test_psnr_is_scikit_images(pair, data_range):
    theirs = [
        peak_signal_noise_ratio(x, y, data_range=data_range) for x, y in zip(*pair, strict=True)
    ]
    assert_allclose(psnr(*pair, data_range=data_range), np.mean(theirs), rtol=1e-12)
    flat = (images.reshape(4, -1) for images in pair)
    assert_allclose(psnr(*flat, data_range=data_range), np.mean(theirs), rtol=1e-12)


@pytest.mark.thinned(2)
@pytest.mark.parametrize("win_size", [3, 7, 9])
@pytest.mark.parametrize("data_range", [1.0, 2.5])
def test_ssim_is_scikit_images(pair, win_size, data_range):
    theirs = _theirs(*pair, data_range=data_range, win_size=win_size)
    ours = ssim(*pair, data_range=data_range, win_size=win_size)
    assert_allclose(ours, theirs, rtol=0, atol=1e-12)


def test_layouts_of_the_same_images(pair):
    expected = ssim(*pair)
    shape = pair[0].shape[1:]
    flat = (images.reshape(4, -1) for images in pair)
    assert ssim(*flat, image_shape=shape) == pytest.approx(expected)
    if len(shape) == 3:
        last = (np.moveaxis(images, 1, -1) for images in pair)
        assert ssim(*last, channels="last") == pytest.approx(expected)


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_the_range_is_that_of_what_is_true(pair, metric):
    assert metric(*pair) == metric(*pair, data_range=np.ptp(pair[0]))
    assert metric(*(5 * images for images in pair)) == pytest.approx(metric(*pair))


def test_equal_images(pair):
    assert ssim(pair[0], pair[0]) == pytest.approx(1)
    assert psnr(pair[0], pair[0]) == np.inf


@pytest.mark.parametrize(("metric", "scorer"), [(psnr, psnr_scorer), (ssim, ssim_scorer)])
def test_scorers(pair, metric, scorer):
    class Constant(DummyRegressor):
        def predict(self, X):
            return X

    estimator, (y, X) = Constant(), pair
    assert scorer(estimator, X, y) == metric(y, X)
    assert make_scorer(metric)(estimator, X, y) == metric(y, X)


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_what_both_refuse(metric):
    images = np.zeros((2, 8, 8))
    with pytest.raises(ValueError, match=r"y_true has the shape \(2, 8, 8\), but y_pred \(1,"):
        metric(images, images[:1], data_range=1)
    with pytest.raises(ValueError, match="constant, so that data_range would be 0"):
        metric(images, images)
    for wrong in (-1, 0, "wide"):
        with pytest.raises(ValueError, match=f"The 'data_range' parameter .* Got {wrong!r}"):
            metric(images, images, data_range=wrong)


def test_what_ssim_refuses():
    images = np.zeros((2, 8, 6))
    with pytest.raises(ValueError, match=r"size of the images, which is 8 x 6 .* Got 7"):
        ssim(images, images, data_range=1)
    for name, wrong in (("win_size", 1), ("win_size", 3.5), ("channels", "middle")):
        with pytest.raises(ValueError, match=f"The {name!r} parameter of ssim"):
            ssim(images, images, **{"data_range": 1, name: wrong})
    with pytest.raises(ValueError, match="win_size must be odd"):
        ssim(images, images, data_range=1, win_size=4)
    with pytest.raises(ValueError, match=r"Set image_shape to \(height, width\)"):
        ssim(images.reshape(2, -1), images.reshape(2, -1), data_range=1)
    with pytest.raises(ValueError, match=r"not images of shape \(4, 4\)"):
        ssim(images, images, data_range=1, image_shape=(4, 4))


@pytest.mark.parametrize("image_shape", [(-4, -4), (4, 0), (4.0, 4), ((4, 4),), ()])
@pytest.mark.parametrize("metric", [ssim, ab_error])
def test_shapes_that_are_none(metric, image_shape):
    images = np.linspace(0, 1, 32).reshape(2, 16)
    message = "'image_shape' parameter must be None or a sequence of ints, .* Got .* instead"
    with pytest.raises(ValueError, match=message):
        metric(images, images, image_shape=image_shape)
