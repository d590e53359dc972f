"""Files of parquet."""

import os
from typing import Any

from skae.blocks._blocks import IndexedBlocks


class RowGroups(IndexedBlocks):
    """The groups of rows of one file, or of many.

    The index of dataframes that were written, of which pandas leaves a note, is an index again.

    Parameters
    ----------
    dataset : pyarrow.dataset.Dataset
    schema : pyarrow.Schema or None
        Of the columns. None: those of each file.
    """

    each = "a row group of parquet"

    def __init__(self, dataset: Any, schema: Any) -> None:
        self.groups = [group for part in dataset.get_fragments() for group in _split(part)]
        self.schema = schema
        super().__init__(len(self.groups))

    @classmethod
    def of_dataset(cls, dataset: Any) -> "RowGroups":
        """Return the groups of a dataset, whose columns may be in the names of its folders."""
        return cls(dataset, dataset.schema)

    @classmethod
    def of_path(cls, path: str | os.PathLike[str]) -> "RowGroups":
        """Return the groups of a file, or of the files in a folder.

        Raises
        ------
        ImportError
            If pyarrow is not installed.
        """
        try:
            from pyarrow.dataset import dataset
        except ImportError as error:
            raise ImportError(
                "Files of parquet need pyarrow. Install it with: pip install 'skae[blocks]'"
            ) from error
        return cls(dataset(path, format="parquet"), None)

    def load(self, number: int) -> Any:
        """Return a group as a dataframe."""
        return self.groups[number].to_table(schema=self.schema).to_pandas()


def _split(part: Any) -> list[Any]:
    """Return the groups of rows of a file; those of other formats have but one."""
    groups: list[Any] = part.split_by_row_group() if hasattr(part, "split_by_row_group") else [part]
    return groups


class RowGroupsOfFile(IndexedBlocks):
    """The groups of rows of an open file.

    Parameters
    ----------
    file : pyarrow.parquet.ParquetFile
    """

    each = "a row group of parquet"

    def __init__(self, file: Any) -> None:
        self.file = file
        super().__init__(file.num_row_groups)

    def load(self, number: int) -> Any:
        """Return a group as a dataframe."""
        return self.file.read_row_group(number).to_pandas()
