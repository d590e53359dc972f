"""What the tests have processes do together: a script, told of scenarios and of a folder.

It imports once, and forks for every scenario. What a process finds is put into a file.
"""

import os
import pickle
import signal
import sys
import time
import warnings
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from sklearn.base import clone

from skae import (
    AutoencoderCV,
    AutoencoderTransformer,
    ConvAutoencoder,
    SparseAutoencoder,
    VAETransformer,
)
from skae.datasets import make_deformed_shapes
from skae.distributed import group
from skae.engine import SCHEDULES, Batch, Checkpoint, GradientStep, StreamedBatches, find_peers
from skae.engine._loop import _Training
from skae.image import ImageColorizer, ImageSegmenter, ImageToImageRegressor
from skae.registration import AtlasSegmenter, DiffeomorphicAutoencoder, GeoSICClassifier

TIMEOUT = 60
"""Seconds after which a scenario has hung."""


def make_table(n_rows=100, n_features=9, seed=0):
    """Return rows in [0, 1] with a structure that PCA does not see."""
    rng = np.random.default_rng(seed)
    codes = rng.normal(size=(n_rows, 3))
    X = np.tanh(codes @ rng.normal(size=(3, n_features)) + 0.1 * rng.normal(size=n_features))
    return (1 + X) / 2


TABLE = make_table()
IMAGES = make_table(100, 64).reshape(100, 8, 8)
SHAPES = make_deformed_shapes(100, n_classes=2, size=8, random_state=0).images
SHAPES = (SHAPES - SHAPES.min()) / (SHAPES.max() - SHAPES.min())
MASKS = np.digitize(SHAPES, [0.3, 0.7])
# no process has all labels, and a few images have none
MASKS = np.where(np.arange(100)[:, None, None] < 45, np.minimum(MASKS, 1), MASKS)
MASKS[40:60:3] = 9
SETTINGS = {"max_iter": 3, "batch_size": 16, "random_state": 0}
PLAIN = SETTINGS | {"early_stopping": False}


def make_estimators():
    """Return estimators whose losses see rows, codes, whole batches and the weights."""
    # not at sampled rows, whose order is another one
    sparse = PLAIN | {"init": "random"}
    return {
        "autoencoder": AutoencoderTransformer(2, **PLAIN),
        "ordered": AutoencoderTransformer(2, ordered=True, **PLAIN),
        "noisy": AutoencoderTransformer(2, init="random", corruption="masking", **PLAIN),
        "penalties": AutoencoderTransformer(2, alpha=0.01, contractive=0.1, **PLAIN),
        "vae": VAETransformer(2, **PLAIN),
        "free_bits": VAETransformer(2, free_bits=0.2, **PLAIN),
        "conditional": VAETransformer(2, conditional=True, **PLAIN),
        "topk": SparseAutoencoder(12, **sparse),
        "kl": SparseAutoencoder(12, sparsity="kl", **sparse),
        "conv": ConvAutoencoder(2, augment="shift", hidden_channels=(4, 8), **PLAIN),
    }


def make_image_estimators():
    """Return estimators of images and of deformations, by the names of their data."""
    plain = PLAIN | {"base_channels": 2, "depth": 1, "filter_size": 3}
    deforming = PLAIN | {"hidden_channels": (4, 4), "n_components": 2}
    masked = deforming | {"base_channels": 2, "refine_steps": 1, "ignore_index": 9}
    return {
        "pairs": ImageToImageRegressor(augment="rotate", **plain),
        # without corruption: a filter is learned from sampled images, whose order is another one
        "ssim": ImageToImageRegressor(loss="ssim", **plain),
        "patches": ImageToImageRegressor(patch_size=4, **plain),
        "colors": ImageColorizer(augment="flip", **plain),
        "masks": ImageSegmenter(ignore_index=9, **plain),
        "shapes": DiffeomorphicAutoencoder(**deforming),
        "correlation": DiffeomorphicAutoencoder(similarity="ncc", affine=False, **deforming),
        "shape classes": GeoSICClassifier(warmup=0.0, **deforming),
        "atlases": GeoSICClassifier(warmup=0.0, per_class_atlas=True, **deforming),
        "shape masks": AtlasSegmenter(**masked),
    }


def data_of(name):
    """Return X and y for an estimator of this name; no process has all classes."""
    noisy = SHAPES + 0.1 * np.sin(np.arange(6400)).reshape(SHAPES.shape)
    colors = np.stack([SHAPES, SHAPES**2, 1 - SHAPES], axis=1)
    classes = np.arange(100) // 45
    data = {
        "conv": (IMAGES, classes),
        "pairs": (noisy, colors),
        "patches": (noisy, SHAPES),
        # without flat windows, in which similarities are ill-conditioned
        "ssim": (SHAPES, noisy),
        "colors": (colors, None),
        "masks": (noisy, MASKS),
        "shapes": (SHAPES, None),
        "correlation": (SHAPES, None),
        "shape classes": (SHAPES, classes),
        "atlases": (SHAPES, classes),
        "shape masks": (SHAPES, MASKS),
    }
    return data.get(name, (TABLE, classes))


def shard(X, rank, n_first):
    """Return the rows of a process; there may be no y."""
    if X is None:
        return None
    return X[:n_first] if rank == 0 else X[n_first:]


def describe(estimator):
    """Return what training has made of an estimator."""
    weights = estimator._network.module.state_dict()
    X = IMAGES if estimator.n_features_in_ == 64 else TABLE
    return {
        "codes": estimator.transform(X),
        "rows": estimator.inverse_transform(estimator.transform(X)),
        "weights": {name: value.numpy() for name, value in weights.items()},
        "loss_curve": estimator.loss_curve_,
        "validation_curve": estimator.validation_curve_,
        "best_iter": estimator.best_iter_,
        "mean": estimator.mean_,
        "classes": getattr(estimator, "classes_", None),
    }


def describe_images(estimator, name):
    """Return what training has made of an estimator of images."""
    X, _ = data_of(name)
    method = "predict" if hasattr(estimator, "predict") else "reconstruct"
    method = "predict_proba" if hasattr(estimator, "predict_proba") else method
    weights = estimator._network.module.state_dict()
    return {
        "results": getattr(estimator, method)(X),
        "weights": {name: value.numpy() for name, value in weights.items()},
        "loss_curve": estimator.loss_curve_,
        "validation_curve": estimator.validation_curve_,
        "best_iter": estimator.best_iter_,
        "location": estimator._units.location,
        "scale": estimator._units.scale,
        "classes": getattr(estimator, "classes_", None),
    }


def judge_alike(self):
    """Return the loss by which an epoch is no worse than the start, so that the last is kept."""
    return torch.zeros(1)


@contextmanager
def recorded_batches():
    """Give a list to which every pass over the rows to learn from adds the list of its batches."""
    passes = []
    serve = StreamedBatches.__iter__

    def record(self):
        passes.append([])
        for batch in serve(self):
            passes[-1].append(([x.clone() for x in batch.inputs], batch.target.clone()))
            yield batch

    StreamedBatches.__iter__ = record
    try:
        yield passes
    finally:
        StreamedBatches.__iter__ = serve


# Scenarios: functions of the rank, whose result is kept.


def fits(rank):
    """Fit everything to 70 and 30 rows, and to 99 rows and one."""
    _Training._judge = judge_alike
    results = {}
    for name, estimator in make_estimators().items():
        for n_first in (70, 99):
            with recorded_batches() as passes:
                estimator.fit(*(shard(part, rank, n_first) for part in data_of(name)))
            results[name, n_first] = describe(estimator), passes
    return results


def images(rank):
    """Fit estimators of images to 70 and 30 of them, and to 99 and one."""
    _Training._judge = judge_alike
    results = {}
    for name, estimator in make_image_estimators().items():
        for n_first in (70, 99):
            shards = [shard(part, rank, n_first) for part in data_of(name)]
            with recorded_batches() as passes:
                estimator.fit(*shards)
            results[name, n_first] = describe_images(estimator, name), passes
    return results


def image_passes(rank):
    """Go over images twice by `partial_fit`."""
    results = {}
    for name, estimator in make_image_estimators().items():
        shards = [shard(part, rank, 70) for part in data_of(name)]
        with recorded_batches() as passes:
            for _ in range(2):
                estimator.partial_fit(*shards)
        results[name] = describe_images(estimator, name), passes
    return results


def image_blocks(rank):
    """Fit with held-out images to arrays, to blocks, and again."""
    results = {}
    for name, estimator in make_image_estimators().items():
        X, y = (shard(part, rank, 70) for part in data_of(name))
        estimator.set_params(early_stopping=True)
        results[name, "array"] = describe_images(estimator.fit(X, y), name)
        blocks = Parts(X), y if y is None or y.ndim == 1 else Parts(y)
        results[name, "blocks"] = describe_images(estimator.fit(*blocks), name)
        estimator.set_params(warm_start=True)
        results[name, "again"] = describe_images(estimator.fit(X, y), name)
    return results


class Parts:
    """Blocks of ten images.

    Parameters
    ----------
    X : array
    """

    def __init__(self, X):
        self.X = X

    def __iter__(self):
        return (self.X[first : first + 10] for first in range(0, len(self.X), 10))


def other_images(rank):
    """Fit to images of other shapes, and to labels of other kinds, in the second process."""
    errors = {}
    for name, estimator in make_image_estimators().items():
        X, y = (shard(part, rank, 50) for part in data_of(name))
        wide = X.reshape(50, *X.shape[1:-2], 4, 16) if rank else X
        y_wide = (
            y.reshape(50, *y.shape[1:-2], 4, 16) if rank and y is not None and y.ndim > 1 else y
        )
        errors[name, "size"] = attempt(estimator.fit, wide, y_wide)
        channels = np.stack([X, X], axis=1) if X.ndim == 3 and rank else X
        if X.ndim == 3:
            errors[name, "channels"] = attempt(estimator.fit, channels, y)
        if y is not None and y.dtype.kind == "i":
            words = np.char.add("label ", y.astype(str)) if rank else y
            estimator = clone(estimator)
            errors[name, "labels"] = attempt(estimator.fit, X, words)
            same = np.full_like(y, 1)
            errors[name, "one label"] = attempt(estimator.fit, X, same)
    return errors


def widen(images, rank):
    """Return images of 4 x 16 pixels in the second process."""
    is_image = images is not None and images.ndim > 1
    return images.reshape(50, *images.shape[1:-2], 4, 16) if rank and is_image else images


def image_failures(rank):
    """Fail in one process while both learn from images."""
    results = {}
    for name, estimator in make_image_estimators().items():
        X, y = (shard(part, rank, 50) for part in data_of(name))
        blocks = Blocks(X, 2, _fail) if rank else Parts(X)
        if y is not None and y.ndim > 1:
            y = Blocks(y, 9, _fail) if rank else Parts(y)
        results[name] = attempt(estimator.fit, blocks, y), list(vars(estimator))
    return results


def image_checkpoints(rank):
    """Fit with a file, end after the first writing of it, and go on."""
    results = {}
    for name in ("masks", "atlases", "shape masks"):
        estimator = make_image_estimators()[name].set_params(max_iter=5, checkpoint_every=2)
        shards = [shard(part, rank, 70) for part in data_of(name)]
        expected = describe_images(clone(estimator).fit(*shards), name)
        estimator.set_params(checkpoint=Path(sys.argv[1]) / "images")
        save, Checkpoint.save = Checkpoint.save, _save_and_end
        error = attempt(estimator.fit, *shards)
        Checkpoint.save = save
        n_updates = count_updates()
        results[name] = error, describe_images(estimator.fit(*shards), name), expected
        results[name] += (len(n_updates), list(estimator.checkpoint.iterdir()))
    return results


def early_stopping(rank):
    """Fit with held-out rows to arrays and to blocks, and go on."""
    results = {}
    X = shard(make_table(400), rank, 300)
    estimator = AutoencoderTransformer(2, **SETTINGS | {"max_iter": 8}).fit(X)
    results["array"] = describe(estimator)
    results["blocks"] = describe(estimator.fit(np.array_split(X, 12)))
    results["again"] = describe(estimator.set_params(warm_start=True).fit(X))
    estimator = AutoencoderTransformer(2, **SETTINGS)
    for part in np.array_split(X, 3):
        estimator.partial_fit(part)
    results["partial"] = describe(estimator)
    results["vae"] = describe(VAETransformer(2, **SETTINGS).fit(X))
    estimator = AutoencoderTransformer(2, **SETTINGS)
    results["empty blocks"] = describe(estimator.fit([X[:0]] * 7 + [X] + [X[:0]] * 50))
    results["single rows"] = describe(estimator.fit(TABLE[rank : rank + 1]))
    results["a single row"] = describe(estimator.fit(shard(TABLE, rank, 99)))
    return results


def categories(rank):
    """Fit to categories of which no process has all, by arrays and by blocks."""
    X = shard(np.digitize(TABLE, [0.3, 0.6, 0.9]).astype(float)[np.argsort(TABLE[:, 0])], rank, 40)
    estimator = VAETransformer(2, likelihood="categorical", **SETTINGS)
    return [
        (part[:, 0].max(), estimator.fit(given)._link.n_categories, estimator.loss_curve_)
        for part, given in ((X, X), (X, np.array_split(X, 12)))
    ]


def moments(rank):
    """Fit, without training, to shards with means and scales far apart."""
    X = make_table(60)
    X[40:] = 1e4 + 100 * X[40:]
    return describe(AutoencoderTransformer(3, **PLAIN | {"max_iter": 0}).fit(shard(X, rank, 40)))


def gradients(rank):
    """Take one step with three rows and five, and one with eight and none."""
    results = []
    for n_first in (3, 8):
        X = torch.from_numpy(shard(TABLE[:8], rank, n_first))
        with find_peers() as peers:
            step = make_step(peers)
            step.update(Batch((X,), X, len(X) / 8))
        results.append((step._flat.gradients, step.state()))
    return results


def make_step(peers):
    """Return steps of a small network, the same every time."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(9, 4), torch.nn.Tanh(), torch.nn.Linear(4, 9))

    def objective(raw, target):
        return {"loss": (raw - target).square().mean(1)}

    return GradientStep(network.double(), objective, 0.1, SCHEDULES["constant"](10), peers=peers)


def attempt(function, *arguments):
    """Return the name and the message of what a function raises."""
    try:
        function(*arguments)
    except BaseException as error:
        return type(error).__name__, str(error)
    return None


class Blocks:
    """Blocks of which something is done at the beginning of one of the passes.

    Parameters
    ----------
    X : array
    number : int
        Of the pass.
    action : callable
    """

    def __init__(self, X, number, action):
        self.X = X
        self.number = number
        self.action = action

    def __iter__(self):
        self.number -= 1
        first, second = np.array_split(self.X, 2)
        yield first
        if self.number < 0:
            self.action()
        yield second


def _die():
    os.kill(os.getpid(), signal.SIGKILL)


def _fail():
    raise OSError("the disk is gone")


def _interrupt():
    raise KeyboardInterrupt


def failures(rank):
    """Fail in one process, fit together in between, and see that nothing was lost."""
    X = shard(TABLE, rank, 50)
    estimator = AutoencoderTransformer(2, **SETTINGS).fit(X)
    before = describe(estimator)
    bad = np.where(np.arange(len(X)) == 3, np.nan, X.T).T if rank == 1 else X
    narrow = X[:, :5] if rank == 1 else X
    fails = {
        "nan": lambda: estimator.fit(bad),
        "narrow": lambda: estimator.fit(narrow),
        "survey": lambda: estimator.fit(Blocks(X, 0, _fail) if rank == 1 else X),
        "epoch": lambda: estimator.fit(Blocks(X, 3, _fail) if rank == 1 else X),
        "interrupt": lambda: estimator.fit(Blocks(X, 3, _interrupt) if rank == 1 else X),
        "parameter": lambda: other_parameters(rank).fit(X),
        "past": lambda: with_past(estimator, rank).fit(X),
        "pass": lambda: with_past(estimator, rank).partial_fit(X),
        "no past": lambda: (clone if rank else deepcopy)(with_past(estimator, 0)).fit(X),
        "diverges": lambda: AutoencoderTransformer(2, learning_rate_init=1e30, **SETTINGS).fit(X),
    }
    results = {}
    for name, function in fails.items():
        began = time.perf_counter()
        error = attempt(function)
        results[name] = error, time.perf_counter() - began
        same = describe(estimator)
        assert same["loss_curve"] == before["loss_curve"]
        assert describe(estimator.fit(X))["loss_curve"] == before["loss_curve"]
    return results


def with_past(estimator, rank):
    """Return a fitted estimator that goes on, from units that depend on the rank."""
    changed = deepcopy(estimator).set_params(warm_start=True)
    units = changed._units
    changed._units = units._replace(scale=units.scale * (1 + rank))
    return changed


def other_parameters(rank):
    """Return an estimator whose parameters depend on the rank."""
    return AutoencoderTransformer(2 + rank, **SETTINGS)


def refusals(rank):
    """Ask for what only one process can do."""
    X = shard(TABLE, rank, 50)
    return {
        "solver": attempt(lambda: AutoencoderTransformer(2, solver="lbfgs", **SETTINGS).fit(X)),
        "AutoencoderCV": attempt(lambda: AutoencoderCV(n_components=[1, 2]).fit(X)),
    }


def killed_before(rank):
    """Have a process killed before it fits anything."""
    return _die() if rank == 1 else _killed(rank, None)


def killed_in_the_survey(rank):
    """Have a process killed while it reads its rows for the first time."""
    return _killed(rank, Blocks(TABLE[:50], 0, _die))


def killed_in_an_epoch(rank):
    """Have a process killed while it learns."""
    return _killed(rank, Blocks(TABLE[:50], 3, _die))


def killed_at_the_end(rank):
    """Have a process killed when all that is left is to set attributes."""
    if rank == 1:
        AutoencoderTransformer._keep = lambda *args: _die()
    return _killed(rank, TABLE[:50])


def killed_with_a_checkpoint(rank):
    """Have a process killed while it learns, after epochs that were written to a file."""
    return attempt(lambda: kept_estimator().fit(kept_rows(rank, _die)))


def goes_on(rank):
    """Fit again to what the killed ones were fitted to, from their file on, and without it."""
    n_updates = count_updates()
    estimator = kept_estimator().fit(kept_rows(rank, None))
    n_after = len(n_updates)
    files = list(Path(estimator.checkpoint).iterdir())
    alone = kept_estimator().set_params(checkpoint=None).fit(kept_rows(rank, None))
    return describe(estimator), describe(alone), n_after, len(n_updates) - n_after, files


def bad_checkpoints(rank):
    """Fit with a folder that cannot be made, a damaged file, and one process without a folder."""
    X = shard(TABLE, rank, 50)
    folder = Path(sys.argv[1]) / "damaged"
    some = AutoencoderTransformer(2, checkpoint=folder, checkpoint_every=1, **SETTINGS)
    save = Checkpoint.save
    Checkpoint.save = _save_and_damage
    left = attempt(lambda: some.fit(X))
    Checkpoint.save = save
    return {
        "left": left,
        "damaged": attempt(lambda: some.fit(X)),
        "no folder": attempt(lambda: clone(some).set_params(checkpoint=__file__).fit(X)),
        "one": attempt(lambda: clone(some).set_params(checkpoint=None if rank else folder).fit(X)),
    }


SAVE = Checkpoint.save


def _save_and_end(checkpoint, state):
    SAVE(checkpoint, state)
    raise InterruptedError


def _save_and_damage(checkpoint, state):
    if checkpoint.peers.rank == 0:
        checkpoint.path.write_bytes(b"something else")
    raise InterruptedError


def count_updates():
    """Return a list that grows with every update."""
    n_updates, update = [], GradientStep.update

    def counted(step, batch):
        n_updates.append(1)
        return update(step, batch)

    GradientStep.update = counted
    return n_updates


def kept_estimator():
    """Return an estimator that writes every second epoch to a file."""
    settings = PLAIN | {"max_iter": 7, "checkpoint_every": 2, "corruption": "gaussian"}
    return AutoencoderTransformer(2, checkpoint=Path(sys.argv[1]) / "kept", **settings)


def kept_rows(rank, action):
    """Return rows of a process, blocks for one of them: it is read for the last time in epoch 5."""
    part = TABLE[rank::3]
    return Blocks(part, 7 if action else 99, action) if rank == 1 else part


def _killed(rank, X):
    estimator = AutoencoderTransformer(2, **SETTINGS)
    return attempt(lambda: estimator.fit(X if rank == 1 else TABLE[:50])), list(vars(estimator))


# Processes.


def run(name, folder):
    """Have processes go through a scenario; return whether they came to an end."""
    n_processes = count_processes(name)
    children = [_fork(name, rank, n_processes, folder) for rank in range(n_processes)]
    deadline = time.monotonic() + TIMEOUT
    while children and time.monotonic() < deadline:
        children = [child for child in children if os.waitpid(child, os.WNOHANG) == (0, 0)]
        time.sleep(0.01)
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return not children


def count_processes(name):
    """Return how many processes a scenario has: where one is killed, two are left."""
    return 3 if name.startswith("killed") or name == "goes_on" else 2


def _fork(name, rank, n_processes, folder):
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        environment = {"RANK": rank, "WORLD_SIZE": n_processes, "MASTER_ADDR": "127.0.0.1"}
        os.environ |= {key: str(value) for key, value in environment.items()}
        warnings.simplefilter("error")
        with group():
            result = globals()[name](rank)
        with open(folder / f"{name}-{rank}", "wb") as file:
            pickle.dump(result, file)
        code = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _free_port():
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def main():
    """Go through the scenarios that are named."""
    folder, *names = sys.argv[1:]
    for name in names:
        os.environ["MASTER_PORT"] = str(_free_port())
        has_ended = run(name, Path(folder))
        print(name, "ended" if has_ended else "hung", flush=True)


if __name__ == "__main__":
    main()
