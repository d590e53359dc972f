"""What all Displays promise."""

import inspect
import sys

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.testing import assert_array_equal
from sklearn.decomposition import PCA
from sklearn.utils import check_random_state

from skae import inspection

EIGHT = {"image_shape": (8, 8)}
CASES = {
    "reconstructed images": ("Reconstruction", "autoencoder", True, EIGHT),
    "reconstructed signals": ("Reconstruction", "pca", True, {"kind": "signals"}),
    "errors of features": ("Reconstruction", "pca", True, {}),
    "errors of pixels": ("Reconstruction", "conv", True, {"kind": "features"}),
    "two components": ("LatentSpace", "autoencoder", True, {"components": [0, 2]}),
    "pairs of components": ("LatentSpace", "vae", True, {}),
    "traversed images": ("LatentTraversal", "vae", False, EIGHT),
    "traversed pair": ("LatentTraversal", "pca", False, {"kind": "pair", **EIGHT}),
    "traversed signals": ("LatentTraversal", "autoencoder", True, {}),
    "losses": ("LossCurve", "autoencoder", False, {}),
    "atoms": ("Atoms", "sparse", False, EIGHT),
    "loadings": ("Atoms", "pca", False, {}),
    "drawn images": ("Sample", "conv", False, {"random_state": 0}),
    "drawn signals": ("Sample", "vae", False, {"random_state": 0}),
}
PARTS = {"reconstructed signals": 8, "pairs of components": 3, "traversed signals": 4}
"""How many axes the Displays have that have more than one."""
ARTISTS = ("lines_", "images_", "image_", "scatters_", "bars_")


@pytest.fixture
def draw(models, digits):
    """Return a function that draws one of the cases."""

    def draw(name, **kwargs):
        display, model, needs_rows, parameters = CASES[name]
        X = digits[:40].reshape(-1, 8, 8) if model == "conv" else digits[:40]
        rows = [X] if needs_rows else []
        create = getattr(inspection, f"{display}Display").from_estimator
        return create(models[model], *rows, **parameters, **kwargs)

    return draw


@pytest.mark.parametrize("name", CASES)
class TestEveryDisplay:
    def test_it_keeps_axes_figure_and_artists(self, draw, name):
        display = draw(name)
        assert isinstance(display.ax_, Axes)
        assert display.figure_ is display.ax_.figure
        assert any(getattr(display, artist, None) is not None for artist in ARTISTS)
        assert plt.get_fignums() == [display.figure_.number]
        display.figure_.canvas.draw()

    def test_given_axes_are_drawn_in_and_pyplot_learns_of_no_figure(self, draw, name):
        figure = Figure(figsize=(8, 6), layout="constrained")
        ax, other = figure.subplots(1, 2)
        display = draw(name, ax=ax)
        assert display.figure_ is figure
        assert (display.ax_ is ax) == (name not in PARTS)
        assert plt.get_fignums() == []
        assert not other.has_data()
        figure.canvas.draw()

    def test_plot_again(self, draw, name):
        first = draw(name)
        expected = _count(first)
        figure, artists = first.figure_, _artists(first)
        second = first.plot(**_kind(name))
        assert second is first
        assert second.figure_ is not figure
        assert _count(second) == expected
        assert _artists(second) is not artists
        # and once more, where it was drawn before
        axes = first.axes_ if name in PARTS else first.ax_
        assert _count(first.plot(axes, **_kind(name))) == expected
        first.figure_.canvas.draw()

    def test_nothing_global_changes(self, draw, name):
        before = dict(mpl.rcParams), mpl.get_backend()
        state = check_random_state(None).get_state()[1].copy()
        draw(name)
        assert (dict(mpl.rcParams), mpl.get_backend()) == before
        assert_array_equal(check_random_state(None).get_state()[1], state)

    def test_several_axes(self, draw, name):
        n_axes = PARTS.get(name, 1)
        axes = Figure(figsize=(9, 9)).subplots(n_axes, 2)
        if n_axes > 1:
            display = draw(name, ax=axes[:, 0])
            assert_array_equal(display.axes_, axes[:, 0])
            assert not any(ax.has_data() for ax in axes[:, 1])
        with pytest.raises(ValueError, match=r"Expected ax to have|must be a single"):
            draw(name, ax=axes)

    def test_what_are_no_axes(self, draw, name):
        with pytest.raises(ValueError, match="ax"):
            draw(name, ax="here")


@pytest.mark.parametrize("name", PARTS)
def test_axes_that_are_divided(draw, name):
    ax = Figure().subplots()
    display = draw(name, ax=ax)
    assert not ax.axison
    assert len(display.axes_) == PARTS[name]
    with pytest.raises(ValueError, match=r"already divided .* ax=display.axes_"):
        draw(name, ax=ax)
    with pytest.raises(ValueError, match="must be a subplot"):
        draw(name, ax=Figure().add_axes((0, 0, 1, 1)))


def _kind(name):
    """Return the parameter of `plot` that says what to draw."""
    display, *_, parameters = CASES[name]
    is_for_plot = display == "Reconstruction" and "kind" in parameters
    return {"kind": parameters["kind"]} if is_for_plot else {}


def _artists(display):
    return [getattr(display, artist, None) for artist in ARTISTS]


def _count(display):
    """Return how many artists of which kind there are."""
    return [
        len(found) if hasattr(found, "__len__") else found is not None
        for found in _artists(display)
    ]


DISPLAYS = [getattr(inspection, name) for name in inspection.__all__]
FROM = [
    (display, name) for display in DISPLAYS for name in vars(display) if name.startswith("from_")
]


@pytest.mark.parametrize("display", DISPLAYS, ids=lambda display: display.__name__)
def test_parameters_are_kept_under_their_names(display):
    parameters = list(inspect.signature(display).parameters.values())
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters)
    values = {parameter.name: object() for parameter in parameters}
    kept = vars(display(**values))
    assert kept == values


@pytest.mark.parametrize(
    ("display", "name"), FROM, ids=lambda value: getattr(value, "__name__", value)
)
def test_without_matplotlib_the_error_tells_what_to_install(display, name, monkeypatch):
    """Before anything is computed: there is nothing that could be computed here."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    create = getattr(display, name)
    needed = [
        None
        for parameter in inspect.signature(create).parameters.values()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        and parameter.default is parameter.empty
    ]
    with pytest.raises(
        ImportError, match=rf"{display.__name__} needs .* pip install 'skae\[plot\]'"
    ):
        create(*needed)


def test_a_display_that_was_made_by_hand(digits):
    images = digits[:6].reshape(-1, 8, 8)
    display = inspection.SampleDisplay(samples=images).plot(n_cols=3)
    assert display.image_.get_array().shape == (2 * 9 - 1, 3 * 9 - 1)
    for bad in (0, 1.5, True):
        with pytest.raises(ValueError, match=f"n_cols must be an int of at least 1. Got {bad}"):
            display.plot(n_cols=bad)


def test_pictures_can_be_saved_in_print_formats(models, tmp_path):
    display = inspection.AtomsDisplay.from_estimator(models["pca"], **EIGHT)
    for name in ("atoms.pdf", "atoms.svg", "atoms.png"):
        display.figure_.savefig(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000


def test_not_fitted():
    for display in (inspection.AtomsDisplay, inspection.LatentTraversalDisplay):
        with pytest.raises(ValueError, match="not fitted"):
            display.from_estimator(PCA())
