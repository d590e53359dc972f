"""Wrappers, which return a recipe with a corruption or with moved images."""

from dataclasses import replace

import numpy as np

from skae.engine import BatchChange
from skae.fitting._recipe import Recipe
from skae.rows._corruption import CorruptionPlan
from skae.rows._problem import Problem
from skae.rows._random import torch_generator


def corrupted(
    recipe: Recipe,
    plan: CorruptionPlan | None,
    problem: Problem,
    random_state: np.random.RandomState,
) -> Recipe:
    """Return the recipe with a corruption of the inputs, while targets stay clean.

    Held-out rows are corrupted once, and training rows anew for every batch.
    """
    if plan is None:
        return recipe
    bounds = problem.bounds(recipe.dtype)
    corruption = plan.make(problem.units, bounds, torch_generator(random_state))
    changes = recipe.changes.then(corruption, corruption)
    return replace(recipe, changes=changes, hint=recipe.hint + plan.hint)


def moved(recipe: Recipe, move: BatchChange | None) -> Recipe:
    """Return the recipe with images moved in training, before all other changes."""
    return recipe if move is None else recipe.with_changes(recipe.changes.after(move))
