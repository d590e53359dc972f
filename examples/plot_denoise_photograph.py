"""
Denoising a photograph
======================

A network learns from one clean photograph what to do with noise in another. It starts at the best
linear filter, Wiener's, and is shown beside filters of scipy.
"""

# %%
# Two photographs in grey, from 0 to 1. There are no pairs of noisy and clean images to learn from:
# ``corruption`` draws noise anew for every batch of patches of the first one.
import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import gaussian_filter, median_filter
from scipy.signal import wiener
from sklearn.datasets import load_sample_images

from skae.image import ImageToImageRegressor
from skae.metrics import psnr, ssim

china, flower = (
    image.mean(axis=2, dtype=np.float32) / 255 for image in load_sample_images().images
)
sigma = 0.1
noise = np.random.default_rng(0).normal(scale=sigma, size=flower.shape).astype(np.float32)
noisy = flower + noise

denoiser = ImageToImageRegressor(
    corruption="gaussian",
    corruption_level=sigma,
    patch_size=64,
    augment="flip",
    max_iter=40,
    random_state=0,
)
start = ImageToImageRegressor(**denoiser.get_params()).set_params(max_iter=0)

# %%
# The other filters are given the settings that are best for this very photograph; the network has
# not seen it.
filters = [lambda x, s=s: gaussian_filter(x, s) for s in (0.7, 1, 1.4)]
medians = [lambda x, s=s: median_filter(x, s) for s in (3, 5)]
wieners = [lambda x, s=s: wiener(x, s, sigma**2) for s in (3, 5, 7)]
results = {"clean": flower, "noisy": noisy}
for name, candidates in {"Gaussian": filters, "median": medians, "local Wiener": wieners}.items():
    images = [candidate(noisy) for candidate in candidates]
    results[name] = max(images, key=lambda image: psnr([flower], [image], data_range=1))
results["linear start"] = start.fit([china]).predict([noisy])[0]
results["network"] = denoiser.fit([china]).predict([noisy])[0]

# %%
# A part of each, with the peak signal-to-noise ratio and the similarity of the whole.
figure, axes = plt.subplots(2, 4, figsize=(12, 6.4), layout="constrained")
for ax, (name, image) in zip(axes.flat, results.items(), strict=False):
    ax.imshow(image[130:290, 220:380], cmap="gray", vmin=0, vmax=1)
    if name != "clean":
        pair = [flower], [image]
        name += f"\n{psnr(*pair, data_range=1):.1f} dB, SSIM {ssim(*pair, data_range=1):.2f}"
    ax.set_title(name)
for ax in axes.flat:
    ax.axis("off")
plt.savefig("denoise_photograph.png", dpi=120)
