"""Letters with clutter, labelled by an atlas of clean ones: AtlasSegmenter.

    SKAE_DATA=folder python docs/benchmarks/atlas_segmenter.py [--seeds 0 1 2] [--max-iter 50]

The clean training images of letter_b are fitted with their masks. Then the 100 clean validation
images ("clean") and the 100 test images ("clutter": discs are added, and parts of letters erased)
are labelled. Nothing is chosen on either. Rows:

- pixelwise: by `predict_pixelwise`, the network that was trained beside the atlas
- encoder: by the atlas, with the deformation of the encoder (``refine_steps=0``)
- refined: by the atlas, as `predict` does it

Columns:

- clean, clutter: mean Dice of the masks, and in parentheses the lowest
- shape: share of the masks with clutter that have one piece and two holes, as the letter has
- ms: for one image
- CPU s: of the fit

One thread. Prints a Markdown table.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import label

from skae.registration import AtlasSegmenter


def find_dice(one, other):
    """Return the Dice overlap of every pair of masks."""
    return 2 * (one & other).sum(axis=(1, 2)) / (one.sum(axis=(1, 2)) + other.sum(axis=(1, 2)))


def is_letter(mask):
    """Return whether a mask has one piece and two holes."""
    n_pieces = label(mask, np.ones((3, 3)))[1]
    n_background = label(np.pad(~mask, 1, constant_values=True))[1]
    return n_pieces == 1 and n_background == 3


def measure(seed, max_iter, file):
    """Print the rows of a seed."""
    sets = ("train", "val", "test_corrupt")
    X, X_clean, X_clutter = (file[f"X_{name}"].astype(np.float32) for name in sets)
    y, y_clean, y_clutter = (file[f"mask_{name}"] > 127 for name in sets)
    start = time.process_time()
    model = AtlasSegmenter(max_iter=max_iter, random_state=seed, device="cpu").fit(X, y)
    elapsed = time.process_time() - start
    for name, n_steps, predict in (
        ("pixelwise", 0, model.predict_pixelwise),
        ("encoder", 0, model.predict),
        ("refined", model.refine_steps, model.predict),
    ):
        model.set_params(refine_steps=n_steps)
        start = time.process_time()
        clutter = predict(X_clutter)
        per_image = (time.process_time() - start) / len(X_clutter)
        dices = find_dice(predict(X_clean), y_clean), find_dice(clutter, y_clutter)
        cells = [
            name,
            seed,
            *(f"{values.mean():.3f} ({values.min():.3f})" for values in dices),
            f"{np.mean([is_letter(mask) for mask in clutter]):.2f}",
            f"{1000 * per_image:.1f}",
            f"{elapsed:.0f}",
            f"{model.best_iter_} of {model.n_iter_}",
        ]
        print("|", " | ".join(map(str, cells)), "|", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--max-iter", type=int, default=50)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = np.load(Path(os.environ["SKAE_DATA"]) / "letter_b.npz")
    print("| labels | seed | clean | clutter | shape | ms | CPU s | epoch |\n|" + "---|" * 8)
    for seed in arguments.seeds:
        measure(seed, arguments.max_iter, data)
