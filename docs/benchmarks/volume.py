"""A brain in three dimensions: DiffeomorphicAutoencoder and known deformations.

    SKAE_DATA=folder python docs/benchmarks/volume.py [--seeds 0 1] [--max-iter 60] [--tune]
        [--variants deformation affine]

The volume of brain_t1_volume, averaged over blocks of 5 x 5 x 5 voxels, is deformed by the flows of
smooth random velocities, and has noise added: 200 volumes to learn from and 20 others. All 20 are
registered to each of 3 of them, and the deformation that was found is compared with the known one,
which leads from one volume to the template and on to the other. `--tune` registers the last 20
training volumes instead, without having learned from them; parameters were chosen so. Columns:

- error: distance in voxels between where points are taken to and where they belong, mean over the
  pairs and the voxels of the brain; in parentheses the 95th percentile
- Dice: of the ten largest labels, mean over labels and pairs, and in parentheses of the label with
  the lowest; indicators of labels are warped, and the largest wins
- folds: share of the voxels whose Jacobian determinant is not positive, in %
- CPU s: of the fit
- ms: of CPU for one pair, both displacements

"none" leaves volumes as they are; "known" deforms them as it is known, which tells what labels lose
in the warping alone. One thread. Prints a Markdown table.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from skae.registration import DiffeomorphicAutoencoder, jacobian_determinant, warp_images
from skae.registration._fields import compose, exp_velocity

BLOCK = 5
N_TRAIN, N_NEW, N_FIXED = 200, 20, 3
SMOOTHNESS = 9.0
"""Standard deviation, in voxels, of the kernel that white noise becomes a velocity by."""
AMPLITUDE = 2.5
"""Largest entry of a velocity, in voxels; the median of all volumes."""
NOISE = 0.03
PARAMETERS = {
    "n_components": 48,
    "control_spacing": 8,
    "batch_size": 8,
    "learning_rate_init": 5e-3,
}
"""What was chosen on training volumes."""
VARIANTS = {
    "deformation": {"affine": False},
    "affine": {},
}


def load():
    """Return the volume, from 0 to 1, and its labels, at fewer voxels."""
    file = np.load(Path(os.environ["SKAE_DATA"]) / "brain_t1_volume.npz")
    sizes = [size // BLOCK for size in file["X"].shape]
    volume, labels = (file[key][tuple(slice(n * BLOCK) for n in sizes)] for key in ("X", "mask"))
    blocks = volume.reshape([n for size in sizes for n in (size, BLOCK)]).mean(axis=(1, 3, 5))
    return blocks / 255, labels[(slice(BLOCK // 2, None, BLOCK),) * 3]


def draw_velocities(n, sizes, rng):
    """Return smooth velocities, shape (n, 3, *sizes)."""
    # what is beyond the border is as random as the rest
    margin = 2 * int(SMOOTHNESS)
    padded = [size + 2 * margin for size in sizes]
    fields = np.empty((n, 3, *sizes), dtype=np.float32)
    for field in fields:
        noise = rng.standard_normal((3, *padded)).astype(np.float32)
        smooth = gaussian_filter(noise, (0, SMOOTHNESS, SMOOTHNESS, SMOOTHNESS))
        field[:] = smooth[:, margin:-margin, margin:-margin, margin:-margin]
    largest = np.sqrt(np.square(fields).sum(axis=1)).reshape(n, -1).max(axis=1)
    return fields * (AMPLITUDE / np.median(largest))


def flow(velocities):
    """Return displacements after unit time, one volume at a time."""
    return torch.cat([exp_velocity(torch.from_numpy(velocity[None])) for velocity in velocities])


def warp_labels(labels, displacement):
    """Return the label with the largest share at every voxel, shape (n, *sizes)."""
    return np.stack([warp_label_map(*pair) for pair in zip(labels, displacement, strict=True)])


def warp_label_map(labels, field):
    """Return the same for one volume, shape `sizes`."""
    names = np.unique(labels)
    shares = warp_images([labels == name for name in names], field[None].repeat(len(names), 0))
    return names[shares.argmax(axis=0)]


def find_dice(one, other, names):
    """Return the overlap of every label, mean over pairs of labelled volumes."""
    axes = (1, 2, 3)
    overlaps = []
    for name in names:
        a, b = one == name, other == name
        overlaps.append((2 * (a & b).sum(axis=axes) / (a.sum(axis=axes) + b.sum(axis=axes))).mean())
    return np.array(overlaps)


def print_row(name, seed, found, known, brain, dice, *cells):
    """Print what displacements of pairs are worth."""
    errors = np.sqrt(np.square(found - known).sum(axis=1))[brain]
    folds = 100 * (jacobian_determinant(found) <= 0).mean()
    cells = [
        name,
        seed,
        f"{errors.mean():.2f} ({np.quantile(errors, 0.95):.2f})",
        f"{dice.mean():.3f} ({dice.min():.3f})",
        f"{folds:.4f}",
        *cells,
    ]
    print("|", " | ".join(map(str, cells)), "|", flush=True)


def compare(seed, arguments):
    """Print the rows of a seed."""
    template, atlas_labels = load()
    rng = np.random.default_rng(seed)
    velocities = draw_velocities(N_TRAIN + N_NEW, template.shape, rng)
    forth = flow(velocities).numpy()
    volumes = np.concatenate([warp_images(template[None], field[None]) for field in forth])
    X = (volumes + NOISE * rng.standard_normal(volumes.shape)).astype(np.float32)[:, None]
    new = np.arange(N_TRAIN, N_TRAIN + N_NEW) - (N_NEW if arguments.tune else 0)
    train = X[: new[0]]
    moving, fixed = (ends.ravel() for ends in np.meshgrid(new, new[:N_FIXED]))
    moving, fixed = moving[moving != fixed], fixed[moving != fixed]

    names, counts = np.unique(atlas_labels[atlas_labels > 0], return_counts=True)
    names = names[np.argsort(counts)[-10:]]
    labels = dict(zip(new, warp_labels([atlas_labels] * N_NEW, forth[new]), strict=True))
    labels_fixed = np.stack([labels[i] for i in fixed])
    back = dict(zip(new, flow(-velocities[new]), strict=True))
    known = torch.stack(
        [
            compose(back[i][None], torch.from_numpy(forth[j][None]))[0]
            for i, j in zip(moving, fixed, strict=True)
        ]
    ).numpy()
    brain = volumes[fixed] > 0.1

    def find_overlaps(field):
        return find_dice(warp_labels([labels[i] for i in moving], field), labels_fixed, names)

    nothing = np.zeros_like(known)
    print_row("none", seed, nothing, known, brain, find_overlaps(nothing), "", "", "")
    print_row("known", seed, known, known, brain, find_overlaps(known), "", "", "")
    for name in arguments.variants:
        parameters = {**PARAMETERS, **VARIANTS[name], "max_iter": arguments.max_iter}
        start = time.process_time()
        model = DiffeomorphicAutoencoder(random_state=seed, device="cpu", **parameters).fit(train)
        elapsed = time.process_time() - start
        start = time.process_time()
        found = model.register(X[moving], X[fixed]).displacement
        ms = 1000 * (time.process_time() - start) / len(moving)
        print_row(
            name,
            seed,
            found,
            known,
            brain,
            find_overlaps(found),
            f"{elapsed:.0f}",
            f"{model.best_iter_} of {model.n_iter_}",
            f"{ms:.0f}",
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--variants", choices=VARIANTS, nargs="+", default=list(VARIANTS))
    parser.add_argument("--max-iter", type=int, default=60)
    parser.add_argument("--tune", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print("| displacement | seed | error | Dice | folds | CPU s | epochs | ms |")
    print("|" + "---|" * 8)
    for seed in arguments.seeds:
        compare(seed, arguments)
