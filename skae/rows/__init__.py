"""Rows: what users give, as a network learns it. No network and no training."""

from skae.rows._kinds import Description, ImageRows, RowKind, TableRows
from skae.rows._make_problem import KnownUnits, make_problem
from skae.rows._problem import Problem
from skae.rows._rows import Rows, Split

__all__ = [
    "Description",
    "ImageRows",
    "KnownUnits",
    "Problem",
    "RowKind",
    "Rows",
    "Split",
    "TableRows",
    "make_problem",
]
