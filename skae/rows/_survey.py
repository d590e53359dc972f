"""What one pass over blocks finds."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skae.blocks import Moments
from skae.starts._principal_axes import MAX_EXACT
from skae.rows._reader import Block, Reader
from skae.rows._sample import Sample
from skae.rows._units import Units

MIN_SAMPLED = 100
"""Rows, however many bytes they have."""


class Survey(NamedTuple):
    """What is known of all rows, and some of them.

    Attributes
    ----------
    X : array of shape (n_sampled, n_features)
        A random sample of the rows.
    positions : array of shape (n_sampled,)
        Where in the table they are.
    train, valid : array of int
        Those to learn from and those held out, each in random order.
    moments : pair of Moments
        Of what the encoder sees of the rows to learn from, and of all rows, in `base`.
    base : Units
    link : object
        What the decoder's output means.
    low, high : array of shape (n_inputs,)
        The range of what it sees.
    n_train : int
        Rows to learn from that are here, and not with other processes.
    limits : pair of int
        At most so many rows to learn from, and held out, are in the sample.
    told : array of shape (n_sampled, n_classes) or None
        What a network is told of the sampled rows beside them.
    """

    X: NDArray
    positions: NDArray[np.int64]
    train: NDArray[np.intp]
    valid: NDArray[np.intp]
    moments: tuple[Moments, Moments]
    base: Units
    link: Any
    low: NDArray
    high: NDArray
    n_train: int
    limits: tuple[int, int]
    told: Any = None

    @property
    def units(self) -> Units:
        """The units of all rows."""
        return Units.of_moments(self.moments[1], self.base, self.low, self.high)

    def moments_in(self, units: Units) -> tuple[Moments, Moments] | None:
        """Return the moments in other units, if products of features are among them."""
        if self.moments[1].scatter.ndim == 1:
            return None
        location = (units.location - self.base.location) / self.base.scale
        of_train, of_all = self.moments
        scale = units.scale / self.base.scale
        return of_train.entered(location, scale), of_all.entered(location, scale)


class Surveyor:
    """Goes over blocks once.

    Parameters
    ----------
    reader : Reader
    make_link : callable
        From the rows of the first block to what the decoder's output means.
    see : callable
        From rows and the link to what the encoder sees of them; refuses values that it must not
        have.
    needs_axes : bool
        Whether products of features are wanted; of more than `MAX_EXACT` features they are too
        many.
    seed : int
        Draws the sample.
    """

    def __init__(
        self,
        reader: Reader,
        make_link: Callable[[NDArray], Any],
        see: Callable[[NDArray, Any], NDArray],
        needs_axes: bool,
        seed: int,
    ) -> None:
        self.reader = reader
        self.make_link = make_link
        self.see = see
        self.needs_axes = needs_axes
        self.seed = seed

    def survey(self) -> Survey:
        """Return what there is.

        Raises
        ------
        ValueError
            If a block cannot be used, or if there are no rows.
        """
        self.reader.survey(self._begin, self._add)
        of_train, of_valid = self.moments
        return Survey(
            *self.sample.take(),
            moments=(of_train, of_train.joined(of_valid)),
            base=self.base,
            link=self.link,
            low=self.low,
            high=self.high,
            n_train=of_train.n_rows,
            limits=self.sample.limits,
        )

    def _begin(self, block: Block) -> None:
        """Make room, in units of the first block, in which nothing cancels or overflows."""
        X = block.X
        self.link = self.make_link(X)
        seen = self.see(X, self.link)
        n_inputs = seen.shape[1]
        self.base = Units.of(seen)
        has_products = self.needs_axes and n_inputs <= MAX_EXACT
        self.moments = tuple(Moments.none(n_inputs, has_products) for _ in range(2))
        self.low = self.high = seen[0]
        has_valid = self.reader.held_out.share > 0
        self.sample = Sample(X, MIN_SAMPLED, has_valid, self.seed)

    def _add(self, block: Block) -> None:
        seen = self.see(block.X, self.link)
        self.low = np.minimum(self.low, seen.min(axis=0))
        self.high = np.maximum(self.high, seen.max(axis=0))
        self.sample.add(block)
        for is_meant, moments in zip(
            (~block.is_held_out, block.is_held_out), self.moments, strict=True
        ):
            rows = np.flatnonzero(is_meant)
            n_at_once = max(1, 10**6 // seen.shape[1])
            for first in range(0, len(rows), n_at_once):
                moments.add(self.base.enter(seen[rows[first : first + n_at_once]]))
