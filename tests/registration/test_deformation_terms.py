"""What is minimised beside the difference of images."""

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from skae.networks import ImageLayout, ImageOutputs
from skae.objectives import PixelCrossEntropy
from skae.registration._deformation_terms import (
    Classification,
    DeformationEnergy,
    LocalCorrelation,
    MeanDisplacement,
    MeanDisplacementOfClasses,
    Segmentation,
)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()


def correlate(term, raw, target):
    return term(SimpleNamespace(raw=raw), target)


LAYOUTS = [
    ImageLayout((1, 12, 11), False),
    ImageLayout((12, 11, 2), True),
    ImageLayout((1, 5, 10, 9), False),
    ImageLayout((1, 4, 20), False),
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_brightness_and_contrast_do_not_count(layout):
    x = draw(3, np.prod(layout.shape))
    term = LocalCorrelation(layout)
    assert_allclose(correlate(term, x, x), 0, atol=0.01)
    assert_allclose(correlate(term, 3 * x + 5, -2 * x + 1), 0, atol=0.01)
    other = draw(3, np.prod(layout.shape), seed=1)
    assert (correlate(term, x, other) > 0.8).all()


def test_it_is_the_squared_correlation_of_windows():
    layout = ImageLayout((2, 11, 10), False)
    x, y = draw(2, 220), draw(2, 220, seed=1) + 0.5 * draw(2, 220)
    images = [images.view(2, 2, 11, 10).numpy() for images in (x, y)]
    expected = [
        [
            np.corrcoef(*(a[n, c, i : i + 9, j : j + 9].ravel() for a in images))[0, 1] ** 2
            for c in range(2)
            for i in range(3)
            for j in range(2)
        ]
        for n in range(2)
    ]
    found = correlate(LocalCorrelation(layout), x, y)
    assert_allclose(found, 1 - np.mean(expected, axis=1), atol=2e-3)


def test_flat_windows_are_finite():
    x = torch.zeros(1, 100).double().requires_grad_()
    loss = correlate(LocalCorrelation(ImageLayout((1, 10, 10), False)), x, x.detach())
    loss.sum().backward()
    assert_allclose(loss.detach(), 1)
    assert x.grad.isfinite().all()


def test_gradients_of_the_correlation():
    term, target = LocalCorrelation(ImageLayout((1, 4, 3), False)), draw(2, 12, seed=1)
    assert torch.autograd.gradcheck(
        lambda x: correlate(term, x, target), draw(2, 12).requires_grad_()
    )


def test_the_energy():
    outputs = SimpleNamespace(energy=torch.tensor([1.0, 3.0]))
    assert_allclose(DeformationEnergy(0.5)(outputs, torch.zeros(2, 1)), [0.5, 1.5])


def test_the_mean_displacement():
    """Over all batches, the square of the mean of all rows is expected."""
    fields = draw(6, 2, 5, 4) + 0.3
    term = MeanDisplacement(2.0)
    batches = list(combinations(range(6), 3))
    losses = [term(SimpleNamespace(displacement=fields[list(rows)]), None) for rows in batches]
    # of different rows only
    products = [(fields[i] * fields[j]).sum(0).mean() for i, j in combinations(range(6), 2)]
    assert losses[0].shape == (3,)
    assert_allclose(torch.stack(losses).mean(), 2 * torch.stack(products).mean())


def test_the_mean_displacement_of_classes():
    """That of each class by itself."""
    fields, places = draw(7, 2, 5, 4) + 0.3, torch.tensor([1, 3, 1, 0, 3, 1, 3])
    outputs = SimpleNamespace(displacement=fields, places=places)
    losses = MeanDisplacementOfClasses(2.0)(outputs, None)
    for place in (0, 1, 3):
        rows = places == place
        alone = MeanDisplacement(2.0)(SimpleNamespace(displacement=fields[rows]), None)
        assert_allclose(losses[rows], alone, atol=1e-12)
    assert losses[3] == 0
    one = SimpleNamespace(displacement=fields, places=torch.zeros(7, dtype=torch.int64))
    of_all = MeanDisplacement(2.0)(one, None)
    assert_allclose(MeanDisplacementOfClasses(2.0)(one, None), of_all, atol=1e-12)


def test_one_row_has_no_others():
    u = draw(1, 2, 4, 4)
    assert_allclose(MeanDisplacement(1.0)(SimpleNamespace(displacement=u), None), 0, atol=1e-15)


def test_the_gradient_pushes_the_mean_to_zero():
    u = (draw(8, 2, 4, 4) + 1).requires_grad_()
    MeanDisplacement(1.0)(SimpleNamespace(displacement=u), None).mean().backward()
    assert (-u.grad.mean(0) * u.detach().mean(0)).sum() < 0


def test_classification():
    logits = torch.randn(5, 3, generator=torch.Generator().manual_seed(0)).double()
    places = torch.tensor([0, 2, 1, 1, 0])
    outputs = SimpleNamespace(logits=logits, places=places)
    term = Classification(0.5, 0.3)
    shares = logits.exp() / logits.exp().sum(1, keepdim=True)
    expected = -0.5 * shares[range(5), places].log()
    assert_allclose(term(outputs, torch.zeros(5, 7)), expected)
    assert [term.weight(progress) for progress in (0.0, 0.29, 0.3, 1.0)] == [0.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize("sizes", [(5, 4), (3, 4, 5)])
def test_both_kinds_of_labels_count(sizes):
    loss = PixelCrossEntropy(torch.ones(3))
    one, other = draw(2, 3, *sizes), draw(2, 3, *sizes, seed=1)
    places = torch.arange(2 * np.prod(sizes)).view(2, 1, *sizes) % 4 - 1
    outputs = SimpleNamespace(logits=one, atlas_logits=other, places=places)
    expected = sum(loss(ImageOutputs(logits), places) for logits in (one, other))
    assert_allclose(Segmentation(loss, 0.5)(outputs, None), 0.5 * expected, atol=1e-12)
