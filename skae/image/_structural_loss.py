"""Losses that compare images."""

from torch import Tensor
from torch.nn.functional import avg_pool2d

from skae.networks import ImageOutputs
from skae.objectives import Term

WINDOW = 7


class StructuralDissimilarity(Term[ImageOutputs]):
    """One less the structural similarity (Wang et al. 2004), as in `skae.metrics.ssim`.

    Means, variances and covariances are computed in all windows of 7 x 7 pixels.

    Parameters
    ----------
    data_range : float
        Largest target less the smallest one.
    location : Tensor of shape (n_channels, 1, 1)
        Mean that was subtracted from the targets. Unlike errors, similarities depend on it.
    """

    reads = ("raw",)
    sees_outputs_only = True

    def __init__(self, data_range: float, location: Tensor) -> None:
        self.data_range = data_range
        self.location = location

    def __call__(self, outputs: ImageOutputs, target: Tensor) -> Tensor:
        """Return the loss of every image, shape (n,)."""
        x, y = outputs.raw, target
        # (n, n_channels, height, width) -> one mean per window, height - 6 by width - 6 of them
        mean_x, mean_y = avg_pool2d(x, WINDOW, 1), avg_pool2d(y, WINDOW, 1)
        # turns the mean square of a window into an unbiased variance
        factor = WINDOW**2 / (WINDOW**2 - 1)
        var_x = factor * (avg_pool2d(x * x, WINDOW, 1) - mean_x**2)
        var_y = factor * (avg_pool2d(y * y, WINDOW, 1) - mean_y**2)
        cov = factor * (avg_pool2d(x * y, WINDOW, 1) - mean_x * mean_y)
        location = self.location.to(y)
        mean_x, mean_y = mean_x + location, mean_y + location
        # the constants of Wang et al., which keep the quotient stable in flat windows
        c1, c2 = (0.01 * self.data_range) ** 2, (0.03 * self.data_range) ** 2
        similarity = (2 * mean_x * mean_y + c1) * (2 * cov + c2)
        similarity = similarity / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))
        return 1 - similarity.flatten(1).mean(1)
