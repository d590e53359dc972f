"""Visualisations of fitted models, designed like the Display classes of scikit-learn.

A class method such as ``from_estimator`` computes the values and draws them. ``plot`` draws the
same values again, in other axes or with other options. Axes, figure and artists are kept as
attributes whose names end in an underscore. Drawing needs matplotlib: ``pip install 'skae[plot]'``.
"""

from skae.inspection._atoms import AtomsDisplay
from skae.inspection._bottleneck_curve import BottleneckCurveDisplay
from skae.inspection._latent_space import LatentSpaceDisplay
from skae.inspection._latent_traversal import LatentTraversalDisplay
from skae.inspection._loss_curve import LossCurveDisplay
from skae.inspection._reconstruction import ReconstructionDisplay
from skae.inspection._sample import SampleDisplay

__all__ = [
    "AtomsDisplay",
    "BottleneckCurveDisplay",
    "LatentSpaceDisplay",
    "LatentTraversalDisplay",
    "LossCurveDisplay",
    "ReconstructionDisplay",
    "SampleDisplay",
]
