"""Losses that compare logits with the class of every pixel."""

import torch
from torch import Tensor

from skae.objectives._outputs import WithRaw
from skae.objectives._term import Term

IGNORED = -1
"""The class of a pixel that is left out of losses."""
FOCUS = 2.0
"""Exponent of the focal loss that its authors recommend."""
SMOOTHING = 1.0
"""Pixels added to numerator and denominator of Dice coefficients: classes may be absent."""


class PixelCrossEntropy(Term[WithRaw]):
    """``-w_y log p_y`` in nats, averaged over the pixels of an image that are not ignored.

    Parameters
    ----------
    class_weight : Tensor of shape (n_classes,)
    focus : float, default=0.0
        The exponent of a factor ``(1 - p_y)**focus``, by which pixels that are right already count
        less (Lin et al. 2017).
    """

    reads = ("raw",)
    sees_outputs_only = True

    def __init__(self, class_weight: Tensor, focus: float = 0.0) -> None:
        self.class_weight = class_weight
        self.focus = focus

    def __call__(self, outputs: WithRaw, target: Tensor) -> Tensor:
        """Return the loss of every image, shape (n,)."""
        place, is_known = _places(target)  # both (n, 1, *sizes)
        log_prob = outputs.raw.log_softmax(1).gather(1, place)
        losses = -self.class_weight.to(log_prob)[place] * log_prob
        if self.focus:
            # expm1: 1 - p is exact for p near 1
            losses = losses * (-torch.expm1(log_prob)) ** self.focus
        return (losses * is_known).flatten(1).sum(1) / is_known.flatten(1).sum(1).clamp(min=1)


class SoftDice(Term[WithRaw]):
    """One minus the Dice coefficient of probabilities, averaged over some classes.

    Milletari, Navab and Ahmadi (2016), with sums instead of squares in the denominator.

    Parameters
    ----------
    places : Tensor of int64
        The classes that count.
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
    """Cross-entropy plus Dice loss: the one sees single pixels, the other regions as a whole."""

    reads = ("raw",)
    sees_outputs_only = True

    def __init__(self, class_weight: Tensor, places: Tensor) -> None:
        self.terms = PixelCrossEntropy(class_weight), SoftDice(places)

    def __call__(self, outputs: WithRaw, target: Tensor) -> Tensor:
        """Return the loss of every image, shape (n,)."""
        cross_entropy, dice = self.terms
        return cross_entropy(outputs, target) + dice(outputs, target)


def _places(target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the class of every pixel and whether it counts, each (n, 1, *sizes)."""
    is_known = target != IGNORED
    # any class will do for ignored pixels, whose loss is multiplied by 0
    return torch.where(is_known, target, 0).long(), is_known
