"""Calls in a fit that climb: from a base class up into a method of a class above it.

A profiler's hook sees every call in a fit. A call climbs if it enters a method of a class from the
frame of a base class of it, with the same object as `self`; functions in between do not count as a
way around. The script prints the different pairs of methods, in memory and by blocks::

    python docs/benchmarks/climbs.py
"""

import sys
import warnings

import numpy as np

from skae import AutoencoderTransformer, ConvAutoencoder, SparseAutoencoder, VAETransformer
from skae.datasets import make_deformed_shapes
from skae.image import ImageColorizer, ImageSegmenter, ImageToImageRegressor
from skae.registration import AtlasSegmenter, DiffeomorphicAutoencoder, GeoSICClassifier

SHORT = {"max_iter": 1, "random_state": 0}
BOUNDS = {"in memory": 5, "by blocks": 8}


def find_owner(frame, estimator):
    """Return the class of an estimator that defines the code of a frame, or None."""
    for cls in type(estimator).__mro__:
        if not cls.__module__.startswith("skae"):
            continue
        for value in vars(cls).values():
            function = getattr(value, "fget", None) or getattr(value, "fn", None) or value
            while function is not None:
                if getattr(function, "__code__", None) is frame.f_code:
                    return cls
                function = getattr(function, "__wrapped__", None)
    return None


class Climbs:
    """Takes note of the calls of an estimator's methods from frames of its base classes."""

    def __init__(self, estimator):
        self.estimator = estimator
        self.found = set()
        self.owners = {}

    def __call__(self, frame, event, argument):
        """Look at a call."""
        is_own = frame.f_code.co_name.startswith("__")  # scikit-learn asks for these
        if event == "call" and not is_own and self.owner(frame) is not None:
            caller = frame.f_back
            while caller is not None and self.owner(caller) is None:
                caller = caller.f_back
            if caller is not None:
                self.compare(caller, frame)

    def owner(self, frame):
        """Return the class whose method a frame is in, if its `self` is the estimator."""
        if frame.f_locals.get("self") is not self.estimator:
            return None
        if frame.f_code not in self.owners:
            self.owners[frame.f_code] = find_owner(frame, self.estimator)
        return self.owners[frame.f_code]

    def compare(self, caller, callee):
        """Take note if the callee's class is above the caller's."""
        below, above = self.owner(caller), self.owner(callee)
        if below is not above and issubclass(above, below):
            names = f"{below.__name__}.{caller.f_code.co_name}"
            self.found.add(f"{names} -> {above.__name__}.{callee.f_code.co_name}")


def count(estimator, *data):
    """Return the climbs of a fit."""
    climbs = Climbs(estimator)
    sys.setprofile(climbs)
    try:
        estimator.fit(*data)
    finally:
        sys.setprofile(None)
    return sorted(climbs.found)


def main():
    """Print the climbs of all estimators."""
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    X, y = rng.random((60, 6)), rng.integers(2, size=60)
    shapes = make_deformed_shapes(30, n_classes=2, size=16, random_state=0)
    images, masks = shapes.images[:, None], shapes.masks.astype(int)
    small = SHORT | {"hidden_channels": (4,)}
    cases = [
        (AutoencoderTransformer(2, ordered=True, **SHORT), (X,)),
        (SparseAutoencoder(**SHORT), (X,)),
        (VAETransformer(2, conditional=True, **SHORT), (X, y)),
        (ConvAutoencoder(2, **small), (images,)),
        (ImageToImageRegressor(**SHORT), (images, images + 0.1)),
        (ImageColorizer(**SHORT), (rng.random((20, 3, 12, 12)),)),
        (ImageSegmenter(**SHORT), (images, masks)),
        (DiffeomorphicAutoencoder(2, **small), (images,)),
        (GeoSICClassifier(2, **small), (images, shapes.target)),
        (AtlasSegmenter(2, **small), (images, masks)),
    ]
    for estimator, data in cases:
        name = type(estimator).__name__
        report(f"{name}, in memory", count(estimator, *data), BOUNDS["in memory"])
        report(f"{name}, by blocks", count(estimator, *map(cut, data)), BOUNDS["by blocks"])


class Halves:
    """An array in two blocks."""

    def __init__(self, array):
        self.array = array

    def __iter__(self):
        middle = len(self.array) // 2
        return iter([self.array[:middle], self.array[middle:]])


def cut(array):
    """Return an array in blocks; the classes of rows stay one array."""
    return Halves(array) if array.ndim > 1 else array


def report(name, found, bound):
    """Print the number of climbs beside its bound, and where they are."""
    print(f"{name}: {len(found)} (bound {bound})")
    for climb in found:
        print(f"    {climb}")


if __name__ == "__main__":
    main()
