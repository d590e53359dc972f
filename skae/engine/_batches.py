"""Rows in memory, served in batches."""

from collections.abc import Iterator

import torch
from torch import Generator, Tensor

from skae.engine._batch import Batch
from skae.engine._changes import BatchChange
from skae.engine._loader import Loader
from skae.engine._peers import ALONE, Peers


class Batches(Loader):
    """Rows of tensors.

    Parameters
    ----------
    inputs : tuple of Tensor, each of shape (n, ...)
    target : Tensor of shape (n, ...)
        May be one of `inputs` itself; its rows are then gathered once.
    rows : Tensor of shape (n_rows,)
        Numbers of the rows to serve.
    batch_size : int
        The largest batch.
    generator : torch.Generator, default=None
        Draws a new order of the rows at every iteration. None: the order of `rows`.
    change : BatchChange, default=None
        Applied to each batch as it is served.
    device : torch.device, default=None
        Device of the batches. None: that of the tensors.
    peers : Peers, default=ALONE
        The processes that serve rows at the same time.
    """

    def __init__(
        self,
        inputs: tuple[Tensor, ...],
        target: Tensor,
        rows: Tensor,
        batch_size: int,
        generator: Generator | None = None,
        change: BatchChange | None = None,
        device: torch.device | None = None,
        peers: Peers = ALONE,
    ) -> None:
        place = target.device if device is None else device
        super().__init__(len(rows), batch_size, target.dtype, place, generator, change, peers)
        self.inputs = inputs
        self.target = target
        self.rows = rows
        self._input_places = [x.new_empty(0) for x in inputs]
        self._target_place = target.new_empty(0)

    def _serve(self) -> Iterator[Batch]:
        order = self.rows
        if self.generator is not None:
            # drawn on the CPU, so that the order does not depend on the device
            order = order[torch.randperm(len(order), generator=self.generator)]
        for rows in order.to(self.target.device).tensor_split(len(self)):
            yield self._take(rows)

    def _take(self, rows: Tensor) -> Batch:
        """Gather rows in the memory of the last batch: new memory would cost more than the copy."""
        target = gather(self.target, rows, self._target_place)
        inputs = [
            target if x is self.target else gather(x, rows, place)
            for x, place in zip(self.inputs, self._input_places, strict=True)
        ]
        return Batch(tuple(inputs), target)


def gather(tensor: Tensor, rows: Tensor, place: Tensor) -> Tensor:
    """Return some rows, written to the memory of `place`, which is resized to them."""
    place.resize_(rows.shape + tensor.shape[1:])
    return torch.index_select(tensor, 0, rows, out=place)
