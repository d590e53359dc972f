"""Overlaps of masks."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, jaccard_score, make_scorer
from sklearn.model_selection import cross_val_score

from skae.image import ImageSegmenter
from skae.metrics import dice, dice_scorer, iou, iou_scorer

RNG = np.random.default_rng(0)
over_metrics = pytest.mark.parametrize(
    ("metric", "of_sklearn"), [(dice, f1_score), (iou, jaccard_score)]
)


@pytest.fixture
def masks():
    """Six pairs of masks with labels 0 to 3, all of them in every mask."""
    return RNG.integers(4, size=(2, 6, 9, 10))


@over_metrics
def test_one_label_is_scikit_learns_score_of_every_image(masks, metric, of_sklearn):
    true, predicted = masks
    pairs = [(a.ravel() == 2, b.ravel() == 2) for a, b in zip(true, predicted, strict=True)]
    expected = np.mean([of_sklearn(a, b) for a, b in pairs])
    assert metric(true, predicted, labels=[2]) == pytest.approx(expected, abs=1e-12)


@over_metrics
def test_labels_are_averaged_over_the_foreground(masks, metric, of_sklearn):
    true, predicted = masks
    one_by_one = [metric(true, predicted, labels=[label]) for label in range(4)]
    assert metric(true, predicted) == pytest.approx(np.mean(one_by_one[1:]), abs=1e-12)
    assert metric(true, predicted, background=None) == pytest.approx(np.mean(one_by_one), abs=1e-12)
    assert metric(true, predicted, background=3) == pytest.approx(
        np.mean(one_by_one[:3]), abs=1e-12
    )


@over_metrics
def test_layouts_and_names_do_not_matter(masks, metric, of_sklearn):
    true, predicted = masks
    expected = metric(true, predicted)
    assert metric(true.reshape(6, -1), predicted.reshape(6, -1)) == expected
    assert metric(true[:, None], predicted[:, None]) == expected
    names = np.array(["background", "a", "b", "c"])
    assert metric(names[true], names[predicted], background="background") == expected
    assert metric(true.tolist(), predicted.tolist()) == expected


@over_metrics
def test_the_ends(masks, metric, of_sklearn):
    true, _ = masks
    assert metric(true, true) == 1
    assert metric(true > 0, true == 0) == 0
    assert metric(0 * true, 0 * true) == 1
    assert metric(0 * true, 0 * true + 1) == 0


@over_metrics
def test_a_label_that_is_absent_from_both_does_not_count(metric, of_sklearn):
    true = np.array([[0, 1, 1], [0, 2, 2]])
    predicted = np.array([[0, 1, 0], [0, 2, 2]])
    alone = metric(true[:1], predicted[:1])
    assert metric(true, predicted) == pytest.approx((alone + 1) / 2)


@over_metrics
def test_ignored_pixels(masks, metric, of_sklearn):
    true, predicted = masks
    marked = np.where(RNG.uniform(size=true.shape) < 0.4, 255, true)
    changed = np.where(marked == 255, (predicted + 1) % 4, predicted)
    expected = metric(marked, predicted, ignore_index=255)
    assert metric(marked, changed, ignore_index=255) == expected
    assert metric(marked, predicted) < expected


def test_labels_that_are_none(masks):
    true, predicted = masks
    assert dice(true, predicted, labels=[1, 1, 2]) == dice(true, predicted, labels=[1, 2])
    assert dice(true, predicted, labels=[1, 9]) == dice(true, predicted, labels=[1])
    with pytest.raises(ValueError, match=r"None of labels=\[255\] is in y_true or y_pred"):
        dice(true, predicted, labels=[255])
    for labels in 1, "1":
        with pytest.raises(ValueError, match="labels must be None or a list"):
            dice(true, predicted, labels=labels)
    with pytest.raises(ValueError, match="y_pred has numbers with a fraction"):
        iou(true, predicted / 3)


def test_shapes_must_be_equal(masks):
    with pytest.raises(ValueError, match=r"y_true has the shape \(6, 9, 10\), but y_pred \(6, 9"):
        dice(masks[0], masks[1][:, :, :9])


def test_scorers():
    y = (RNG.normal(size=(12, 1, 1)) + np.arange(8) > 4).repeat(8, 1).astype(int)
    X = y + 0.1 * RNG.normal(size=y.shape)
    model = ImageSegmenter(max_iter=0, random_state=0)
    for scorer, metric in (dice_scorer, dice), (iou_scorer, iou):
        fitted = model.fit(X, y)
        assert scorer(fitted, X, y) == metric(y, fitted.predict(X))
        assert cross_val_score(model, X, y, cv=2, scoring=scorer).min() > 0.9
        own = make_scorer(metric, labels=[0])
        assert cross_val_score(model, X, y, cv=2, scoring=own).min() > 0.9
