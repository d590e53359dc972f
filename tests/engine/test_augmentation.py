"""Images that are moved and mirrored."""

import itertools

import numpy as np
import pytest
import torch
from torch import Generator

from skae.engine import Batch, ImageAugmentation


def _augmentation(shape=(1, 4, 5), axes=(1, 2), max_shift=1, is_mirrored=False, mean=None):
    if mean is None:
        mean = torch.zeros(int(np.prod(shape)), dtype=torch.float64)
    generator = Generator().manual_seed(0)
    return ImageAugmentation(shape, axes, max_shift, is_mirrored, mean, generator)


def _all_moves(image, max_shift):
    """Return every move of an image, with its border repeated."""
    padded = np.pad(image, max_shift, mode="edge")
    height, width = image.shape
    return [
        padded[i : i + height, j : j + width]
        for i in range(2 * max_shift + 1)
        for j in range(2 * max_shift + 1)
    ]


@pytest.mark.parametrize("max_shift", [1, 2])
def test_images_are_moved_with_their_border_repeated(max_shift):
    x = torch.arange(20.0).repeat(500, 1)
    moved = _augmentation(max_shift=max_shift)(Batch((x,), x)).target.view(-1, 4, 5).numpy()
    expected = np.unique(_all_moves(x[0].view(4, 5).numpy(), max_shift), axis=0)
    np.testing.assert_array_equal(np.unique(moved, axis=0), expected)


def test_one_in_two_is_mirrored_along_the_last_axis():
    x = torch.rand(1000, 20, generator=Generator().manual_seed(0))
    moved = _augmentation(max_shift=0, is_mirrored=True)(Batch((x,), x)).target
    turned = x.view(-1, 4, 5).flip(2).flatten(1)
    is_turned = (moved == turned).all(1)
    assert ((moved == x).all(1) ^ is_turned).all()
    assert 400 < is_turned.sum() < 600


@pytest.mark.parametrize(("shape", "axes"), [((2, 4, 5), (1, 2)), ((4, 5, 2), (0, 1))])
def test_channels_move_together(shape, axes):
    one = torch.rand(50, 4, 5, generator=Generator().manual_seed(0))
    channel_axis = 1 if axes == (1, 2) else 3
    x = torch.stack([one, 10 * one], channel_axis).flatten(1)
    moved = _augmentation(shape, axes, is_mirrored=True)(Batch((x,), x)).target
    first, second = moved.view(-1, *shape).unbind(channel_axis)
    torch.testing.assert_close(10 * first, second)
    assert (moved != x).any(1).sum() > 40


def test_the_target_goes_with_the_input():
    x = torch.rand(10, 20, generator=Generator().manual_seed(0))
    told = torch.ones(10, 2)
    batch = _augmentation()(Batch((x, told), x))
    assert batch.target is batch.inputs[0]
    assert batch.inputs[1] is told


@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_images_are_moved_not_their_differences_from_the_mean(offset):
    """The network sees ``x - mean``, in float32; the target may be x itself."""
    generator = Generator().manual_seed(0)
    x = offset + torch.rand(10, 20, generator=generator, dtype=torch.float64)
    mean = offset + torch.linspace(0, 1, 20, dtype=torch.float64)
    seen = (x - mean).float()
    moved = _augmentation(is_mirrored=True, mean=mean)(Batch((seen,), seen)).target
    expected = _augmentation(is_mirrored=True, mean=mean)(Batch((seen,), x)).target
    torch.testing.assert_close(moved, (expected - mean).float(), atol=1e-6, rtol=0)
    assert (moved - seen).abs().max() > 0.1


def test_without_moves_nothing_changes():
    x = torch.rand(10, 20)
    assert torch.equal(_augmentation(max_shift=0)(Batch((x,), x)).target, x)


def test_signals():
    x = torch.arange(21.0).repeat(100, 1)
    moved = _augmentation((3, 7), (1,), max_shift=2)(Batch((x,), x)).target
    padded = np.pad(x[0].view(3, 7).numpy(), [(0, 0), (2, 2)], mode="edge")
    expected = np.unique([padded[:, i : i + 7].ravel() for i in range(5)], axis=0)
    np.testing.assert_array_equal(np.unique(moved.numpy(), axis=0), expected)


def test_volumes():
    x = torch.arange(120.0).repeat(1000, 1)
    moved = _augmentation((2, 3, 4, 5), (1, 2, 3))(Batch((x,), x)).target
    padded = np.pad(x[0].view(2, 3, 4, 5).numpy(), [(0, 0), *[(1, 1)] * 3], mode="edge")
    places = itertools.product(range(3), repeat=3)
    expected = [padded[:, i : i + 3, j : j + 4, k : k + 5].ravel() for i, j, k in places]
    np.testing.assert_array_equal(np.unique(moved.numpy(), axis=0), np.unique(expected, axis=0))
