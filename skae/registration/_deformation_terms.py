"""What is minimised beside the difference of images."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from skae.networks import ImageLayout, ImageOutputs
from skae.objectives import Term

WINDOW = 9
POOLS: Any = {2: functional.avg_pool2d, 3: functional.avg_pool3d}


class DeformationEnergy(Term):
    """``weight * <v, L v>`` per pixel.

    Parameters
    ----------
    weight : float
    """

    reads = ("energy",)
    sees_outputs_only = True

    def __init__(self, weight: float) -> None:
        self.strength = weight

    def __call__(self, outputs: Any, target: Tensor) -> Tensor:
        """Return the energy of every row, shape (n,)."""
        return self.strength * outputs.energy


class MeanDisplacement(Term):
    """``weight * u . mean(u of the other rows)`` per pixel.

    Its expected mean over the rows is the square of the mean displacement of all rows that
    batches are drawn from. The square of a batch's own mean would be larger by a share of the
    variance, and so draw all displacements to zero.

    Parameters
    ----------
    weight : float
    """

    reads = ("displacement",)
    sees_outputs_only = True
    sees_batch = True

    def __init__(self, weight: float) -> None:
        self.strength = weight

    def __call__(self, outputs: Any, target: Tensor) -> Tensor:
        """Return the product of every row, shape (n,)."""
        u = outputs.displacement
        # rows that are only judged are those of this process: the held-out ones are the same in all
        if torch.is_grad_enabled():
            mean, n_rows = self.average(u.flatten(1))
            if n_rows != len(u):
                others = (n_rows * mean.detach().view(u.shape[1:]) - u) / max(1, n_rows - 1)
                return self._average_pixels(_double_gradient(u, others))
        others = (u.sum(0) - u) / max(1, len(u) - 1)
        return self._average_pixels(u * others)

    def _average_pixels(self, products: Tensor) -> Tensor:
        """Return the values of rows, given their products of shape (n, n_dims, *sizes)."""
        return self.strength * products.sum(1).flatten(1).mean(1)


class MeanDisplacementOfClasses(Term):
    """``weight * u . mean(u of the other rows of the class)`` per pixel.

    Its expected mean over the rows of a class is the square of the mean displacement of the class,
    times the share of them that are not the only ones of it in their batch.

    Parameters
    ----------
    weight : float
    n_classes : int, default=-1
        The number of classes; -1 if a single process has all rows of a batch.
    """

    reads = ("displacement", "places")
    sees_outputs_only = True
    sees_batch = True

    def __init__(self, weight: float, n_classes: int = -1) -> None:
        self.strength = weight
        self.n_classes = n_classes

    def __call__(self, outputs: Any, target: Tensor) -> Tensor:
        """Return the product of every row, shape (n,)."""
        u = outputs.displacement.flatten(1)
        n_pixels = u.shape[1] // outputs.displacement.shape[1]
        products = self._find_products(u, outputs.places)
        return self.strength * products.sum(1) / n_pixels

    def _find_products(self, u: Tensor, places: Tensor) -> Tensor:
        """Return each row times the mean of the others of its class, shape (n, n_entries)."""
        if torch.is_grad_enabled():
            indicators = functional.one_hot(places, self.n_classes).to(u)
            counts, sums, n_rows = self._add_up(u.detach(), indicators)
            if n_rows != len(u):
                n_others = (indicators @ counts - 1).clamp(min=1)
                return _double_gradient(u, (indicators @ sums - u) / n_others[:, None])
        if not len(u):  # which tells no number of classes
            return u
        indicators = functional.one_hot(places).to(u)
        n_others = indicators @ indicators.sum(0) - 1
        others = (indicators @ (indicators.T @ u) - u) / n_others.clamp(min=1)[:, None]
        return u * others

    def _add_up(self, u: Tensor, indicators: Tensor) -> tuple[Tensor, Tensor, int]:
        """Return numbers and sums of the rows of each class in all processes, and of all rows.

        Parameters
        ----------
        u : Tensor of shape (n, n_entries)
        indicators : Tensor of shape (n, n_classes)

        Returns
        -------
        counts : Tensor of shape (n_classes,)
        sums : Tensor of shape (n_classes, n_entries)
        n_rows : int
        """
        counted = functional.pad(u, (1, 0), value=1.0)
        own = (indicators.T @ counted).flatten() / max(1, len(u))
        # their mean over the own rows is the value itself; no copies are made
        means, n_rows = self.average(own.expand(len(u), -1))
        totals = n_rows * means.view(indicators.shape[1], -1)  # (n_classes, 1 + n_entries)
        return totals[:, 0].round(), totals[:, 1:], n_rows


def _double_gradient(u: Tensor, others: Tensor) -> Tensor:
    """Return products of rows with the mean of other rows, for a batch of many processes.

    In the sum of the products of all rows, every row is a factor twice: of its own product, and,
    as one of the others, of their products. A process has a gradient of its own rows alone, so it
    counts twice the gradient of the first factor, and none of the second one.
    """
    products = u * others.detach()
    return 2 * products - products.detach()


class LocalCorrelation(Term):
    """One less the squared correlation of windows, averaged over all windows and channels.

    Correlations do not depend on brightness and contrast, which may change over the image (Avants,
    Epstein, Grossman and Gee 2008). Windows have 9 pixels along every axis, or all that there are.
    Variances below a thousandth of that of the whole data, which has unit variance, are noise.

    Parameters
    ----------
    layout : ImageLayout
    """

    reads = ("raw",)
    sees_outputs_only = True
    equivariant = True

    def __init__(self, layout: ImageLayout) -> None:
        self.layout = layout

    def __call__(self, outputs: Any, target: Tensor) -> Tensor:
        """Return the loss of every row, shape (n,)."""
        x, y = self.layout.unflatten(outputs.raw), self.layout.unflatten(target)
        sizes = [min(WINDOW, size) for size in self.layout.spatial]

        def average(maps: Tensor) -> Tensor:
            return POOLS[len(sizes)](maps, sizes, stride=1)

        mean_x, mean_y = average(x), average(y)
        var_x = (average(x * x) - mean_x**2).clamp(min=0) + 1e-3
        var_y = (average(y * y) - mean_y**2).clamp(min=0) + 1e-3
        cov = average(x * y) - mean_x * mean_y
        return 1 - (cov**2 / (var_x * var_y)).flatten(1).mean(1)

    def mean(self, raw: Tensor) -> Tensor:
        """Return `raw` itself."""
        return raw

    def inputs(self, x: Tensor) -> Tensor:
        """Return the encoder's input for rows of data, which is the rows themselves."""
        return x

    def input_refusal(self, x: Tensor) -> str | None:
        """Return None: images of any values can be compared."""
        return None


class Classification(Term):
    """``weight`` times the cross-entropy, whose gradient does not count in the warm-up.

    Parameters
    ----------
    strength : float
    warmup : float
        Share of the training that is about geometry alone.
    """

    reads = ("logits", "places")
    sees_outputs_only = True

    def __init__(self, strength: float, warmup: float) -> None:
        self.strength = strength
        self.warmup = warmup

    def __call__(self, outputs: Any, target: Tensor) -> Tensor:
        """Return the loss of every row, shape (n,)."""
        entropy = functional.cross_entropy(outputs.logits, outputs.places, reduction="none")
        return self.strength * entropy

    def weight(self, progress: float) -> float:
        """Return the factor at this share of training."""
        return 0.0 if progress < self.warmup else 1.0


class Segmentation(Term):
    """``weight`` times the loss of logits, both of pixels and of the deformed atlas.

    Parameters
    ----------
    loss : Term
        Compares logits with the classes of pixels.
    strength : float
    """

    reads = ("logits", "atlas_logits", "places")
    sees_outputs_only = True

    def __init__(self, loss: Term, strength: float) -> None:
        self.loss = loss
        self.strength = strength

    def __call__(self, outputs: Any, target: Tensor) -> Tensor:
        """Return the loss of every image, shape (n,)."""
        losses = [
            self.loss(ImageOutputs(logits), outputs.places)
            for logits in (outputs.logits, outputs.atlas_logits)
        ]
        return self.strength * (losses[0] + losses[1])
