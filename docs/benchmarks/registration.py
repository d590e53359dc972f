"""Registration of the letters B: DiffeomorphicAutoencoder.

    SKAE_DATA=folder python docs/benchmarks/registration.py [--seeds 0 1 2] [--max-iter 100]
        [--variants deformation affine geodesics]

The training images of letter_b are fitted, without their masks. Then pairs of the 100 validation
images, drawn by the seed, are registered, and the mask of one is warped to the other. Columns:

- pair Dice: of the warped mask and the other one's, mean over the pairs
- atlas Dice: of the masks that the validation images get from 200 training masks by
  `propagate_labels`, and their own
- folds: share of the pixels whose Jacobian determinant is not positive, in %
- inverse: distance in pixels between a point and where displacement and inverse displacement
  take it, mean over the pixels that stay in the image, and in parentheses the 99th percentile
- mean: length of the mean displacement of the training images, mean over the pixels
- lost: share of the variance of the validation images that reconstructions lose
- ms: for one pair

One thread. Prints a Markdown table.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch

from skae.registration import DiffeomorphicAutoencoder, warp_images

N_PAIRS = 200
VARIANTS = {
    "deformation": {"affine": False},
    "affine": {},
    "geodesics": {"integrator": "epdiff"},
}


def find_dice(one, other):
    """Return the Dice overlap of every pair of masks."""
    axes = tuple(range(1, one.ndim))
    return 2 * (one & other).sum(axis=axes) / (one.sum(axis=axes) + other.sum(axis=axes))


def find_inverse_errors(pairs):
    """Return how far points are from where they were, there and back, if they stay inside."""
    sizes = pairs.displacement.shape[2:]
    back = pairs.inverse_displacement
    errors = back + warp_images(pairs.displacement, back)
    ends = np.indices(sizes) + back
    limits = np.reshape(sizes, (-1, 1, 1)) - 1
    is_inside = ((ends >= 0) & (ends <= limits)).all(axis=1)
    return np.sqrt(np.square(errors).sum(axis=1))[is_inside]


def measure(name, seed, max_iter, file):
    """Print the row of a variant."""
    train, valid = (file[key].astype(np.float32) for key in ("X_train", "X_val"))
    masks, known = file["mask_val"] > 127, file["mask_train"][:200] > 127
    start = time.process_time()
    model = DiffeomorphicAutoencoder(
        32, **VARIANTS[name], max_iter=max_iter, random_state=seed, device="cpu"
    ).fit(train)
    elapsed = time.process_time() - start
    rng = np.random.default_rng(seed)
    moving = rng.integers(len(valid), size=N_PAIRS)
    # never an image and itself
    fixed = (moving + rng.integers(1, len(valid), size=N_PAIRS)) % len(valid)
    start = time.process_time()
    pairs = model.register(valid[moving], valid[fixed])
    per_pair = (time.process_time() - start) / N_PAIRS
    warped = warp_images(masks[moving].astype(float), pairs.displacement) > 0.5
    labels = model.propagate_labels(valid, known, X_labelled=train[:200])
    inverse = find_inverse_errors(pairs)
    mean = np.sqrt(np.square(model.displacement(train).mean(axis=0)).sum(axis=0))
    cells = [
        name,
        seed,
        f"{find_dice(warped, masks[fixed]).mean():.3f}",
        f"{find_dice(labels, masks).mean():.3f}",
        f"{100 * (pairs.jacobian_determinant <= 0).mean():.4f}",
        f"{inverse.mean():.3f} ({np.quantile(inverse, 0.99):.2f})",
        f"{mean.mean():.3f}",
        f"{1 - model.score(valid):.3f}",
        f"{elapsed:.0f}",
        f"{model.best_iter_} of {model.n_iter_}",
        f"{1000 * per_pair:.1f}",
    ]
    print("|", " | ".join(map(str, cells)), "|", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--variants", choices=VARIANTS, nargs="+", default=["deformation", "affine"]
    )
    parser.add_argument("--max-iter", type=int, default=100)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = np.load(Path(os.environ["SKAE_DATA"]) / "letter_b.npz")
    print(
        "| variant | seed | pair Dice | atlas Dice | folds | inverse | mean | lost | CPU s | epoch "
        "| ms |\n|" + "---|" * 11
    )
    for seed in arguments.seeds:
        for name in arguments.variants:
            measure(name, seed, arguments.max_iter, data)
