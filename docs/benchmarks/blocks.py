"""Fits to tables and images that are larger than memory: what they take, and what they lose.

    python docs/benchmarks/blocks.py [memory] [quality] [images] [shapes]

`memory`: what fits of no and of two epochs to a memory map of 2 GB (1,000,000 rows of 512 numbers
in float32) add to the peak of a process that has skae and a small fit behind it, each estimator in
a process of its own; seconds of a fit without an epoch, and of an epoch. The bar is 300 MB.
`quality`: errors on 10,000 other rows of fits by 25 blocks and of fits in memory to the same
100,000 rows (200 MB), five epochs, three seeds: the share of the variance that is lost, and for the
VAE the negative log-likelihood in nats per row. The bar is 2 % of the error. Rows are a curved
surface of 16 dimensions and noise.
`images`: what fits of one epoch to memory maps of 1 GB and more (16,384 images of 128 x 128 numbers
in float32 and what belongs to them, in patches of 32 x 32, four channels in the network) add to the
peak of such a process, each estimator in a process of its own, and their seconds, and what a fit in
memory to 2,048 of them adds; the bar is 300 MB. Then errors on 128 other images of fits by blocks
and in memory to the same 256 images, five epochs, three seeds: the share of the variance of y that
is lost, and for masks one less the Dice coefficient. Images are smooth random fields, with noise; y
are the same without noise, and where they are large; colours are functions of a field.
`shapes`: as `images`, of deformations: memory maps of 1 GB and more of shapes of 128 x 128 numbers,
and a fit in memory to 2,048 of them; the bar is 300 MB. Then one less the score on 128 other shapes
of fits by blocks and in memory to the same 256 shapes, five epochs, three seeds. One thread. Prints
Markdown.
"""

import multiprocessing
import resource
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from skae import AutoencoderTransformer, VAETransformer
from skae.datasets import make_deformed_shapes
from skae.image import ImageColorizer, ImageSegmenter, ImageToImageRegressor
from skae.registration import AtlasSegmenter, DiffeomorphicAutoencoder, GeoSICClassifier

N_FEATURES, N_FACTORS = 512, 16
SIZES = {"memory": 1_000_000, "quality": 100_000}
N_TEST = 10_000
ESTIMATORS = {
    "AutoencoderTransformer": AutoencoderTransformer(16, device="cpu"),
    "VAETransformer": VAETransformer(16, device="cpu"),
}

SIDE, PATCH = 128, 32
IMAGES = {"memory": 16_384, "in memory": 2_048, "quality": 256, "test": 128}
AT_ONCE = 256
PATCHES = {"patch_size": PATCH, "base_channels": 4, "device": "cpu"}
IMAGE_ESTIMATORS = {
    "ImageToImageRegressor": ImageToImageRegressor(**PATCHES),
    "ImageToImageRegressor, clean images alone": ImageToImageRegressor(
        corruption="gaussian", **PATCHES
    ),
    "ImageColorizer": ImageColorizer(**PATCHES),
    "ImageSegmenter": ImageSegmenter(**PATCHES),
}
GIVEN = {
    "ImageToImageRegressor": ("noisy", "clean"),
    "ImageToImageRegressor, clean images alone": ("clean", None),
    "ImageColorizer": ("colors", None),
    "ImageSegmenter": ("noisy", "masks"),
}
"""What X and y are."""
SCORED = GIVEN | {"ImageToImageRegressor, clean images alone": ("noisy", "clean")}


SHAPE_ESTIMATORS = {
    "DiffeomorphicAutoencoder": DiffeomorphicAutoencoder(4, device="cpu"),
    "GeoSICClassifier": GeoSICClassifier(4, device="cpu"),
    "AtlasSegmenter": AtlasSegmenter(4, base_channels=4, refine_steps=5, device="cpu"),
}
SHAPES_GIVEN = {
    "DiffeomorphicAutoencoder": ("shapes", None),
    "GeoSICClassifier": ("shapes", "classes"),
    "AtlasSegmenter": ("shapes", "labels"),
}


def make_shapes(n_images, seed):
    """Return shapes, their classes, and labels of pixels."""
    shapes = make_deformed_shapes(n_images, n_classes=2, size=SIDE, random_state=seed)
    return {
        "shapes": shapes.images.astype(np.float32),
        "classes": shapes.target,
        "labels": shapes.masks.astype(np.uint8),
    }


def make_images(n_images, seed):
    """Return noisy images, clean ones, colours and masks."""
    rng = np.random.default_rng(seed)
    fields = rng.standard_normal((n_images, SIDE, SIDE), np.float32)
    fields = gaussian_filter(fields, (0, 4, 4))
    fields = np.tanh(2 * fields / fields.std(axis=(1, 2), keepdims=True))
    clean = (0.5 + 0.5 * fields).astype(np.float32)
    noise = rng.standard_normal(clean.shape, np.float32)
    return {
        "noisy": clean + np.float32(0.3) * noise,
        "clean": clean,
        "colors": np.stack([clean, clean**2, 1 - clean], axis=1),
        "masks": (clean > 0.7).astype(np.uint8),
    }


def make_rows(n_rows, seed):
    """Return rows; the surface is always the same one."""
    surface = np.random.default_rng(0).normal(size=(2, N_FACTORS, N_FEATURES))
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(n_rows, N_FACTORS))
    curved = factors @ surface[0] + np.tanh(factors) @ surface[1] * 2
    noise = rng.standard_normal((n_rows, N_FEATURES), np.float32)
    return (curved + noise).astype(np.float32)


def write(path, n_rows):
    """Write rows to a file, some at a time."""
    X = np.memmap(path, np.float32, "w+", shape=(n_rows, N_FEATURES))
    for start in range(0, n_rows, 10_000):
        X[start : start + 10_000] = make_rows(min(10_000, n_rows - start), 1 + start)
    X.flush()


def peak():
    """Return the largest number of megabytes that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def measure_memory(name, path):
    """Return megabytes beyond those before, and the seconds of fits of 0 and of 2 epochs."""
    torch.set_num_threads(1)
    model = ESTIMATORS[name].set_params(random_state=0)
    model.set_params(max_iter=1).fit(make_rows(1000, 0))
    before = peak()
    X = np.memmap(path, np.float32, "r", shape=(SIZES["memory"], N_FEATURES))
    seconds = []
    for max_iter in 0, 2:
        start = time.perf_counter()
        model.set_params(max_iter=max_iter).fit(X)
        seconds.append(time.perf_counter() - start)
    return peak() - before, *seconds


def write_images(make, folder, n_images):
    """Write images to files, some at a time."""
    files = {}
    for start in range(0, n_images, AT_ONCE):
        for name, images in make(AT_ONCE, 1 + start).items():
            if name not in files:
                shape = n_images, *images.shape[1:]
                files[name] = np.lib.format.open_memmap(
                    folder / f"{name}.npy", "w+", images.dtype, shape
                )
            files[name][start : start + AT_ONCE] = images


def measure_images(name, folder, n_images):
    """Return megabytes of images, and megabytes beyond those before and seconds of a fit."""
    torch.set_num_threads(1)
    model = (IMAGE_ESTIMATORS | SHAPE_ESTIMATORS)[name].set_params(random_state=0, max_iter=1)
    names = (GIVEN | SHAPES_GIVEN)[name]
    small = make_shapes(8, 0) if name in SHAPES_GIVEN else make_images(8, 0)
    model.fit(*map(small.get, names))
    before = peak()
    given = [
        None if given is None else np.load(folder / f"{given}.npy", mmap_mode="r")[:n_images]
        for given in names
    ]
    # classes of images are one array
    given = [np.array(part) if part is not None and part.ndim == 1 else part for part in given]
    start = time.perf_counter()
    model.fit(*given)
    n_bytes = sum(array.nbytes for array in given if array is not None)
    return n_bytes / 1e6, peak() - before, time.perf_counter() - start


def in_process(function, *arguments):
    """Return what a function finds in a process of its own.

    Its peak begins at that of this one, which therefore writes nothing.
    """
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def memory():
    """Print what fits take."""
    print("| estimator | MB | seconds without an epoch | seconds per epoch |\n|---|---|---|---|")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "rows"
        in_process(write, path, SIZES["memory"])
        for name in ESTIMATORS:
            megabytes, none, two = in_process(measure_memory, name, path)
            print(f"| {name} | {megabytes:.0f} | {none:.0f} | {(two - none) / 2:.0f} |", flush=True)


def quality():
    """Print how good fits by blocks and in memory are."""
    print("| estimator | seed | in memory | by blocks | ratio |\n|---|---|---|---|---|")
    X, test = make_rows(SIZES["quality"], 1), make_rows(N_TEST, 2)
    for name, estimator in ESTIMATORS.items():
        for seed in range(3):
            model = estimator.set_params(random_state=seed, max_iter=5)
            errors = [find_errors(model.fit(x), test) for x in (X, np.array_split(X, 25))]
            for measure in errors[0]:
                one, other = (found[measure] for found in errors)
                shown = f"{one:.5g} | {other:.5g} | {other / one:.4f}"
                print(f"| {name}, {measure} | {seed} | {shown} |", flush=True)


def images():
    """Print what fits to images take, and how good they are."""
    compare_images(make_images, IMAGE_ESTIMATORS, GIVEN, SCORED)


def shapes():
    """Print what fits of deformations take, and how good they are."""
    compare_images(make_shapes, SHAPE_ESTIMATORS, SHAPES_GIVEN, SHAPES_GIVEN)


def compare_images(make, estimators, fitted, scored):
    """Print what fits take, and how good they are.

    Parameters
    ----------
    make : callable
        Returns arrays by name, given a number of images and a seed.
    estimators : dict
    fitted, scored : dict of pairs of str
        The names of X and y in `fit` and in `score`, by the names of estimators.
    """
    print("| estimator | images | their MB | MB | seconds |\n|---|---|---|---|---|", flush=True)
    cases = [(next(iter(estimators)), IMAGES["in memory"])]
    cases += [(name, IMAGES["memory"]) for name in estimators]
    with TemporaryDirectory() as folder:
        in_process(write_images, make, Path(folder), IMAGES["memory"])
        for name, n in cases:
            given, more, seconds = in_process(measure_images, name, Path(folder), n)
            print(f"| {name} | {n:,} | {given:,.0f} | {more:.0f} | {seconds:.0f} |", flush=True)
    print("\n| estimator | seed | in memory | by blocks | ratio |\n|---|---|---|---|---|")
    train, test = make(IMAGES["quality"], 1), make(IMAGES["test"], 2)
    for name, estimator in estimators.items():
        for seed in range(3):
            model = estimator.set_params(random_state=seed, max_iter=5)
            one, other = (
                1 - model.fit(*map(given.get, fitted[name])).score(*map(test.get, scored[name]))
                for given in (train, {key: in_blocks(images) for key, images in train.items()})
            )
            print(f"| {name} | {seed} | {one:.5g} | {other:.5g} | {other / one:.4f} |", flush=True)


def in_blocks(images):
    """Return images as the values of a dict, which are read in one order; classes as they are."""
    if images.ndim == 1:
        return images
    return dict(enumerate(np.array_split(images, 32))).values()


def find_errors(model, test):
    """Return the share of the variance that is lost and, for a VAE, nats per row."""
    lost = np.square(test - model.reconstruct(test), dtype=np.float64).sum()
    total = np.square(test - test.mean(axis=0), dtype=np.float64).sum()
    errors = {"1 - R2": lost / total}
    if isinstance(model, VAETransformer):
        errors["nats"] = -model.score(test[:2000])
    return errors


if __name__ == "__main__":
    torch.set_num_threads(1)
    functions = {f.__name__: f for f in (memory, quality, images, shapes)}
    for name in sys.argv[1:] or functions:
        print(f"\n## {name}\n", flush=True)
        functions[name]()
