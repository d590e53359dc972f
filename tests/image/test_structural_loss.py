"""Losses of images."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.autograd import gradcheck

from skae.image._structural_loss import StructuralDissimilarity
from skae.metrics import ssim
from skae.networks._unet import ImageOutputs


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    images = rng.uniform(size=(3, 2, 9, 12))
    return images, images + rng.normal(scale=0.2, size=images.shape)


def test_it_is_the_metric_in_any_units(pair):
    location, scale = np.array([0.4, 0.7]).reshape(2, 1, 1), 0.3
    y, predicted = (torch.from_numpy((images - location) / scale) for images in pair)
    loss = StructuralDissimilarity(1 / scale, torch.from_numpy(location / scale))
    values = loss(ImageOutputs(predicted), y).numpy()
    apart = [ssim(a[None], b[None], data_range=1) for a, b in zip(*pair, strict=True)]
    assert_allclose(1 - values, apart, rtol=0, atol=1e-12)


def test_gradient(pair):
    y, predicted = map(torch.from_numpy, pair)
    loss = StructuralDissimilarity(1.0, torch.zeros(2, 1, 1, dtype=torch.float64))
    assert gradcheck(lambda raw: loss(ImageOutputs(raw), y), predicted.requires_grad_())


def test_it_is_zero_for_what_is_equal(pair):
    y = torch.from_numpy(pair[0])
    loss = StructuralDissimilarity(1.0, torch.zeros(2, 1, 1, dtype=torch.float64))
    assert_allclose(loss(ImageOutputs(y), y).numpy(), 0, atol=1e-12)
