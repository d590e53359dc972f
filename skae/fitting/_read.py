"""Makes the problem to learn from X and y, which are arrays in memory or blocks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf
from typing import cast

import numpy as np
from numpy.typing import NDArray

from skae.blocks import Blocks, HeldOut, OneBlock, find_blocks, find_pairs
from skae.engine import ALONE, Peers
from skae.fitting._protocols import Estimator, FittedEstimator
from skae.fitting._training import Training
from skae.fitting._warm_start import check_same_features, check_same_link
from skae.objectives import Categorical, Link
from skae.rows._categories import join_links
from skae.rows._classes import join_classes
from skae.rows._kinds import Description
from skae.rows._make_problem import KnownUnits, assemble_problem, choose_units
from skae.rows._one_pair import OnePair
from skae.rows._per_block import check_single
from skae.rows._problem import Problem
from skae.rows._reader import Reader
from skae.rows._rows import Rows
from skae.rows._stream import Stream
from skae.rows._survey import Survey, Surveyor, as_rows, enter_link, join_surveys

UNBOUNDED = (-inf, inf)
"""The support of losses that are defined for all numbers."""


def read_problem(
    estimator: Estimator,
    X: object,
    y: object,
    source: FittedEstimator | None,
    random_state: np.random.RandomState,
    peers: Peers,
) -> Problem:
    """Validate X and y, and return the problem to train on.

    Blocks are read once here, and so are the rows of each process if there are many.
    """
    training = Training.of(estimator)
    blocks = find_blocks_of(estimator, X, y)
    if blocks is None and peers.is_alone:
        return _read_arrays(estimator, X, y, source, training, random_state)
    blocks = blocks or _as_blocks(estimator, X, y)
    if getattr(estimator, "solver", None) == "lbfgs":
        raise ValueError(
            "solver='lbfgs' needs all rows in memory, but X comes in blocks. Set solver='adam'."
        )
    seed = random_state.randint(2**31 - 1) + peers.rank
    numbers = None if blocks.n_blocks is None else range(blocks.n_blocks)
    # if each process has a single row, the row of the second one is held out
    held_out = HeldOut(training.held_out_share, numbers, seed, holds_single=peers.rank == 1)
    return _read_blocks(estimator, blocks, y, source, held_out, random_state, peers, False)


def read_pass(
    estimator: Estimator,
    X: object,
    y: object,
    source: FittedEstimator | None,
    random_state: np.random.RandomState,
    peers: Peers,
) -> Problem:
    """Return the problem of one pass over X; an array counts as a single block."""
    if isinstance(getattr(estimator, "n_components", None), float):
        raise ValueError(
            f"partial_fit needs a number of components. Got n_components="
            f"{estimator.n_components}, a share of the variance."  # type: ignore[attr-defined]
        )
    blocks = find_blocks_of(estimator, X, y) or _as_blocks(estimator, X, y)
    # every row is learned from
    held_out = HeldOut(0.0, None, 0)
    is_known = source is not None
    return _read_blocks(estimator, blocks, y, source, held_out, random_state, peers, is_known)


def find_blocks_of(estimator: Estimator, X: object, y: object) -> Blocks | None:
    """Return the blocks of X, paired with blocks of y if y comes in blocks; None for arrays."""
    if estimator._pairs_with_y:
        return find_pairs(X, y, estimator._listed_from)
    return find_blocks(X, estimator._listed_from)


def _as_blocks(estimator: Estimator, X: object, y: object) -> Blocks:
    """Return arrays as a single block."""
    return OnePair(X, y) if estimator._pairs_with_y else OneBlock(X)


def _read_labels(
    estimator: Estimator,
    blocks: Blocks | None,
    y: object,
    source: FittedEstimator | None,
    peers: Peers,
) -> NDArray | None:
    """Return the classes of all rows of all processes, and set `classes_` to them."""
    of_y = getattr(blocks, "y", None) or OneBlock(y)
    with peers.in_step():
        labels = estimator._list_labels(of_y, source)
    if labels is not None:
        # a network to go on from knows its classes
        labels = labels if source is not None else join_classes(labels, peers)
        estimator._check_labels(labels)
        estimator.classes_ = labels
    return labels


def _read_arrays(
    estimator: Estimator,
    X: object,
    y: object,
    source: FittedEstimator | None,
    training: Training,
    random_state: np.random.RandomState,
) -> Problem:
    """Return the problem of rows in memory."""
    # before `_read` sets the attribute: `source` may be the estimator itself
    n_seen = None if source is None else source.n_features_in_
    labels = _read_labels(estimator, None, y, source, ALONE)
    read = estimator._read(X, y, reset=True)
    kind, link = estimator._describe(read, source)
    _check_n_rows(estimator, read, kind.min_rows)
    check_same_features(n_seen, estimator.n_features_in_)
    check_same_link(link, source)
    check_support(estimator, link, read)
    return assemble_problem(
        read,
        kind,
        link,
        random_state,
        validation_fraction=training.validation_fraction,
        early_stopping=training.early_stopping,
        known_units=_find_units(source),
        labels=labels,
    )


def _read_blocks(
    estimator: Estimator,
    blocks: Blocks,
    y: object,
    source: FittedEstimator | None,
    held_out: HeldOut,
    random_state: np.random.RandomState,
    peers: Peers,
    is_known: bool,
) -> Problem:
    """Read blocks once, and return the problem, with a sample of the rows."""
    n_seen = None if source is None else source.n_features_in_
    labels = _read_labels(estimator, blocks, y, source, peers)
    has_classes = labels is not None and not estimator._pairs_with_y
    whole_y = np.asarray(y) if has_classes else None
    reader = Reader(blocks, partial(_read_block, estimator), held_out, whole_y, is_known)
    seed = random_state.randint(2**31 - 1)
    describe = _find_description(estimator, reader, source, peers)
    with peers.in_step():
        survey = Surveyor(
            reader,
            describe,
            partial(check_support, estimator),
            seed + peers.rank,
        ).survey()
        check_same_features(n_seen, estimator.n_features_in_)
        check_same_link(survey.link, source)
    survey = join_surveys(survey, estimator._describe_features(), peers, seed)
    _check_n_rows_of_blocks(survey, held_out.share, source)
    link, kind, read = survey.link, survey.kind, survey.rows
    rows = enter_link(link, read)
    units, target_units = choose_units(kind, survey.summaries, read, link, _find_units(source))
    stream = Stream(reader, rows, survey.n_train, kind, link, units, target_units)
    return Problem(
        rows=rows,
        units=units,
        target_units=target_units,
        link=link,
        split=survey.split,
        summaries=survey.summaries,
        labels=labels,
        stream=stream,
        peers=peers,
    )


def _read_block(estimator: Estimator, X: object, y: object, *, reset: bool) -> Rows:
    """Return the rows of a block, which must not consist of blocks itself."""
    if not estimator._pairs_with_y:
        check_single(estimator, X)
    return estimator._read(X, y, reset=reset)


def _find_description(
    estimator: Estimator, reader: Reader, source: FittedEstimator | None, peers: Peers
) -> Callable[[Rows], Description]:
    """Return a function that describes the rows of the first block, with a link for all rows."""
    if not estimator._needs_all_for_link(source):
        return partial(estimator._describe, source=source)

    def make_link(rows: Rows) -> Categorical:
        return cast(Categorical, estimator._describe(rows, source).link)

    link = join_links(reader, make_link, estimator._describe_features, peers)
    return lambda rows: Description(estimator._describe(rows, source).kind, link)


def _find_units(source: FittedEstimator | None) -> KnownUnits | None:
    """Return the units of the fitted estimator to go on from, if there is one."""
    if source is None:
        return None
    return KnownUnits(source._units, getattr(source, "_target_units", None))


def _check_n_rows(estimator: Estimator, rows: Rows, min_rows: int) -> None:
    """Raise ValueError if arrays have too few rows to learn from."""
    # scikit-learn's own words, which its common checks expect
    if rows.n_rows < min_rows:
        raise ValueError(
            f"Found array with {rows.n_rows} sample(s) (shape={rows.seen.shape}) while a minimum "
            f"of {min_rows} is required by {type(estimator).__name__}."
        )


def _check_n_rows_of_blocks(survey: Survey, share: float, source: FittedEstimator | None) -> None:
    """Raise ValueError if there are too few rows for a new fit, or for holding one out."""
    if survey.n_all < survey.kind.min_rows and (source is None or share):
        raise ValueError(
            f"Found blocks with {survey.n_all} row in all (n_samples={survey.n_all}) while a "
            f"minimum of {survey.kind.min_rows} is required."
        )


def check_support(estimator: Estimator, link: Link, rows: Rows) -> None:
    """Raise ValueError if rows have values that the link does not allow."""
    # no number is refused: the rows need not be looked at
    if getattr(link, "support", None) == UNBOUNDED:
        return
    refusal = link.input_refusal(as_rows(rows.seen)) if hasattr(link, "input_refusal") else None
    if refusal is not None:
        parameter = estimator._link_parameter
        raise ValueError(f"{parameter}={getattr(estimator, parameter)!r} {refusal}.")
