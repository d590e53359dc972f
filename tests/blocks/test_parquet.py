"""Files of parquet, and other data of pyarrow: what is a feature, and what is not."""

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.dataset
import pyarrow.parquet
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skae import AutoencoderTransformer
from skae.blocks import find_blocks, find_pairs

X = np.random.default_rng(0).normal(size=(60, 3))
FRAME = pd.DataFrame(X, columns=["a", "b", "c"])
NUMBERS = np.arange(60)
INDICES = {
    "numbers of rows": FRAME.index,
    "named numbers of rows": pd.RangeIndex(60, name="row"),
    "numbers": pd.Index(NUMBERS**2),
    "named numbers": pd.Index(NUMBERS**2, name="id"),
    "text": pd.Index([f"row {i}" for i in NUMBERS], name="id"),
    "dates": pd.date_range("2020", periods=60, name="day"),
    "several": pd.MultiIndex.from_arrays([NUMBERS // 3, NUMBERS % 3], names=["group", None]),
}


def _file(frame, folder):
    frame.to_parquet(folder / "rows.parquet", row_group_size=20)
    return folder / "rows.parquet"


def _folder(frame, folder):
    (folder / "rows.parquet").mkdir()
    frame[:20].to_parquet(folder / "rows.parquet" / "a.parquet", row_group_size=9)
    frame[20:].to_parquet(folder / "rows.parquet" / "b.parquet")
    return folder / "rows.parquet"


KINDS = {
    "path": _file,
    "file": lambda frame, folder: pyarrow.parquet.ParquetFile(_file(frame, folder)),
    "dataset": lambda frame, folder: pyarrow.dataset.dataset(_file(frame, folder)),
    "folder": _folder,
    "dataset of a folder": lambda frame, folder: pyarrow.dataset.dataset(_folder(frame, folder)),
}


@pytest.mark.thinned(1)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("index", INDICES)
def test_an_index_is_no_feature(kind, index, tmp_path):
    frame = FRAME.set_index(INDICES[index])
    given = KINDS[kind](frame, tmp_path)
    blocks = [block for _, block in find_blocks(given).read()]
    assert len(blocks) >= 3
    for block in blocks:
        assert list(block.columns) == ["a", "b", "c"]
    found = pd.concat(blocks)
    assert_array_equal(found, X)
    # numbers of rows, which are not stored, begin anew in every block
    if not isinstance(frame.index, pd.RangeIndex):
        assert found.index.equals(frame.index)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_knows_the_names_of_columns_alone(kind, tmp_path):
    frame = FRAME.set_index(INDICES["named numbers"])
    given = KINDS[kind](frame, tmp_path)
    model = AutoencoderTransformer(2, max_iter=1, random_state=0).fit(given)
    assert list(model.feature_names_in_) == ["a", "b", "c"]
    # as in memory
    in_memory = AutoencoderTransformer(2, max_iter=1, random_state=0).fit(frame)
    assert_allclose(model.mean_, in_memory.mean_, rtol=1e-12, atol=1e-14)
    assert_array_equal(in_memory.feature_names_in_, model.feature_names_in_)
    assert_allclose(np.concatenate([*model.transform(given)]), model.transform(frame), atol=1e-5)


def test_an_index_that_is_a_column_of_its_own_is_a_feature(tmp_path):
    path = tmp_path / "rows.parquet"
    # no note of pandas
    pyarrow.parquet.write_table(pyarrow.table({"id": NUMBERS, "a": X[:, 0]}), path)
    _, block = next(find_blocks(path).read())
    assert list(block.columns) == ["id", "a"]


def test_names_of_folders_are_columns_if_a_dataset_says_so(tmp_path):
    folder = tmp_path / "rows.parquet"
    FRAME.assign(day=NUMBERS // 30).to_parquet(folder, partition_cols=["day"])
    plain = [block for _, block in find_blocks(folder).read()]
    assert [list(block.columns) for block in plain] == [["a", "b", "c"]] * 2
    dataset = pyarrow.dataset.dataset(folder, partitioning="hive")
    for number, block in find_blocks(dataset).read():
        assert list(block.columns) == ["a", "b", "c", "day"]
        assert_array_equal(block["day"], np.full(30, number))


def test_a_dataset_has_its_columns_in_one_order(tmp_path):
    FRAME[:30].to_parquet(tmp_path / "1.parquet")
    FRAME[30:][["c", "a", "b"]].to_parquet(tmp_path / "2.parquet")
    for _, block in find_blocks(pyarrow.dataset.dataset(tmp_path)).read():
        assert list(block.columns) == ["a", "b", "c"]


@pytest.mark.parametrize("kind", ["table", "csv"])
def test_datasets_of_other_formats(kind, tmp_path):
    FRAME.to_csv(tmp_path / "rows.csv", index=False)
    dataset = {
        "table": lambda: pyarrow.dataset.dataset(pyarrow.table(FRAME)),
        "csv": lambda: pyarrow.dataset.dataset(tmp_path / "rows.csv", format="csv"),
    }[kind]()
    blocks = [block for _, block in find_blocks(dataset).read()]
    pd.testing.assert_frame_equal(pd.concat(blocks), FRAME)


def test_pairs_say_what_a_block_is(tmp_path):
    path = _file(FRAME, tmp_path)
    for given in (path, pyarrow.parquet.ParquetFile(path)):
        with pytest.raises(ValueError, match=r"X has 3 blocks \(each a row group of parquet\)"):
            find_pairs(given, np.split(X, 2))
