"""Denoising of photographs: ImageToImageRegressor beside scikit-image's methods.

    SKAE_DATA=folder python docs/benchmarks/denoise.py [--seconds 240] [--seeds 0 1 2]
        [--variants default identity ...] [--alone]

Mean PSNR in dB, and in parentheses the worst image's, of bsd68_gray with normal noise of standard
deviation 25/255: a seed draws which 40 images are trained on, and the noise of the other 28.
The regressor sees the clean images alone and draws its noise. Its epochs are as many as fit into
the seconds of CPU time, by the time of one; variants differ from the first in a parameter. The
other methods are told the noise's deviation, and have nothing to learn. One thread. Prints a
Markdown table. Needs scikit-image 0.26 or later and PyWavelets.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from skimage.restoration import cycle_spin, denoise_nl_means, denoise_tv_chambolle, denoise_wavelet

from skae.image import ImageToImageRegressor

SIGMA = 25 / 255
N_TRAIN = 40
WAVELET = {"sigma": SIGMA, "mode": "soft", "rescale_sigma": True}
FAST = {"patch_size": 5, "patch_distance": 6, "fast_mode": True}
METHODS = {
    "Gaussian": lambda noisy: gaussian_filter(noisy, 1),
    "total variation": lambda noisy: denoise_tv_chambolle(noisy, weight=0.1),
    "non-local means": lambda noisy: denoise_nl_means(noisy, h=0.6 * SIGMA, sigma=SIGMA, **FAST),
    "wavelets": lambda noisy: denoise_wavelet(noisy, **WAVELET),
    "wavelets, cycle spinning": lambda noisy: cycle_spin(
        noisy, denoise_wavelet, max_shifts=3, func_kw=WAVELET, workers=1
    ),
}
VARIANTS = {
    "default": {},
    "identity": {"residual": "identity"},
    "no residual": {"residual": None},
    "unfolded": {"fold": False},
    "absolute error": {"loss": "absolute_error"},
    "wider": {"base_channels": 32},
}


def load(seed):
    """Return clean images to train on, and noisy and clean ones to test with."""
    file = Path(os.environ["SKAE_DATA"]) / "bsd68_gray.npz"
    images = np.load(file)["X"].astype(np.float32) / 255
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(images))
    train, test = images[order[:N_TRAIN]], images[order[N_TRAIN:]]
    noise = rng.normal(scale=SIGMA, size=test.shape).astype(np.float32)
    return train, test + noise, test


def find_psnr(denoised, clean):
    """Return the PSNR of every image, in dB."""
    return -10 * np.log10(np.square(denoised - clean, dtype=np.float64).mean(axis=(1, 2)))


def make(seed, max_iter, **parameters):
    """Return the regressor; what differs from its defaults is said here."""
    defaults = {
        "corruption": "gaussian",
        "corruption_level": SIGMA,
        "patch_size": 64,
        "augment": ("flip", "rotate"),
        "n_iter_no_change": max(1, max_iter),
        "device": "cpu",
    }
    return ImageToImageRegressor(**defaults | parameters, max_iter=max_iter, random_state=seed)


def find_n_epochs(train, seed, seconds, **parameters):
    """Return how many epochs fit into some seconds of CPU time."""
    times = []
    for n_epochs in 0, 1:
        start = time.process_time()
        make(seed, n_epochs, **parameters).fit(train)
        times.append(time.process_time() - start)
    return max(1, int((seconds - times[0]) / (times[1] - times[0])))


def print_row(name, seed, psnr, seconds, note=""):
    """Print a row of the table."""
    result = f"{psnr.mean():.2f} ({psnr.min():.2f})"
    print(f"| {name} | {seed} | {result} | {seconds:.0f} | {note} |", flush=True)


def measure(seed, seconds, name, images):
    """Print the row of a variant of the regressor."""
    train, noisy, clean = images
    parameters = VARIANTS[name]
    max_iter = find_n_epochs(train, seed, seconds, **parameters)
    start = time.process_time()
    model = make(seed, max_iter, **parameters).fit(train)
    elapsed = time.process_time() - start
    psnr = find_psnr(model.predict(noisy), clean)
    epochs = f"epoch {model.best_iter_} of {model.n_iter_}"
    print_row(f"ImageToImageRegressor, {name}", seed, psnr, elapsed, epochs)


def compare(seed, seconds, with_others, variants):
    """Print the rows of one seed."""
    train, noisy, clean = load(seed)
    print_row("noisy", seed, find_psnr(noisy, clean), 0)
    for name, denoise in METHODS.items() if with_others else ():
        start = time.process_time()
        denoised = np.stack([denoise(image) for image in noisy])
        print_row(name, seed, find_psnr(denoised, clean), time.process_time() - start)
    start_only = make(seed, 0).fit(train)
    print_row("linear filter", seed, find_psnr(start_only.predict(noisy), clean), 0)
    for name in variants:
        measure(seed, seconds, name, (train, noisy, clean))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=240)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--variants", choices=VARIANTS, nargs="+", default=["default"])
    parser.add_argument("--alone", action="store_true", help="without the other methods")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print("| method | seed | PSNR, mean (worst) | CPU s | kept |\n|---|---|---|---|---|")
    for seed in arguments.seeds:
        compare(seed, arguments.seconds, not arguments.alone, arguments.variants)
