"""What the tests of Displays share."""

import matplotlib
import numpy as np
import pytest
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer, ConvAutoencoder, SparseAutoencoder, VAETransformer

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def closed_figures():
    """Close every figure of a test."""
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


@pytest.fixture(scope="session")
def models(digits):
    """Estimators fitted to some digits, one of each kind."""
    X = digits[:200]
    y = np.arange(200) % 2
    return {
        "pca": PCA(5).fit(X),
        "autoencoder": AutoencoderTransformer(4, max_iter=3, random_state=0).fit(X),
        "vae": VAETransformer(3, max_iter=3, random_state=0).fit(X),
        "conditional": VAETransformer(3, max_iter=1, conditional=True, random_state=0).fit(X, y),
        "sparse": SparseAutoencoder(20, max_iter=2, random_state=0).fit(X),
        "conv": ConvAutoencoder(3, hidden_channels=(2,), max_iter=1, random_state=0).fit(
            X.reshape(-1, 8, 8)
        ),
    }
