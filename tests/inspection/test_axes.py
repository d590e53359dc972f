"""Axes to draw in."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_array_equal

from skae.inspection import SampleDisplay
from skae.inspection._axes import (
    MAX_NAMES,
    hide_inner_labels,
    name_features,
    names_to_show,
    number_features,
    several_axes,
    single_axes,
)


def test_a_figure_of_its_own():
    ax = single_axes(SampleDisplay, None, (3.0, 2.0))
    assert_array_equal(ax.figure.get_size_inches(), (3, 2))


def test_several_fill_a_grid_row_by_row():
    axes = several_axes(SampleDisplay, None, 5, 2, (3.0, 2.0))
    assert axes.shape == (5,)
    assert_array_equal(axes[0].figure.get_size_inches(), (6, 6))
    places = [ax.get_subplotspec() for ax in axes]
    assert [(place.rowspan.start, place.colspan.start) for place in places] == [
        (0, 0), (0, 1), (1, 0), (1, 1), (2, 0),
    ]  # fmt: skip


@pytest.mark.parametrize("is_shared", [True, False])
def test_limits_in_common(is_shared):
    first, second = several_axes(SampleDisplay, None, 2, 2, (3.0, 2.0), is_shared=is_shared)
    second.set_xlim(5, 7)
    assert (first.get_xlim() == (5, 7)) == is_shared


def test_labels_at_the_edges_alone():
    axes = several_axes(SampleDisplay, None, 4, 2, (3.0, 2.0))
    for ax in axes:
        ax.set_xlabel("feature")
    hide_inner_labels(axes, 2)
    assert [ax.get_xlabel() for ax in axes] == ["", "", "feature", "feature"]


def test_features_by_number_and_by_name():
    numbered, named = Figure().subplots(2)
    number_features(numbered, 3)
    assert numbered.get_xlim() == (-0.5, 2.5)
    assert all(tick == round(tick) for tick in numbered.get_xticks())
    name_features(named, ["a", "b"])
    assert [label.get_text() for label in named.get_yticklabels()] == ["a", "b"]
    assert named.get_ylim() == (1.5, -0.5)


def test_so_many_names_can_be_read():
    names = np.arange(MAX_NAMES)
    assert names_to_show(names) == [str(number) for number in names]
    assert names_to_show([*names, "one more"]) is None
    assert names_to_show(None) is None
