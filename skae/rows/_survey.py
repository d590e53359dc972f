"""One pass over blocks: the statistics of all rows, and a sample of them."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from skae.engine import Peers
from skae.objectives import Link
from skae.rows._kinds import Description, RowKind
from skae.rows._labelled import LabelledRows
from skae.rows._reader import Block, Reader
from skae.rows._rows import Rows, Split
from skae.rows._sample import Sample
from skae.rows._summaries import Collected, Summaries

Describe = Callable[[Rows], Description]
CheckSupport = Callable[[Link, Rows], None]


class Survey(NamedTuple):
    """Statistics of all rows, and a random sample of them.

    Attributes
    ----------
    rows : Rows
        The sample in the data's units, before the link is applied.
    split : Split
        Places in the sample of the rows to learn from and of the held-out rows.
    seen, target : Collected
        The statistics of all rows; may be the same object.
    link : Link
    kind : RowKind
    n_train : int
        Rows to learn from in this process.
    n_all : int
        All rows of this process.
    limits : pair of int
        Largest numbers of rows to learn from, and of held-out ones, in the sample.
    """

    rows: Rows
    split: Split
    seen: Collected
    target: Collected
    link: Link
    kind: RowKind
    n_train: int
    n_all: int
    limits: tuple[int, int]

    @property
    def summaries(self) -> Summaries:
        """The statistics of the network's input and of its target."""
        return Summaries(self.seen, self.target)


class Surveyor:
    """Goes over blocks once, and collects statistics and a sample.

    Parameters
    ----------
    reader : Reader
    describe : callable
        Returns the kind of rows and the link, given the rows of the first block.
    check : callable
        Raises ValueError if rows have values that the link does not allow.
    seed : int
        Seed of the sample.
    """

    def __init__(
        self,
        reader: Reader,
        describe: Describe,
        check: CheckSupport,
        seed: int,
    ) -> None:
        self.reader = reader
        self.describe = describe
        self.check = check
        self.seed = seed

    def survey(self) -> Survey:
        """Return the survey.

        Raises
        ------
        ValueError
            If a block cannot be used, or if there are no rows.
        """
        self.reader.survey(self._begin, self._add)
        self._spread_labels()
        if self.n_valid == 0 and self.reader.held_out.share and self.kind.min_rows == 1:
            raise ValueError(
                "There is a single image (n_samples=1), and none can be held out. Give more, or "
                "set early_stopping=False."
            )
        n_all = self.n_train + self.n_valid
        rows, split = self.sample.take()
        return Survey(
            rows=rows,
            split=split,
            seen=self.seen,
            target=self.target,
            link=self.link,
            kind=self.kind,
            n_train=self.n_train,
            n_all=n_all,
            limits=self.sample.limits,
        )

    def _spread_labels(self) -> None:
        """Go over the blocks once more if the held-out rows have all labels, or none."""
        held_out = self.labelled.spread(self.reader.held_out)
        if held_out is not self.reader.held_out:
            self.reader.held_out = held_out
            self.reader.survey(self._begin, self._add)

    def _begin(self, block: Block) -> None:
        """Start statistics and a sample, in units and shapes of the first block."""
        self.kind, self.link = self.describe(block.rows)
        self.check(self.link, block.rows)
        self.seen, self.target = self.kind.begin(enter_link(self.link, block.rows))
        self.n_train = self.n_valid = 0
        self.labelled = LabelledRows()
        has_valid = self.reader.held_out.share > 0
        cut = self.kind.cut(block.rows)
        self.sample = Sample(cut, self.kind.min_sampled, has_valid, self.seed)

    def _add(self, block: Block) -> None:
        self.check(self.link, block.rows)
        self.labelled.add(block.number, self.kind.find_labelled(block.rows))
        rows = enter_link(self.link, block.rows)
        self.seen.add(rows.seen, block.is_held_out)
        if self.target is not self.seen:
            self.target.add(rows.target, block.is_held_out)
        cut = cut_block(self.kind, block)
        self.sample.add(cut)
        n_valid = int(cut.is_held_out.sum())
        self.n_valid += n_valid
        self.n_train += cut.rows.n_rows - n_valid


def cut_block(kind: RowKind, block: Block) -> Block:
    """Return a block with the rows to learn from; patches are held out with their image."""
    rows = kind.cut(block.rows)
    # images of a block have one size, and so as many patches each
    n_each = rows.n_rows // block.rows.n_rows
    if n_each == 1:
        return block._replace(rows=rows)
    return Block(block.number, rows, block.start * n_each, block.is_held_out.repeat(n_each))


def enter_link(link: Link, rows: Rows) -> Rows:
    """Replace `seen` by the encoder's input, which the link computes from it.

    If the link allows shifts and rescaling, the encoder's input becomes the target as well.
    """
    seen = rows.seen
    # tried with no rows: most links return rows as they are, which then need no copy
    probe = torch.empty(0, *seen.shape[1:])
    if link.inputs(probe) is not probe:
        seen = link.inputs(as_rows(seen)).numpy()
    is_own_target = rows.target is rows.seen and link.equivariant
    return rows._replace(seen=seen, target=seen if is_own_target else rows.target)


def as_rows(X: NDArray) -> torch.Tensor:
    """Return an array as a tensor, without a copy if possible: do not write to it."""
    return torch.from_numpy(np.require(X, requirements=("C", "W")))


def join_surveys(survey: Survey, features: object, peers: Peers, seed: int) -> Survey:
    """Return the survey of the rows of all processes; only `n_train` stays this process's own.

    Parameters
    ----------
    survey : Survey
        The survey of this process's rows.
    features : object
        The names of the features, or their number.
    peers : Peers
    seed : int
        Seed of the order of the sample, the same in all processes.

    Raises
    ------
    ValueError
        On all processes, if they have different features.
    """
    if peers.is_alone:
        return survey
    check_same_rows(features, peers)
    seen = survey.seen.joined(peers)
    target = seen if survey.target is survey.seen else survey.target.joined(peers)
    n_all = sum(peers.gather(survey.n_all))
    rows, split = _join_samples(survey, peers, seed)
    return survey._replace(
        rows=rows,
        split=split,
        seen=seen,
        target=target,
        n_all=n_all,
        link=peers.broadcast(survey.link),
    )


def check_same_rows(features: object, peers: Peers) -> None:
    """Raise ValueError on all processes, if they have different features."""
    for rank, other in enumerate(peers.gather(features)):
        if other != features:
            raise ValueError(
                f"All processes need rows with the same features, but process {rank} has {other}, "
                f"and process {peers.rank} has {features}."
            )


def _join_samples(survey: Survey, peers: Peers, seed: int) -> tuple[Rows, Split]:
    """Return a sample of all rows: processes contribute in proportion to their rows."""
    counts = np.array([survey.n_train, survey.n_all - survey.n_train])
    totals = np.sum(peers.gather(counts), axis=0)
    limits = np.min(peers.gather(survey.limits), axis=0)
    quotas = [
        int(n if total <= limit else n * limit // total)
        for n, total, limit in zip(counts, totals, limits, strict=True)
    ]
    train, valid = (part[:quota] for part, quota in zip(survey.split, quotas, strict=True))
    rng = np.random.default_rng(seed)
    n_train, n_valid = np.sum(peers.gather((len(train), len(valid))), axis=0)
    order = Split(rng.permutation(n_train), n_train + rng.permutation(n_valid))
    parts = peers.gather([(array[train], array[valid]) for array in survey.rows.arrays])
    # rows to learn from first, as `order` has them
    arrays = [
        np.concatenate([part[0] for part in of_each] + [part[1] for part in of_each])
        for of_each in zip(*parts, strict=True)
    ]
    return survey.rows.with_arrays(arrays), order
