"""What happened in a training."""

from dataclasses import dataclass, field


@dataclass
class History:
    """What happened in a training.

    Attributes
    ----------
    training, validation : list of float
        Mean loss per row; entry 0 is the start, entry i is epoch i. `validation` is empty
        where nothing was held out.
    kept : int
        The epoch whose state the step was left in, 0 for the start.
    is_interrupted : bool
        Whether the user stopped it; an epoch that had begun is not among the entries.
    """

    training: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    kept: int = 0
    is_interrupted: bool = False

    @property
    def n_epochs(self) -> int:
        """Number of epochs that were run."""
        return len(self.training) - 1
