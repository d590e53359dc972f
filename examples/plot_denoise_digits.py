"""
Denoising digits
================

Two networks see clean digits alone, and draw noise for every batch: an autoencoder, whose input is
noisy and whose target is clean, and a regressor from images to images. Beside them are PCA, a ridge
regression from noisy to clean digits, and two filters of scikit-image.
"""

# %%
# 1,000 digits to learn from, 797 to denoise. The others are given the pairs; how many components
# PCA keeps, and how strong the filters are, is chosen by the test digits.
import matplotlib.pyplot as plt
import numpy as np
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from skae import AutoencoderTransformer
from skae.image import ImageToImageRegressor
from skae.metrics import psnr

digits = load_digits().data / 16
sigma = 0.35
noisy_digits = digits + np.random.default_rng(0).normal(scale=sigma, size=digits.shape)
X, y, X_test, y_test = noisy_digits[:1000], digits[:1000], noisy_digits[1000:], digits[1000:]
noise = {"corruption": "gaussian", "corruption_level": sigma, "random_state": 0}
autoencoder = AutoencoderTransformer(
    32, hidden_layer_sizes=(256,), n_iter_no_change=100, max_iter=300, **noise
).fit(y)
regressor = ImageToImageRegressor(image_shape=(1, 8, 8), max_iter=60, **noise).fit(y)


def best(candidates):
    """Return the predictions that are nearest to the clean digits."""
    return max(candidates, key=lambda rows: psnr(y_test, rows, data_range=1))


def filtered(denoise):
    """Return the test digits after a filter."""
    return np.stack([denoise(row.reshape(8, 8)) for row in X_test]).reshape(X_test.shape)


models = [PCA(k).fit(y) for k in (4, 8, 12, 16, 24)]
results = {
    "clean": y_test,
    "noisy": X_test,
    "non-local means": best(
        filtered(lambda image, h=h: denoise_nl_means(image, 3, 3, h * sigma)) for h in (0.5, 1, 2)
    ),
    "total variation": best(
        filtered(lambda image, w=w: denoise_tv_chambolle(image, w)) for w in (0.2, 0.3, 0.5)
    ),
    "PCA": best(pca.inverse_transform(pca.transform(X_test)) for pca in models),
    "ridge": best(Ridge(a).fit(X, y).predict(X_test) for a in (10, 30, 100)),
    "autoencoder": autoencoder.reconstruct(X_test),
    "image regressor": regressor.predict(X_test),
}

# %%
# The first digits, and the mean peak signal-to-noise ratio of all.
figure, axes = plt.subplots(len(results), 12, figsize=(9, 7), layout="constrained")
for line, (name, rows) in zip(axes, results.items(), strict=True):
    for ax, row in zip(line, rows, strict=False):
        ax.imshow(row.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
    ratio = "" if name == "clean" else f"\n{psnr(y_test, rows, data_range=1):.1f} dB"
    line[0].set_ylabel(name + ratio, rotation=0, ha="right", va="center")
plt.savefig("denoise_digits.png", dpi=110)
