"""Parquet files, read one row group at a time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from skae.blocks._blocks import Block, IndexedBlocks

if TYPE_CHECKING:
    from pyarrow import Schema
    from pyarrow.dataset import Dataset, Fragment
    from pyarrow.parquet import ParquetFile


class RowGroups(IndexedBlocks):
    """The row groups of one file, or of many.

    pandas notes the index of a dataframe in the file; blocks get this index back.

    Parameters
    ----------
    dataset : pyarrow.dataset.Dataset
    schema : pyarrow.Schema or None
        Names and types of the columns of all files. None: every file has its own.
    """

    each = "a row group of parquet"

    def __init__(self, dataset: Dataset, schema: Schema | None) -> None:
        self.groups = [group for part in dataset.get_fragments() for group in _split(part)]
        self.schema = schema
        super().__init__(len(self.groups))

    @classmethod
    def of_dataset(cls, dataset: Dataset) -> RowGroups:
        """Return the row groups of a dataset."""
        # with its schema, since some columns may be in the names of folders only
        return cls(dataset, dataset.schema)

    @classmethod
    def of_path(cls, path: str | os.PathLike[str]) -> RowGroups:
        """Return the row groups of a file, or of the files in a folder.

        Raises
        ------
        ImportError
            If pyarrow is not installed.
        """
        try:
            from pyarrow.dataset import dataset
        except ImportError as error:
            raise ImportError(
                "Reading parquet files needs pyarrow. Install it with: pip install 'skae[blocks]'"
            ) from error
        return cls(dataset(path, format="parquet"), None)

    def load(self, number: int) -> Block:
        """Return a row group as a pandas dataframe."""
        return self.groups[number].to_table(schema=self.schema).to_pandas()


def _split(part: Fragment) -> list[Fragment]:
    """Return the row groups of a file; a file of another format is one group."""
    return part.split_by_row_group() if hasattr(part, "split_by_row_group") else [part]


class RowGroupsOfFile(IndexedBlocks):
    """The row groups of an open file.

    Parameters
    ----------
    file : pyarrow.parquet.ParquetFile
    """

    each = "a row group of parquet"

    def __init__(self, file: ParquetFile) -> None:
        self.file = file
        super().__init__(file.num_row_groups)

    def load(self, number: int) -> Block:
        """Return a row group as a pandas dataframe."""
        return self.file.read_row_group(number).to_pandas()
