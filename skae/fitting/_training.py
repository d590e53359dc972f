"""The parameters of a training that all estimators share."""

from dataclasses import dataclass, fields
from typing import Literal, Self

from skae.fitting._parameters import TRAINING, check_values


@dataclass(frozen=True)
class Training:
    """Parameters of a training; they have the same meaning in all estimators.

    Attributes
    ----------
    name : str
        The name of the estimator in messages.
    early_stopping, validation_fraction : bool, float
        Which rows are held out is decided where a problem is made: `make_problem` is given the same
        values, and `learn` refuses a problem with others.

    Raises
    ------
    ValueError
        If a value is none that the estimators allow.
    """

    name: str = "Training"
    learning_rate: str = "averaged"
    learning_rate_init: float = 5e-3
    batch_size: Literal["auto"] | int = "auto"
    max_iter: int = 100
    early_stopping: bool = True
    validation_fraction: float = 0.1
    n_iter_no_change: int = 20
    tol: float = 1e-4
    device: str = "auto"
    precision: str = "auto"
    verbose: int = 0

    def __post_init__(self) -> None:
        """Check the values by the constraints of the estimators' parameters."""
        check_values(TRAINING, vars(self), self.name)

    @classmethod
    def of(cls, estimator: object) -> Self:
        """Return the parameters of an estimator."""
        names = [field.name for field in fields(cls) if field.name != "name"]
        values = {name: getattr(estimator, name) for name in names}
        return cls(name=type(estimator).__name__, **values)

    @property
    def held_out_share(self) -> float:
        """Share of the rows that is held out."""
        return self.validation_fraction if self.early_stopping else 0.0
