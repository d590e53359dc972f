"""Pictures of what models do, made like the Display classes of scikit-learn.

What is drawn is computed once, by ``from_estimator`` or another class method, which draws it as
well; ``plot`` draws it again, in other axes or in another way. Axes, figure and artists are kept as
attributes whose names end in an underscore. matplotlib is imported when something is drawn:
``pip install 'skae[plot]'``.
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
