"""Fits by the workers of dask."""


def fit(): ...
