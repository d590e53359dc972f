"""Components of linear decoders."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import NMF, PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skae import ConvAutoencoder, SparseAutoencoder
from skae.inspection import AtomsDisplay

DRAW = AtomsDisplay.from_estimator
EIGHT = {"image_shape": (8, 8)}


@pytest.mark.parametrize("name", ["pca", "sparse"])
def test_images_are_the_components(models, name):
    model = models[name]
    display = DRAW(model, n_cols=2, **EIGHT)
    assert_array_equal(display.atoms.reshape(len(display.atoms), -1), model.components_)
    picture = display.image_.get_array()
    for i in (0, 3):
        atom = model.components_[i].reshape(8, 8)
        row, column = divmod(i, 2)
        drawn = picture[9 * row :][:8, 9 * column :][:, :8]
        assert_allclose(drawn, atom / np.abs(atom).max())
    assert display.image_.get_clim() == (-1, 1)


def test_chosen_ones_in_their_order(models, digits):
    table = models["sparse"].describe_components(digits[:200])
    chosen = table["component"][:5]
    display = DRAW(models["sparse"], components=chosen, n_cols=2, **EIGHT)
    expected = models["sparse"].components_[chosen]
    assert_array_equal(display.atoms.reshape(5, 64), expected)
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels == [str(component) for component in chosen[::2]]


def test_of_many_the_first_64(digits):
    pca = PCA(64).fit(np.random.default_rng(0).normal(size=(100, 80)))
    pca.components_ = np.vstack([pca.components_, pca.components_])
    assert len(DRAW(pca).atoms) == 64


def test_matrices(models, iris):
    display = DRAW(models["pca"])
    scaled = models["pca"].components_
    scaled = scaled / np.abs(scaled).max(axis=1, keepdims=True)
    assert_allclose(display.image_.get_array(), scaled)
    frame = pd.DataFrame(iris, columns=list("abcd"))
    named = DRAW(make_pipeline(StandardScaler(), PCA(2)).fit(frame))
    assert named.image_.get_array().shape == (4, 2)
    assert [label.get_text() for label in named.ax_.get_yticklabels()] == list("abcd")
    assert named.ax_.get_xlabel() == "component"


def test_colours_are_grey_at_zero():
    rows = np.random.default_rng(0).uniform(size=(30, 48))
    display = DRAW(PCA(4).fit(rows), image_shape=(4, 4, 3))
    atom = display.atoms[0]
    expected = (1 + atom / np.abs(atom).max()) / 2
    assert_allclose(display.image_.get_array()[:4, :4, :3], expected)
    assert display.colorbar_ is None


def test_atoms_of_zeros():
    display = AtomsDisplay(atoms=np.zeros((2, 3, 3))).plot()
    assert_array_equal(display.image_.get_array().compressed(), 0)


def test_anything_with_components(digits):
    nmf = NMF(3, random_state=0, max_iter=20, tol=1).fit(digits[:50])
    assert DRAW(nmf, **EIGHT).atoms.shape == (3, 8, 8)


def _named(estimator):
    return DRAW(estimator).feature_names


class TestNames:
    """Atoms are of the features that their own step sees."""

    @pytest.fixture
    def frame(self, iris):
        return pd.DataFrame(iris, columns=list("abcd"))

    def test_columns_in_another_order(self, frame):
        columns = ColumnTransformer(
            [("x", "passthrough", ["d", "c"]), ("y", "passthrough", ["a", "b"])],
            verbose_feature_names_out=False,
        )
        assert _named(make_pipeline(columns, PCA(1)).fit(frame)) == list("dcab")
        nested = make_pipeline(make_pipeline(columns), StandardScaler(), PCA(1)).fit(frame)
        assert _named(nested) == list("dcab")

    def test_components_of_components(self, frame):
        coder = SparseAutoencoder(3, n_nonzero=1, max_iter=1, random_state=0)
        pipeline = make_pipeline(StandardScaler(), PCA(), coder).fit(frame)
        assert _named(pipeline) == ["pca0", "pca1", "pca2", "pca3"]

    def test_a_step_with_names_of_its_own(self, frame):
        """The function does not tell, but gives a frame."""
        turned = FunctionTransformer(lambda X: X[["d", "c", "b", "a"]])
        assert _named(make_pipeline(turned, PCA(1)).fit(frame)) == list("dcba")

    def test_a_step_that_cannot_tell(self, frame):
        blind = FunctionTransformer(lambda X: np.asarray(X)[:, ::-1])
        assert _named(make_pipeline(blind, PCA(1)).fit(frame)) is None
        assert _named(make_pipeline(blind, StandardScaler(), PCA(1)).fit(frame)) is None

    def test_without_names(self, iris):
        assert _named(make_pipeline(StandardScaler(), PCA(1)).fit(iris)) is None


def test_codes_of_images_are_no_images(models, digits):
    """Though there are as many of them as pixels."""
    conv = ConvAutoencoder(
        16, image_shape=(1, 4, 4), hidden_channels=(2,), kernel_size=3, max_iter=0
    )
    pipeline = make_pipeline(conv, PCA(3)).fit(np.random.default_rng(0).normal(size=(50, 16)))
    assert DRAW(pipeline).atoms.shape == (3, 16)


@pytest.mark.parametrize("components", [[5], [-1], [0.5], [], [[0]], "all"])
def test_bad_components(models, components):
    with pytest.raises(ValueError, match="components must be ints from 0 to 4"):
        DRAW(models["pca"], components=components)


def test_what_is_refused(models):
    with pytest.raises(TypeError, match=r"AutoencoderTransformer has no components_.*Traversal"):
        DRAW(models["autoencoder"])
    with pytest.raises(ValueError, match=r"image_shape=\(8, 9\) has 72 numbers"):
        DRAW(models["pca"], image_shape=(8, 9))
