"""The record of a training."""

from dataclasses import dataclass, field


@dataclass
class History:
    """The record of a training: losses of all epochs, and the epoch that was kept.

    Attributes
    ----------
    training, validation : list of float
        Mean loss per row; entry 0 is that of the start, entry i that of epoch i. `validation` is
        empty if no rows were held out.
    kept : int
        The epoch whose state the step has at the end, 0 for the start.
    is_interrupted : bool
        Whether the user stopped the training. An epoch that had begun has no entry.
    """

    training: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    kept: int = 0
    is_interrupted: bool = False

    @property
    def n_epochs(self) -> int:
        """Number of epochs that were run."""
        return len(self.training) - 1
