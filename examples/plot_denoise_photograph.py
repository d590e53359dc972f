"""
Denoising photographs
=====================

A network learns from the clean left halves of two photographs what to do with noise in their right
halves. It starts at the best linear filter, Wiener's, and is shown beside methods of scikit-image.
"""

# %%
# In grey, from 0 to 1. There are no pairs of noisy and clean images to learn from: ``corruption``
# draws noise anew for every batch of patches.
import matplotlib.pyplot as plt
import numpy as np
from skimage import restoration
from sklearn.base import clone
from sklearn.datasets import load_sample_images

from skae.image import ImageToImageRegressor
from skae.metrics import psnr, ssim

photographs = np.mean(load_sample_images().images, axis=3, dtype=np.float32) / 255
train, test = photographs[:, :, :320], photographs[:, :, 320:]
sigma = 0.1
noise = np.random.default_rng(0).normal(scale=sigma, size=test.shape)
noisy = test + noise.astype(np.float32)
denoiser = ImageToImageRegressor(
    corruption="gaussian", corruption_level=sigma, patch_size=48, max_iter=120, random_state=0
).fit(train)
start = clone(denoiser).set_params(max_iter=0).fit(train)

# %%
# scikit-image's methods have the strengths that are best for these very photographs, and wavelets
# are averaged over shifts.
tv, nlm = restoration.denoise_tv_chambolle, restoration.denoise_nl_means
wavelet, cycle_spin = restoration.denoise_wavelet, restoration.cycle_spin
candidates = {
    "total variation": lambda x, s: tv(x, s * sigma),
    "non-local means": lambda x, s: nlm(x, 5, 6, s * sigma, sigma=sigma),
    "wavelets": lambda x, s: cycle_spin(x, wavelet, 3, func_kw={"sigma": s * sigma}, workers=1),
}
results = {"clean": test, "noisy": noisy}
for name, denoise in candidates.items():
    denoised = [np.stack([denoise(image, s) for image in noisy]) for s in (0.4, 0.6, 0.8, 1.0)]
    results[name] = max(denoised, key=lambda images: psnr(test, images, data_range=1))
results |= {"linear start": start.predict(noisy), "network": denoiser.predict(noisy)}

# %%
# A part of each, with the mean peak signal-to-noise ratio and similarity of whole images.
figure, axes = plt.subplots(2, 7, figsize=(14, 4.8), layout="constrained")
parts = [(slice(300, 420), slice(190, 310)), (slice(150, 270), slice(0, 120))]
for column, (name, images) in zip(axes.T, results.items(), strict=True):
    for ax, image, part in zip(column, images, parts, strict=True):
        ax.imshow(image[part], cmap="gray", vmin=0, vmax=1)
        ax.axis("off")
    if name != "clean":
        similarity = ssim(test, images, data_range=1)
        name += f"\n{psnr(test, images, data_range=1):.1f} dB, SSIM {similarity:.2f}"
    column[0].set_title(name)
plt.savefig("denoise_photograph.png", dpi=120)
