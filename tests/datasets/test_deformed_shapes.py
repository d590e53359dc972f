"""Shapes deformed in a known way."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import label, map_coordinates
from sklearn.linear_model import LogisticRegression
from sklearn.utils import check_random_state

from skae.datasets import make_deformed_shapes
from skae.registration import jacobian_determinant, warp_images


@pytest.mark.parametrize("n_dims", [2, 3])
def test_the_displacement_leads_from_the_template_to_the_image(n_dims):
    shapes = make_deformed_shapes(
        7, n_dims=n_dims, size=16, noise=0.0, random_pose=1.0, random_state=0
    )
    warped = warp_images(shapes.templates[shapes.target], shapes.displacement)
    assert_allclose(shapes.images, warped, atol=1e-12)
    assert_array_equal(shapes.masks, warped >= 0.5)
    assert np.abs(shapes.displacement).max() > 1


@pytest.mark.parametrize("n_dims", [2, 3])
@pytest.mark.parametrize("deformation", [0.3, 0.9])
def test_nothing_folds(n_dims, deformation):
    shapes = make_deformed_shapes(
        20, n_dims=n_dims, size=24, deformation=deformation, random_state=0
    )
    assert jacobian_determinant(shapes.displacement).min() > 0


@pytest.mark.parametrize("n_dims", [2, 3])
def test_the_deformation_is_the_largest_slope(n_dims):
    shapes = make_deformed_shapes(
        5, n_dims=n_dims, size=12, deformation=0.4, random_pose=0.0, random_state=0
    )
    slopes = np.stack(np.gradient(shapes.displacement, axis=tuple(range(2, n_dims + 2))))
    assert_allclose(np.sqrt((slopes**2).sum(axis=(0, 2))).reshape(5, -1).max(axis=1), 0.4)


@pytest.mark.parametrize("n_dims", [2, 3])
def test_a_pose_turns_and_scales_and_moves(n_dims):
    shapes = make_deformed_shapes(
        30, n_dims=n_dims, size=16, deformation=0.0, random_pose=1.0, random_state=0
    )
    axes = tuple(range(2, n_dims + 2))
    slopes = np.stack(np.gradient(shapes.displacement, axis=axes), axis=2)
    matrices = slopes.reshape(30, n_dims, n_dims, -1)
    assert_allclose(matrices, matrices[..., :1] * np.ones(matrices.shape[-1]), atol=1e-10)
    matrices = matrices[..., 0] + np.eye(n_dims)
    scales = np.linalg.det(matrices) ** (1 / n_dims)
    turns = matrices / scales[:, None, None]
    assert_allclose(
        turns @ turns.transpose(0, 2, 1), np.broadcast_to(np.eye(n_dims), turns.shape), atol=1e-10
    )
    assert 1 / 1.25 <= scales.min() < 0.9
    assert 1.1 < scales.max() <= 1.25
    angles = np.arccos(np.clip((np.trace(turns, axis1=1, axis2=2) - (n_dims - 2)) / 2, -1, 1))
    assert angles.max() > 2.5


def test_without_anything_images_are_templates():
    shapes = make_deformed_shapes(6, deformation=0.0, random_pose=0.0, noise=0.0, random_state=0)
    assert_allclose(shapes.images, shapes.templates[shapes.target], atol=1e-12)
    assert_allclose(shapes.displacement, 0, atol=1e-12)
    assert_array_equal(shapes.masks, shapes.template_masks[shapes.target])


@pytest.mark.parametrize("n_dims", [2, 3])
def test_the_templates(n_dims):
    """A class has as many maxima around the centre as its number and two."""
    shapes = make_deformed_shapes(1, n_classes=4, n_dims=n_dims, size=64, random_state=0)
    assert shapes.templates.shape == (4, *(64,) * n_dims)
    assert shapes.templates.min() == 0
    assert shapes.templates.max() == 1
    angles = np.linspace(0, 2 * np.pi, 1000, endpoint=False)
    circle = 31.5 + 16 * np.stack([np.sin(angles), np.cos(angles)])
    for number, (template, mask) in enumerate(
        zip(shapes.templates, shapes.template_masks, strict=True)
    ):
        plane = template if n_dims == 2 else template[31:33].mean(axis=0)
        around = np.abs(np.fft.rfft(map_coordinates(plane, circle, order=1)))
        assert around[1:].argmax() + 1 == number + 2
        assert label(mask)[1] == 1


def test_classes_are_as_frequent_as_each_other():
    target = make_deformed_shapes(100, random_state=0).target
    assert sorted(np.bincount(target)) == [33, 33, 34]
    assert target.dtype.kind == "i"
    assert (np.diff(target) != 0).any()


def test_noise_and_contrast():
    parameters = {"n_samples": 200, "random_state": 0, "size": 16}
    clean = make_deformed_shapes(**parameters, noise=0.0)
    noisy = make_deformed_shapes(**parameters, noise=0.2)
    assert (noisy.images - clean.images).std() == pytest.approx(0.2, rel=0.02)
    assert_array_equal(noisy.masks, clean.masks)
    bright = make_deformed_shapes(**parameters, noise=0.0, contrast=0.5)
    peaks = bright.images.reshape(200, -1).max(axis=1)
    assert 0.5 <= peaks.min() < 0.55
    assert 1.45 < peaks.max() <= 1.5
    assert_array_equal(bright.masks, clean.masks)


def test_the_same_seed_the_same_shapes():
    state = check_random_state(None).get_state()[1].copy()
    one, same, other = (make_deformed_shapes(5, random_state=seed) for seed in (3, 3, 4))
    for name in one:
        assert_array_equal(one[name], same[name])
    assert not np.allclose(one.images, other.images)
    make_deformed_shapes(5, random_state=np.random.RandomState(0))
    assert (check_random_state(None).get_state()[1] == state).all()


def test_pixels_of_the_masks_tell_the_classes():
    shapes = make_deformed_shapes(300, random_pose=0.0, random_state=0)
    masks = shapes.masks.reshape(300, -1)
    model = LogisticRegression(max_iter=500).fit(masks[:200], shapes.target[:200])
    assert model.score(masks[200:], shapes.target[200:]) > 0.9


@pytest.mark.parametrize(
    ("name", "values"),
    {
        "n_samples": [0, 1.5, "ten", None],
        "n_classes": [0, 2.0],
        "size": [7, -1, 16.0],
        "n_dims": [1, 4, 2.0],
        "deformation": [-0.1, 1.0, np.nan],
        "random_pose": [-1, 1.1, "yes"],
        "contrast": [-0.1, 1.0],
        "noise": [-0.1, None],
        "random_state": ["seed", -1.5],
    }.items(),
)
def test_bad_parameters(name, values):
    for value in values:
        with pytest.raises(
            ValueError, match=f"The '{name}' parameter of make_deformed_shapes must"
        ):
            make_deformed_shapes(**{name: value})
