"""Files of parquet."""

import os
from typing import Any

from skae.blocks._blocks import IndexedBlocks


class RowGroups(IndexedBlocks):
    """The groups of rows of one file, or of many.

    Parameters
    ----------
    groups : sequence of object
        With a method `to_table`.
    """

    def __init__(self, groups: Any) -> None:
        self.groups = groups
        super().__init__(len(groups))

    @classmethod
    def of_dataset(cls, dataset: Any) -> "RowGroups":
        """Return the groups of a pyarrow.dataset.Dataset."""
        fragments = dataset.get_fragments()
        return cls([group for part in fragments for group in part.split_by_row_group()])

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
        return cls.of_dataset(dataset(path, format="parquet"))

    def load(self, number: int) -> Any:
        """Return a group as a dataframe."""
        return self.groups[number].to_table().to_pandas()


class RowGroupsOfFile(IndexedBlocks):
    """The groups of rows of an open file.

    Parameters
    ----------
    file : pyarrow.parquet.ParquetFile
    """

    def __init__(self, file: Any) -> None:
        self.file = file
        super().__init__(file.num_row_groups)

    def load(self, number: int) -> Any:
        """Return a group as a dataframe."""
        return self.file.read_row_group(number).to_pandas()
