"""Losses that compare logits of classes with the class of every pixel."""

import torch
from torch import Tensor

from skae.objectives._outputs import WithRaw
from skae.objectives._term import Term

IGNORED = -1
"""The place of a pixel that counts for nothing."""
FOCUS = 2.0
"""Exponent of the focal loss, as its authors recommend."""
SMOOTHING = 1.0
"""Pixels that are added to both sides of a Dice coefficient: classes may be absent."""


class PixelCrossEntropy(Term[WithRaw]):
    """``-w_y log p_y`` in nats, averaged over the pixels of an image that are not ignored.

    Parameters
    ----------
    class_weight : Tensor of shape (n_classes,)
    focus : float, default=0.0
        Times ``(1 - p_y)**focus``: pixels that are right already count less (Lin et al. 2017).
    """

    reads = ("raw",)
    sees_outputs_only = True

    def __init__(self, class_weight: Tensor, focus: float = 0.0) -> None:
        self.class_weight = class_weight
        self.focus = focus

    def __call__(self, outputs: WithRaw, target: Tensor) -> Tensor:
        """Return the loss of every image, shape (n,)."""
        place, is_known = _places(target)
        log_prob = outputs.raw.log_softmax(1).gather(1, place)
        losses = -self.class_weight.to(log_prob)[place] * log_prob
        if self.focus:
            losses = losses * (-torch.expm1(log_prob)) ** self.focus
        return (losses * is_known).flatten(1).sum(1) / is_known.flatten(1).sum(1).clamp(min=1)


class SoftDice(Term[WithRaw]):
    """One less the Dice coefficient of probabilities, averaged over some classes.

    Milletari, Navab and Ahmadi (2016), with sums instead of squares in the denominator.

    Parameters
    ----------
    places : Tensor of int64
        Of the classes that count.
    """

    reads = ("raw",)
    sees_outputs_only = True

    def __init__(self, places: Tensor) -> None:
        self.places = places

    def __call__(self, outputs: WithRaw, target: Tensor) -> Tensor:
        """Return the loss of every image, shape (n,)."""
        place, is_known = _places(target)
        places = self.places.to(place.device)
        # (n, n_places, *sizes)
        prob = outputs.raw.softmax(1)[:, places] * is_known
        truth = (place == places.view(-1, *[1] * (place.ndim - 2))) & is_known
        common = (prob * truth).flatten(2).sum(2)
        sizes = prob.flatten(2).sum(2) + truth.flatten(2).sum(2)
        return (1 - (2 * common + SMOOTHING) / (sizes + SMOOTHING)).mean(1)


class DiceCrossEntropy(Term[WithRaw]):
    """The sum of both: one looks at every pixel, the other at the overlap of whole regions."""

    reads = ("raw",)
    sees_outputs_only = True

    def __init__(self, class_weight: Tensor, places: Tensor) -> None:
        self.terms = PixelCrossEntropy(class_weight), SoftDice(places)

    def __call__(self, outputs: WithRaw, target: Tensor) -> Tensor:
        """Return the loss of every image, shape (n,)."""
        cross_entropy, dice = self.terms
        return cross_entropy(outputs, target) + dice(outputs, target)


def _places(target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the place of every pixel's class, shape (n, 1, *sizes), and which count."""
    is_known = target != IGNORED
    return torch.where(is_known, target, 0).long(), is_known
