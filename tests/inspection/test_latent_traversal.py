"""Decoded codes along components."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import VAETransformer
from skae.inspection import LatentTraversalDisplay

DRAW = LatentTraversalDisplay.from_estimator
EIGHT = {"image_shape": (8, 8)}
VALUES = [-1.5, 0.0, 2.0]


@pytest.mark.parametrize("whiten", [False, True])
@pytest.mark.parametrize("is_told", [False, True])
def test_pca_moves_along_its_axes(digits, whiten, is_told):
    """By the standard deviations of the components, which it knows, and which rows tell."""
    X = digits[:300]
    pca = PCA(3, whiten=whiten).fit(X)
    display = DRAW(pca, *([X] if is_told else []), values=VALUES)
    deviations = np.sqrt(pca.explained_variance_)
    expected = (
        pca.mean_ + np.multiply.outer(deviations, VALUES)[..., None] * pca.components_[:, None]
    )
    assert display.X.shape == (3, 3, 64)
    # rows are spread with 1 / n, PCA estimates with 1 / (n - 1)
    assert_allclose(
        display.X, expected, rtol=2e-3 if is_told else 1e-9, atol=0.1 if is_told else 1e-9
    )


def test_it_is_what_a_variational_autoencoder_traverses(models):
    vae = models["vae"]
    display = DRAW(vae, values=VALUES, components=[2, 0], **EIGHT)
    for line, component in zip(display.X, [2, 0], strict=True):
        assert_allclose(line.reshape(3, 64), vae.traverse(component, VALUES))
    pair = DRAW(vae, kind="pair", values=VALUES, components=[2, 0], **EIGHT)
    assert_allclose(pair.X.reshape(3, 3, 64), vae.traverse((2, 0), VALUES))
    at = [0.5, -1.0, 0.3]
    moved = DRAW(vae, values=VALUES, components=[1], at=at, **EIGHT)
    expected = vae.traverse(1, at[1] + np.array(VALUES), at=at)
    assert_allclose(moved.X.reshape(3, 64), expected)


def test_rows_tell_where_codes_are(models, digits):
    model, X = models["autoencoder"], digits[:100]
    display = DRAW(model, X, values=VALUES, components=[1])
    codes = model.transform(X)
    expected = np.tile(codes.mean(axis=0), (3, 1))
    expected[:, 1] += np.array(VALUES) * codes.std(axis=0)[1]
    assert_allclose(display.X[0], model.inverse_transform(expected))
    (middle,) = DRAW(model, X, values=[0], at=codes[7]).X[0]
    assert_allclose(middle, model.inverse_transform(codes[7:8])[0])


def test_pipelines_and_classes(digits):
    X, y = digits[:200], np.repeat(["a", "b"], 100)
    vae = VAETransformer(2, conditional=True, max_iter=2, random_state=0)
    pipeline = make_pipeline(StandardScaler(), vae).fit(X, y)
    display = DRAW(pipeline, y="b", values=VALUES, components=[0])
    decoded = pipeline[1].traverse(0, VALUES, y="b")
    assert_allclose(display.X[0], pipeline[0].inverse_transform(decoded))
    plain = DRAW(pipeline, values=VALUES, components=[0])
    assert_allclose(plain.X[0], pipeline.inverse_transform(np.outer(VALUES, [1, 0])))


def test_images(models):
    display = DRAW(models["vae"], **EIGHT)
    assert display.image_.get_array().shape == (3 * 9 - 1, 9 * 9 - 1)
    assert_array_equal(display.image_.get_array()[9:17, :8], display.X[1, 0])
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == [
        "component 0",
        "component 1",
        "component 2",
    ]
    assert [label.get_text() for label in display.ax_.get_xticklabels()][::4] == ["-2", "0", "+2"]
    assert DRAW(models["conv"], np.zeros((2, 8, 8))).image_ is not None


def test_signals(models, digits):
    display = DRAW(models["autoencoder"], digits[:50], values=VALUES)
    assert len(display.axes_) == 4
    assert len(display.lines_) == 4 * 3
    assert_allclose(display.lines_[4].get_ydata(), display.X[1, 1])
    assert display.axes_[0].get_ylim() == display.axes_[3].get_ylim()
    assert (display.colorbar_.vmin, display.colorbar_.vmax) == (-1.5, 2)


def test_tables(iris):
    names = ["a", "b", "c", "d"]
    frame = pd.DataFrame(iris, columns=names)
    pipeline = make_pipeline(StandardScaler(), PCA(2)).fit(frame)
    display = DRAW(pipeline, values=VALUES)
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == names
    assert_allclose(display.lines_[3].get_xdata(), display.X[1, 0])
    assert_array_equal(display.lines_[3].get_ydata(), range(4))
    named = DRAW(pipeline[1], feature_names=names)
    assert [label.get_text() for label in named.ax_.get_yticklabels()] == names
    assert named.axes_[0].get_ylim() == (3.5, -0.5)


def test_of_many_components_the_first_six(digits):
    pca = PCA(9).fit(digits)
    assert DRAW(pca).components == list(range(6))
    assert DRAW(pca, kind="pair", **EIGHT).components == [0, 1]
    assert len(DRAW(pca, components=range(9)).axes_) == 9


@pytest.mark.parametrize(
    ("model", "parameters", "message"),
    [
        (
            "autoencoder",
            {},
            "AutoencoderTransformer does not know the mean and deviation of its codes. Give X",
        ),
        ("vae", {"kind": "both"}, "kind must be 'single' or 'pair'. Got 'both'"),
        ("vae", {"kind": "pair"}, "kind='pair' is for images: give image_shape"),
        (
            "vae",
            {"kind": "pair", "components": [0]},
            "needs two components. Got components=.0. instead",
        ),
        ("vae", {"components": [3]}, r"components must be ints from 0 to 2. Got \[3\]"),
        ("vae", {"components": [0.9, 1.9]}, "components must be ints from 0 to 2"),
        ("vae", {"components": [-1]}, "components must be ints from 0 to 2"),
        ("vae", {"components": []}, "components must be ints from 0 to 2"),
        ("vae", {"values": []}, "values must have at least one number"),
        ("vae", {"values": [[1, 2]]}, "values must have at least one number"),
        ("vae", {"at": [0, 0]}, r"at must have 3 numbers, one per component. Got .* \(2,\)"),
        ("vae", {"image_shape": (8, 9)}, r"image_shape=\(8, 9\) has 72 numbers"),
        ("vae", {"y": 1}, "the model is not conditional"),
    ],
)
def test_what_is_refused(models, model, parameters, message):
    with pytest.raises(ValueError, match=message):
        DRAW(models[model], **parameters)


def test_without_a_way_back(iris):
    with pytest.raises(TypeError, match="inverse_transform, but KMeans has none"):
        DRAW(KMeans(2, random_state=0).fit(iris), iris)
