"""The ways in which a network learns from batches."""

from typing import Any, NamedTuple, Protocol

import torch

from skae.engine import GradientStep, Peers, Schedule, Step
from skae.objectives import Objective


class StepOptions(NamedTuple):
    """Options of the steps of a training.

    Attributes
    ----------
    learning_rate : float
        Its peak.
    schedule : Schedule
        The course of the learning rate.
    weight_decay : float
        Decoupled weight decay over the whole training.
    precision : torch.dtype or None
        Of matrix products; None: by the device.
    peers : Peers
        The processes that learn together.
    """

    learning_rate: float
    schedule: Schedule
    weight_decay: float
    precision: torch.dtype | None
    peers: Peers


class MakeStep(Protocol):
    """Makes the step of a training."""

    def __call__(self, network: Any, objective: Objective, options: StepOptions) -> Step:
        """Return a step that changes the parameters of `network`.

        Called once for the network that is trained, and once for every network that is measured
        before, such as the start: each has an objective of its own.
        """


class RecipeStep(GradientStep):
    """The step of AdamW along the gradients of an objective, with all options of a training.

    Steps of one's own derive from it: what the options ask for then holds of them as well.

    Parameters
    ----------
    network : nn.Module
    objective : Objective
    options : StepOptions
    """

    def __init__(self, network: Any, objective: Objective, options: StepOptions) -> None:
        super().__init__(
            network,
            objective,
            options.learning_rate,
            options.schedule,
            options.weight_decay,
            objective.weights,
            options.precision,
            options.peers,
        )


def make_gradient_step(network: Any, objective: Objective, options: StepOptions) -> RecipeStep:
    """Return the step of AdamW along the gradients of an objective."""
    return RecipeStep(network, objective, options)
