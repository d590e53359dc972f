"""One fit for all estimators: they decide and return values, the functions here train."""

from skae.fitting._fitted import Fitted, FittedNetwork
from skae.fitting._learn import Trial, learn, learn_once
from skae.fitting._recipe import UNCHANGED, Changes, Recipe, keep_random_weights
from skae.fitting._steps import RecipeStep, StepOptions, make_gradient_step
from skae.fitting._training import Training
from skae.fitting._wrappers import corrupted, moved

__all__ = [
    "UNCHANGED",
    "Changes",
    "Fitted",
    "FittedNetwork",
    "Recipe",
    "RecipeStep",
    "StepOptions",
    "Training",
    "Trial",
    "corrupted",
    "keep_random_weights",
    "learn",
    "learn_once",
    "make_gradient_step",
    "moved",
]
