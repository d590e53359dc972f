"""Hashes of fits with fixed seeds: they tell if a change of the code changes a bit of a result.

Every estimator is fitted on one thread in the ways there are: in memory, by blocks, by
`partial_fit`, by two processes, from a checkpoint, from a warm start. A hash covers weights, curves
and results. Hashes depend on the machine and on its libraries, so both trees have to be measured on
the same one::

    OMP_NUM_THREADS=1 PYTHONPATH=before python docs/benchmarks/fit_hashes.py --write hashes.json
    OMP_NUM_THREADS=1 PYTHONPATH=after python docs/benchmarks/fit_hashes.py --compare hashes.json

`--only` runs some groups, such as `passes`. The exit status is 1 if a hash differs.
"""

import argparse
import hashlib
import json
import os
import sys
import tempfile
import warnings
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

import skae
from skae import AutoencoderTransformer, ConvAutoencoder, SparseAutoencoder, VAETransformer
from skae.datasets import make_deformed_shapes
from skae.engine import Checkpoint
from skae.image import ImageColorizer, ImageSegmenter, ImageToImageRegressor
from skae.registration import AtlasSegmenter, DiffeomorphicAutoencoder, GeoSICClassifier

SEEDED = {"random_state": 0, "max_iter": 3}
RESULTS = "transform", "predict", "predict_proba", "score_samples", "displacement"
CURVES = "loss_curve_", "validation_curve_", "n_iter_", "best_iter_"


def make_table(n=140, d=11, dtype=np.float64):
    """Return rows in [0, 1] with a structure that PCA does not see."""
    rng = np.random.default_rng(0)
    rows = np.tanh(rng.normal(size=(n, 3)) @ rng.normal(size=(3, d)))
    return ((1 + rows + 0.1 * rng.normal(size=(n, d)).clip(-1, 1)) / 2.4).clip(0, 1).astype(dtype)


RNG = np.random.default_rng(1)
TABLE = make_table()
CLASSES = RNG.integers(3, size=len(TABLE))
COUNTS = RNG.poisson(3 * TABLE).astype(float)
IMAGES = make_table(90, 64).reshape(90, 8, 8)
NOISY = IMAGES + 0.2 * RNG.normal(size=IMAGES.shape)
COLORS = make_table(40, 3 * 144).reshape(40, 3, 12, 12)
SHAPES = make_deformed_shapes(36, n_classes=2, size=16, random_state=0)
MASKS = SHAPES.masks.astype(int)
PARTLY = np.where(np.arange(36)[:, None, None] % 3 == 0, 255, MASKS)
DEFORMING = SEEDED | {"hidden_channels": (4, 8)}
CONV = SEEDED | {"hidden_channels": (4, 8)}
IMAGING = SEEDED | {"base_channels": 4}


def cut(X, size=30):
    """Return an array as a list of blocks."""
    return [X[start : start + size] for start in range(0, len(X), size)]


class Stream:
    """Blocks of which only a pass tells the number."""

    def __init__(self, X):
        self.X = X

    def __iter__(self):
        return iter(cut(self.X))


def fits_of_tables():
    """Yield names and fitted estimators of tables."""
    auto = AutoencoderTransformer
    variants = {
        "default": {},
        "tied": {"tied_weights": True},
        "tied noisy": {"tied_weights": True, "corruption": "gaussian"},
        "ordered": {"ordered": True, "n_components": 4},
        "ordered share": {"ordered": True, "n_components": 0.8},
        "ordered noisy": {"ordered": True, "corruption": "masking"},
        "ordered bce": {"ordered": True, "loss": "binary_crossentropy"},
        "gaussian": {"corruption": "gaussian"},
        "masking": {"corruption": "masking"},
        "salt": {"corruption": "salt_and_pepper"},
        "salt bce": {"corruption": "salt_and_pepper", "loss": "binary_crossentropy"},
        "absolute": {"loss": "absolute_error"},
        "huber": {"loss": "huber"},
        "bce": {"loss": "binary_crossentropy"},
        "penalties": {"alpha": 0.01, "l1_ratio": 0.5, "contractive": 0.1},
        "linear": {"hidden_layer_sizes": ()},
        "linear noisy": {"hidden_layer_sizes": (), "corruption": "gaussian"},
        "lbfgs": {"solver": "lbfgs"},
        "lbfgs salt": {"solver": "lbfgs", "corruption": "salt_and_pepper"},
        "random": {"init": "random"},
        "all rows": {"early_stopping": False},
        "start": {"max_iter": 0},
        "cosine": {"learning_rate": "cosine", "batch_size": 16},
        "more components": {"n_components": 14},
        "kde": {"latent_density": "kde"},
    }
    for name, parameters in variants.items():
        yield name, auto(**(SEEDED | {"n_components": 2} | parameters)).fit(TABLE)
    yield "float32", auto(2, **SEEDED).fit(TABLE.astype(np.float32))
    yield "wide", auto(2, **SEEDED).fit(TABLE[:9])
    warm = auto(2, warm_start=True, **SEEDED).fit(TABLE)
    yield "warm", warm.fit(TABLE)
    yield "truncated", auto(4, ordered=True, **SEEDED).fit(TABLE).truncate(2)
    for kind in "topk", "l1", "kl", "jumprelu":
        yield f"sparse {kind}", SparseAutoencoder(20, sparsity=kind, **SEEDED).fit(TABLE)
    yield "sparse random", SparseAutoencoder(20, init="random", **SEEDED).fit(TABLE)
    yield (
        "sparse dead",
        SparseAutoencoder(90, n_nonzero=1, early_stopping=False, max_iter=8, random_state=0).fit(
            TABLE
        ),
    )


def fits_of_vaes():
    """Yield names and fitted variational autoencoders."""
    binary = (TABLE > 0.5).astype(float)
    data = {"bernoulli": binary, "poisson": COUNTS, "negative_binomial": COUNTS}
    data["categorical"] = COUNTS.clip(max=3)
    likelihoods = "gaussian", "gaussian_diagonal", "student_t", "continuous_bernoulli", *data
    for name in likelihoods:
        yield f"vae {name}", VAETransformer(2, likelihood=name, **SEEDED).fit(data.get(name, TABLE))
    variants = {
        "conditional": {"conditional": True},
        "conditional bernoulli": {"conditional": True, "likelihood": "continuous_bernoulli"},
        "weighted": {"n_importance_samples": 3},
        "binarized": {"likelihood": "bernoulli", "dynamic_binarization": True},
        "fixed noise": {"noise_variance": 0.01},
        "linear": {"hidden_layer_sizes": ()},
        "linear diagonal": {"hidden_layer_sizes": (), "likelihood": "gaussian_diagonal"},
        "warm-up": {"kl_warmup": 0.5, "free_bits": 0.1, "beta": 0.5},
        "random": {"init": "random"},
        "gmm": {"latent_density": "gmm"},
        "all rows": {"early_stopping": False},
    }
    for name, parameters in variants.items():
        yield f"vae {name}", VAETransformer(2, **SEEDED, **parameters).fit(TABLE, CLASSES)
    warm = VAETransformer(2, warm_start=True, conditional=True, **SEEDED).fit(TABLE, CLASSES)
    yield "vae warm", warm.fit(TABLE, CLASSES)


def fits_of_images():
    """Yield names and fitted estimators of images."""
    variants = {
        "conv": {},
        "conv moved": {"augment": ("shift", "flip")},
        "conv ordered moved": {"augment": "shift", "ordered": True, "corruption": "gaussian"},
        "conv salt": {"corruption": "salt_and_pepper"},
        "conv bce": {"loss": "binary_crossentropy", "pooling": "max"},
        "conv penalties": {"alpha": 0.01, "contractive": 0.1},
        "conv random": {"init": "random"},
    }
    for name, parameters in variants.items():
        yield name, ConvAutoencoder(2, **CONV, **parameters).fit(IMAGES)
    yield "conv last", ConvAutoencoder(2, channels="last", **CONV).fit(COLORS.transpose(0, 2, 3, 1))
    variants = {
        "pairs": {},
        "pairs moved": {"augment": ("flip", "rotate")},
        "pairs patches": {"patch_size": 5, "depth": 1},
        "pairs identity": {"residual": "identity"},
        "pairs plain": {"residual": None, "architecture": "autoencoder"},
        "pairs ssim": {"loss": "ssim"},
        "pairs huber": {"loss": "huber", "early_stopping": False},
    }
    for name, parameters in variants.items():
        yield name, ImageToImageRegressor(**IMAGING, **parameters).fit(NOISY, IMAGES)
    for kind in "gaussian", "masking", "salt_and_pepper":
        regressor = ImageToImageRegressor(corruption=kind, augment="flip", **IMAGING)
        yield f"clean {kind}", regressor.fit(IMAGES)
    warm = ImageToImageRegressor(warm_start=True, **IMAGING).fit(NOISY, IMAGES)
    yield "pairs warm", warm.fit(NOISY, IMAGES)
    for space in "lab", "hsv", "rgb":
        yield f"colors {space}", ImageColorizer(color_space=space, **IMAGING).fit(COLORS)
    colorizer = ImageColorizer(per_channel=True, patch_size=8, augment="flip", **IMAGING)
    yield "colors by channel", colorizer.fit(COLORS)
    X = SHAPES.images
    for loss in "dice_ce", "cross_entropy", "focal":
        yield f"masks {loss}", ImageSegmenter(loss=loss, **IMAGING).fit(X, MASKS)
    segmenter = ImageSegmenter(class_weight="balanced", ignore_index=255, **IMAGING)
    yield "masks partly", segmenter.fit(X, PARTLY)
    encoder = ConvAutoencoder(2, **CONV).fit(X)
    yield "masks encoder", ImageSegmenter(encoder=encoder, **IMAGING).fit(X, MASKS)
    yield "masks patches", ImageSegmenter(patch_size=8, augment="rotate", **IMAGING).fit(X, MASKS)


def fits_of_shapes():
    """Yield names and fitted estimators of deformations."""
    X, y = SHAPES.images, SHAPES.target
    variants = {
        "svf": {},
        "unposed": {"affine": False},
        "ncc": {"similarity": "ncc"},
        "epdiff": {"integrator": "epdiff", "max_iter": 1},
        "uncentred": {"center_atlas": False, "early_stopping": False},
    }
    for name, parameters in variants.items():
        model = DiffeomorphicAutoencoder(3, **(DEFORMING | parameters))
        yield name, model.fit(X)
    for fusion in "add", "concat", "shape_only":
        yield f"classes {fusion}", GeoSICClassifier(3, fusion=fusion, **DEFORMING).fit(X, y)
    yield "atlases", GeoSICClassifier(3, per_class_atlas=True, **DEFORMING).fit(X, y)
    options = DEFORMING | {"base_channels": 4, "refine_steps": 2}
    yield "labels", AtlasSegmenter(3, **options).fit(X, MASKS)
    yield "labels partly", AtlasSegmenter(3, ignore_index=255, **options).fit(X, PARTLY)
    warm = DiffeomorphicAutoencoder(3, warm_start=True, **DEFORMING).fit(X)
    yield "svf warm", warm.fit(X)


def fits_by_blocks():
    """Yield names and estimators that were fitted block by block."""
    auto, vae = AutoencoderTransformer, VAETransformer
    blocks, many = cut(TABLE), cut(TABLE, 9)
    yield "listed", auto(2, **SEEDED).fit(blocks)
    yield "many", auto(2, **SEEDED).fit(many)
    yield "streamed", auto(2, **SEEDED).fit(Stream(TABLE))
    yield "blocks salt", auto(2, corruption="salt_and_pepper", **SEEDED).fit(blocks)
    yield "blocks bce", auto(2, loss="binary_crossentropy", **SEEDED).fit(blocks)
    yield "blocks ordered", auto(0.8, ordered=True, **SEEDED).fit(blocks)
    yield "blocks linear", auto(2, hidden_layer_sizes=(), **SEEDED).fit(blocks)
    yield "blocks all rows", auto(2, early_stopping=False, **SEEDED).fit(blocks)
    yield "blocks sparse", SparseAutoencoder(20, **SEEDED).fit(blocks)
    conv = ConvAutoencoder(2, augment="shift", **CONV)
    yield "blocks conv", conv.fit(Stream(IMAGES))
    yield "blocks vae", vae(2, **SEEDED).fit(blocks)
    yield "blocks vae linear", vae(2, hidden_layer_sizes=(), **SEEDED).fit(blocks)
    yield "blocks conditional", vae(2, conditional=True, **SEEDED).fit(blocks, CLASSES)
    yield "blocks poisson", vae(2, likelihood="poisson", **SEEDED).fit(cut(COUNTS))
    categories = cut(COUNTS.clip(max=3))
    yield "blocks categorical", vae(2, likelihood="categorical", **SEEDED).fit(categories)
    X, y = cut(NOISY[:, None]), cut(IMAGES[:, None])
    yield "blocks pairs", ImageToImageRegressor(**IMAGING).fit(X, y)
    regressor = ImageToImageRegressor(corruption="salt_and_pepper", patch_size=4, **IMAGING)
    yield "blocks clean", regressor.fit(y)
    yield "blocks ssim", ImageToImageRegressor(loss="ssim", **IMAGING).fit(X, y)
    yield "blocks colors", ImageColorizer(**IMAGING).fit(cut(COLORS, 10))
    images, masks = cut(SHAPES.images[:, None], 9), cut(PARTLY, 9)
    segmenter = ImageSegmenter(class_weight="balanced", ignore_index=255, **IMAGING)
    yield "blocks masks", segmenter.fit(images, masks)


def passes():
    """Yield names and estimators after some calls of `partial_fit`."""
    halves = TABLE[:70], TABLE[70:]
    for name, estimator in {
        "passes": AutoencoderTransformer(2, **SEEDED),
        "passes ordered": AutoencoderTransformer(2, ordered=True, **SEEDED),
        "passes noisy": AutoencoderTransformer(2, corruption="salt_and_pepper", **SEEDED),
        "passes sparse": SparseAutoencoder(20, **SEEDED),
        "passes vae": VAETransformer(2, **SEEDED),
    }.items():
        for half in (*halves, cut(TABLE)):
            estimator.partial_fit(half)
        yield name, estimator
    conditional = VAETransformer(2, conditional=True, **SEEDED)
    for _ in range(2):
        conditional.partial_fit(TABLE, CLASSES)
    yield "passes conditional", conditional
    yield "passes after fit", AutoencoderTransformer(2, **SEEDED).fit(TABLE).partial_fit(TABLE)
    yield "passes conv", ConvAutoencoder(2, **CONV).partial_fit(IMAGES).partial_fit(IMAGES)


def resumed():
    """Yield names and estimators whose fit was cut off and went on."""
    cases = {
        "resumed": (AutoencoderTransformer(2, corruption="gaussian"), (TABLE,)),
        "resumed ordered": (AutoencoderTransformer(2, ordered=True), (TABLE,)),
        "resumed sparse": (SparseAutoencoder(20), (TABLE,)),
        "resumed vae": (VAETransformer(2, conditional=True), (TABLE, CLASSES)),
        "resumed linear": (AutoencoderTransformer(2, hidden_layer_sizes=()), (TABLE,)),
        "resumed blocks": (AutoencoderTransformer(2), (cut(TABLE),)),
        "resumed pairs": (ImageToImageRegressor(base_channels=4), (NOISY, IMAGES)),
        "resumed masks": (ImageSegmenter(base_channels=4), (SHAPES.images, MASKS)),
        "resumed shapes": (DiffeomorphicAutoencoder(3, hidden_channels=(4, 8)), (SHAPES.images,)),
    }
    for name, (estimator, data) in cases.items():
        with tempfile.TemporaryDirectory() as folder:
            options = {"max_iter": 4, "random_state": 0, "checkpoint": folder}
            estimator.set_params(checkpoint_every=2, **options)
            cut_off(estimator, data)
            estimator.fit(*data)
            # the folder's name is no result
            yield name, estimator.set_params(checkpoint=None)


def cut_off(estimator, data):
    """Have a fit end when it has written its first checkpoint."""
    save = Checkpoint.save

    def save_and_end(self, state):
        save(self, state)
        raise MemoryError("cut off")

    Checkpoint.save = save_and_end
    try:
        estimator.fit(*data)
    except MemoryError:
        pass
    finally:
        Checkpoint.save = save


def fits_of_two():
    """Yield names and hashes of fits by two processes."""
    with tempfile.TemporaryDirectory() as folder:
        mp.spawn(fit_shard, (folder,), nprocs=2)
        yield from json.loads(Path(folder, "hashes").read_text()).items()


def fit_shard(rank, folder):
    """Fit to a part of the rows, as one of two processes."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{folder}/store", rank=rank, world_size=2)
    mine = slice(0, 90) if rank == 0 else slice(90, None)
    X, y, counts = TABLE[mine], CLASSES[mine], COUNTS[mine].clip(max=3)
    images = IMAGES[:50] if rank == 0 else IMAGES[50:]
    fits = {
        "two": AutoencoderTransformer(2, **SEEDED).fit(X),
        "two ordered": AutoencoderTransformer(0.8, ordered=True, **SEEDED).fit(X),
        "two noisy": AutoencoderTransformer(2, corruption="salt_and_pepper", **SEEDED).fit(cut(X)),
        "two sparse": SparseAutoencoder(20, sparsity="kl", **SEEDED).fit(X),
        "two conditional": VAETransformer(2, conditional=True, **SEEDED).fit(X, y),
        "two categorical": VAETransformer(2, likelihood="categorical", **SEEDED).fit(counts),
        "two conv": ConvAutoencoder(2, **CONV).fit(images),
        "two passes": AutoencoderTransformer(2, **SEEDED).partial_fit(X).partial_fit(X),
    }
    if rank == 0:
        hashes = {name: hash_of(estimator) for name, estimator in fits.items()}
        Path(folder, "hashes").write_text(json.dumps(hashes))
    dist.destroy_process_group()


def hash_of(estimator):
    """Return the hash of what a fit has found."""
    digest = hashlib.sha256()
    for value in estimator._network.module.state_dict().values():
        digest.update(value.numpy(force=True).tobytes())
    for name in CURVES:
        digest.update(repr(getattr(estimator, name)).encode())
    for name, value in sorted(vars(estimator).items()):
        if name.endswith("_") and isinstance(value, np.ndarray):
            digest.update(name.encode() + np.ascontiguousarray(value).tobytes())
    X = example_for(estimator)
    for name in RESULTS:
        if hasattr(estimator, name):
            digest.update(np.ascontiguousarray(getattr(estimator, name)(X)).tobytes())
    if hasattr(estimator, "sample"):
        digest.update(np.ascontiguousarray(estimator.sample(5, random_state=0)).tobytes())
    return digest.hexdigest()[:16]


def example_for(estimator):
    """Return rows of the kind that an estimator was fitted to."""
    if isinstance(estimator, ImageColorizer):
        return COLORS[:7]
    if hasattr(estimator, "image_shape_"):
        shape = estimator.image_shape_
        if 3 in shape:
            return COLORS[:7].transpose(0, 2, 3, 1)
        images = IMAGES if 8 in shape else SHAPES.images
        return images[:7] if estimator.n_features_in_ > 1 else images[:7, None]
    is_of_counts = getattr(estimator, "likelihood", "") in (
        "poisson",
        "negative_binomial",
        "categorical",
    )
    rows = COUNTS.clip(max=3) if is_of_counts else TABLE
    is_binary = getattr(estimator, "likelihood", "") == "bernoulli"
    return (rows[:7] > 0.5).astype(float) if is_binary else rows[:7]


GROUPS = (
    fits_of_tables,
    fits_of_vaes,
    fits_of_images,
    fits_of_shapes,
    fits_by_blocks,
    passes,
    resumed,
    fits_of_two,
)


def find_hashes(groups):
    """Return the hashes of all fits by name."""
    found = {}
    for group in groups:
        for name, fitted in group():
            found[name] = fitted if isinstance(fitted, str) else hash_of(fitted)
            print(f"{name}: {found[name]}", flush=True)
    return found


def main():
    """Write hashes to a file, or compare them with it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path)
    parser.add_argument("--compare", type=Path)
    parser.add_argument("--only", nargs="*", help="names of groups, such as passes")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    print(f"{skae.__file__}, torch {torch.__version__}", file=sys.stderr)
    groups = [g for g in GROUPS if not options.only or g.__name__ in options.only]
    found = find_hashes(groups)
    if options.write:
        options.write.write_text(json.dumps(found, indent=1))
    if options.compare:
        before = json.loads(options.compare.read_text())
        changed = [name for name in found if found[name] != before.get(name)]
        print(f"{len(found)} fits, {len(changed)} changed: {', '.join(changed)}")
        sys.exit(bool(changed))


if __name__ == "__main__":
    main()
