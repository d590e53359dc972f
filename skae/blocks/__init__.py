"""Tables that are read block by block, and statistics from one pass over them."""

from skae.blocks._blocks import Blocks, is_empty, split_rows
from skae.blocks._find import find_blocks, is_lazy
from skae.blocks._held_out import HeldOut
from skae.blocks._iterables import ListedBlocks, OneBlock
from skae.blocks._moments import Moments
from skae.blocks._pairs import Pair, Pairs, PairsOfOne, find_pairs
from skae.blocks._reservoir import Reservoir

__all__ = [
    "Blocks",
    "HeldOut",
    "ListedBlocks",
    "Moments",
    "OneBlock",
    "Pair",
    "Pairs",
    "PairsOfOne",
    "Reservoir",
    "find_blocks",
    "find_pairs",
    "is_empty",
    "is_lazy",
    "split_rows",
]
