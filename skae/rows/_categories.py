"""Categories of all rows, in whatever block or process they are."""

from collections.abc import Callable
from functools import reduce
from typing import Any

from numpy.typing import NDArray

from skae.engine import Peers
from skae.rows._joined_surveys import check_same_rows
from skae.rows._reader import Reader
from skae.rows._explained_variance import NO_ROWS
from skae.objectives import Categorical


def find_categories(
    reader: Reader,
    make_link: Callable[[NDArray], Categorical],
    describe_features: Callable[[], Any],
    peers: Peers,
) -> Categorical:
    """Return the likelihood of the categories in all blocks, which takes a pass of its own.

    Parameters
    ----------
    reader : Reader
    make_link : callable
        From rows to the likelihood of their categories.
    describe_features : callable
        Returns, after the pass, what processes must have the same of.
    peers : Peers

    Raises
    ------
    ValueError
        If a block cannot be used, or if there are no rows.
    """
    with peers.in_step():
        own = _go_over(reader, make_link)
    check_same_rows(describe_features(), peers)
    return reduce(Categorical.joined, peers.gather(own))


def _go_over(reader: Reader, make_link: Callable[[NDArray], Categorical]) -> Categorical:
    found = None
    for block in reader.read_first():
        with reader.blocks.naming(block.number):
            link = make_link(block.X)
        found = link if found is None else found.joined(link)
    if found is None:
        raise ValueError(NO_ROWS)
    return found
