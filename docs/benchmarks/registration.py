"""Registration of the letters B, beside SimpleITK, and how sharp atlases are.

    SKAE_DATA=folder python docs/benchmarks/registration.py letters [--seeds 0 1 2]
        [--max-iter 100] [--variants deformation affine geodesics] [--pairs 100]
    python docs/benchmarks/registration.py shapes [--seeds 0 1 2]

`letters`: the training images of letter_b are fitted by DiffeomorphicAutoencoder, without their
masks. Then pairs of the 100 validation images, drawn by the seed, are registered, and the mask of
one is warped to the other. Columns:

- pair Dice: of the warped mask and the other one's, mean over the pairs
- atlas Dice: of the masks that the validation images get from 200 training masks by
  `propagate_labels`, and their own
- folds: share of the pixels whose Jacobian determinant is not positive, in %
- inverse: distance in pixels between a point and where displacement and inverse displacement
  take it, mean over the pixels that stay in the image, and in parentheses the 99th percentile
- mean: length of the mean displacement of the training images, mean over the pixels
- lost: share of the variance of the validation images that reconstructions lose
- ms: of CPU for one pair, both displacements; of all pairs at once, and in parentheses of 30 pairs
  one by one

Where SimpleITK is installed, the same pairs are then registered by its demons (_demons.py), which
find one displacement of a pair; in the second table,

- times: their ms over those of the variants in the first table, in its order; in parentheses over
  those one by one

`shapes`: 400 images of one class of make_deformed_shapes, of 32 x 32 pixels. Their
template is known: what images are before they are deformed, without noise. Columns:

- deformation: how much images are deformed
- mean, atlas, warped: squared error per pixel, to the template, of the mean image, of the atlas,
  and of the mean of the images in the atlas's shape
- atlas / mean: the quotient of the errors
- displacement: length of the mean displacement of the images, mean over the pixels

One thread. Prints Markdown tables.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch

from skae.datasets import make_deformed_shapes
from skae.registration import DiffeomorphicAutoencoder, jacobian_determinant, warp_images

N_ALONE = 30
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


def find_mean_displacement(model, X):
    """Return the length of the mean displacement of images, mean over the pixels."""
    return np.sqrt(np.square(model.displacement(X).mean(axis=0)).sum(axis=0)).mean()


def draw_pairs(n_images, n_pairs, seed):
    """Return the numbers of moving and fixed images, never of an image and itself."""
    rng = np.random.default_rng(seed)
    moving = rng.integers(n_images, size=n_pairs)
    return moving, (moving + rng.integers(1, n_images, size=n_pairs)) % n_images


def find_overlap(masks, displacement, moving, fixed):
    """Return the mean Dice of warped masks."""
    warped = warp_images(masks[moving].astype(float), displacement) > 0.5
    return find_dice(warped, masks[fixed]).mean()


def find_ms(call, n):
    """Return what a call returns, and the ms of CPU for one of n pairs."""
    start = time.process_time()
    result = call()
    return result, 1000 * (time.process_time() - start) / n


def print_row(*cells):
    """Print a row of a table."""
    print("|", " | ".join(map(str, cells)), "|", flush=True)


def measure(name, seed, arguments, file):
    """Print the row of a variant, and return its ms at once and one by one."""
    train, valid = (file[key].astype(np.float32) for key in ("X_train", "X_val"))
    masks, known = file["mask_val"] > 127, file["mask_train"][:200] > 127
    start = time.process_time()
    model = DiffeomorphicAutoencoder(
        32, **VARIANTS[name], max_iter=arguments.max_iter, random_state=seed, device="cpu"
    ).fit(train)
    elapsed = time.process_time() - start
    moving, fixed = draw_pairs(len(valid), arguments.pairs, seed)
    model.register(valid[:1], valid[1:2])
    pairs, at_once = find_ms(lambda: model.register(valid[moving], valid[fixed]), arguments.pairs)
    couples = list(zip(moving, fixed, strict=True))[:N_ALONE]
    _, alone = find_ms(
        lambda: [model.register(valid[[i]], valid[[j]]) for i, j in couples], len(couples)
    )
    labels = model.propagate_labels(valid, known, X_labelled=train[:200])
    inverse = find_inverse_errors(pairs)
    print_row(
        name,
        seed,
        f"{find_overlap(masks, pairs.displacement, moving, fixed):.3f}",
        f"{find_dice(labels, masks).mean():.3f}",
        f"{100 * (pairs.jacobian_determinant <= 0).mean():.4f}",
        f"{inverse.mean():.3f} ({np.quantile(inverse, 0.99):.2f})",
        f"{find_mean_displacement(model, train):.3f}",
        f"{1 - model.score(valid):.3f}",
        f"{elapsed:.0f}",
        f"{model.best_iter_} of {model.n_iter_}",
        f"{at_once:.2f} ({alone:.1f})",
    )
    return at_once, alone


def compare(seed, arguments, file, ours):
    """Print the rows of SimpleITK, given the ms of all variants."""
    import _demons

    valid, masks = file["X_val"].astype(np.float32), file["mask_val"] > 127
    moving, fixed = draw_pairs(len(valid), arguments.pairs, seed)
    print_row("none", seed, f"{find_dice(masks[moving], masks[fixed]).mean():.3f}", "", "", "")
    couples = list(zip(moving, fixed, strict=True))
    for name in _demons.METHODS:
        fields, ms = find_ms(
            lambda name=name: [_demons.register(valid[i], valid[j], name) for i, j in couples],
            len(couples),
        )
        fields = np.stack(fields)
        times = (f"{ms / at_once:.0f} ({ms / alone:.0f})" for at_once, alone in ours)
        print_row(
            name,
            seed,
            f"{find_overlap(masks, fields, moving, fixed):.3f}",
            f"{100 * (jacobian_determinant(fields) <= 0).mean():.4f}",
            f"{ms:.0f}",
            ", ".join(times),
        )


def measure_letters(arguments):
    """Print the tables of letters."""
    file = np.load(Path(os.environ["SKAE_DATA"]) / "letter_b.npz")
    print(
        "| variant | seed | pair Dice | atlas Dice | folds | inverse | mean | lost | CPU s | epoch "
        "| ms |\n|" + "---|" * 11
    )
    ours = {
        seed: [measure(name, seed, arguments, file) for name in arguments.variants]
        for seed in arguments.seeds
    }
    try:
        import SimpleITK  # noqa: F401
    except ImportError:
        return
    print("\n| by SimpleITK | seed | pair Dice | folds | ms | times |\n|" + "---|" * 6)
    for seed in arguments.seeds:
        compare(seed, arguments, file, ours[seed])


def measure_shapes(arguments):
    """Print the table of generated shapes."""
    print(
        "| deformation | seed | mean | atlas | warped | atlas / mean | displacement | CPU s |\n|"
        + "---|" * 8
    )
    for deformation in (0.3, 0.6):
        for seed in arguments.seeds:
            shapes = make_deformed_shapes(
                400, n_classes=1, deformation=deformation, random_state=seed
            )
            X, template = shapes.images, shapes.templates[0]
            start = time.process_time()
            model = DiffeomorphicAutoencoder(
                max_iter=arguments.max_iter, random_state=seed, device="cpu"
            ).fit(X)
            elapsed = time.process_time() - start
            images = X.mean(axis=0), model.atlas_, model.warp(X).mean(axis=0)
            errors = [np.square(image - template).mean() for image in images]
            print_row(
                deformation,
                seed,
                *(f"{error:.5f}" for error in errors),
                f"{errors[1] / errors[0]:.3f}",
                f"{find_mean_displacement(model, X):.3f}",
                f"{elapsed:.0f}",
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("set", choices=["letters", "shapes"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--variants", choices=VARIANTS, nargs="+", default=["deformation", "affine"]
    )
    parser.add_argument("--max-iter", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=100)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    {"letters": measure_letters, "shapes": measure_shapes}[arguments.set](arguments)
