"""
Denoising digits
================

Two networks see clean digits alone, and draw noise for every batch: an autoencoder, whose input is
noisy and whose target is clean, and a regressor from images to images. Beside them are PCA, a ridge
regression from noisy to clean digits, and two filters of scikit-image.
"""

# %%
# 1,000 digits to learn from, 797 to denoise. How many components PCA keeps, and how strong the
# others are, is chosen by these very digits.
import matplotlib.pyplot as plt
import numpy as np
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from skae import AutoencoderTransformer
from skae.image import ImageToImageRegressor
from skae.metrics import psnr

digits, sigma = load_digits().images / 16, 0.35
noisy_digits = digits + np.random.default_rng(0).normal(scale=sigma, size=digits.shape)
X, y, X_test, y_test = noisy_digits[:1000], digits[:1000], noisy_digits[1000:], digits[1000:]
noise = {"corruption": "gaussian", "corruption_level": sigma, "random_state": 0}
autoencoder = AutoencoderTransformer(
    32, hidden_layer_sizes=(256,), n_iter_no_change=100, max_iter=300, **noise
).fit(y.reshape(-1, 64))
regressor = ImageToImageRegressor(max_iter=60, **noise).fit(y)

flat, rows, test = (images.reshape(-1, 64) for images in (X, y, X_test))
pcas = [PCA(k).fit(rows) for k in (4, 8, 12, 16)]
candidates = {
    "clean": [y_test],
    "noisy": [X_test],
    "non-local\nmeans": [
        [denoise_nl_means(i, 3, 3, h * sigma) for i in X_test] for h in (0.5, 1, 2)
    ],
    "total variation": [[denoise_tv_chambolle(i, w) for i in X_test] for w in (0.2, 0.3, 0.5)],
    "PCA": [pca.inverse_transform(pca.transform(test)) for pca in pcas],
    "ridge": [Ridge(alpha).fit(flat, rows).predict(test) for alpha in (10, 30, 100)],
    "autoencoder": [autoencoder.reconstruct(test)],
    "image regressor": [regressor.predict(X_test)],
}

# %%
# The first digits, and the mean peak signal-to-noise ratio of all.
figure, axes = plt.subplots(len(candidates), 12, figsize=(9, 7), layout="constrained")
for line, (name, results) in zip(axes, candidates.items(), strict=True):
    results = [np.reshape(images, y_test.shape) for images in results]
    ratio, images = max(((psnr(y_test, r, data_range=1), r) for r in results), key=lambda p: p[0])
    for ax, image in zip(line, images, strict=False):
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
    label = name if name == "clean" else f"{name}\n{ratio:.1f} dB"
    line[0].set_ylabel(label, rotation=0, ha="right", va="center")
plt.savefig("denoise_digits.png", dpi=110)
