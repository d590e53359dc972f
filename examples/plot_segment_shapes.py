"""
Segmenting with few labelled images
===================================

A segmenter finds crosses and rings among squares. It starts at the logistic regression of a pixel's
class on the pixels around it. Masks are costly, images are not: where few masks are at hand, an
autoencoder that has seen images without labels knows the shapes already.
"""

# %%
# Every image has a cross (label 1) or a ring (label 2), squares that are neither, and noise.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone

from skae import ConvAutoencoder
from skae.image import ImageSegmenter

rng = np.random.default_rng(0)
row, column = np.mgrid[:32, :32]


def make_image():
    """Return an image and its mask."""
    y, x = rng.integers(10, 22, size=2)
    distance = np.hypot(row - y, column - x)
    ring = (distance > 5) & (distance < 8)
    cross = ((np.abs(row - y) < 2) | (np.abs(column - x) < 2)) & (distance < 9)
    mask = 2 * ring if rng.random() < 0.5 else 1 * cross
    image = 1.0 * (mask > 0)
    for top, left in rng.integers(29, size=(4, 2)):
        image[top : top + 3, left : left + 3] = 1
    return image + rng.normal(scale=0.4, size=image.shape), mask


images, masks = map(np.array, zip(*(make_image() for _ in range(900)), strict=True))
X, y, X_test, y_test = images[:100], masks[:100], images[800:], masks[800:]

# %%
# The autoencoder sees 800 images and no mask. An absolute error has it pass over the squares.
autoencoder = ConvAutoencoder(
    8, loss="absolute_error", augment="shift", max_iter=25, random_state=0
).fit(images[:800])
segmenter = ImageSegmenter(random_state=0)
scores = {"logistic regression": [], "segmenter": [], "with the autoencoder": []}
models = [clone(segmenter).set_params(max_iter=0), segmenter, clone(segmenter)]
models[2].encoder = autoencoder
sizes = [10, 30, 100]
predicted = {}
for n in sizes:
    for name, model in zip(scores, models, strict=True):
        scores[name].append(model.fit(X[:n], y[:n]).score(X_test, y_test))
        predicted.setdefault(name, model.predict(X_test))

# %%
# What each makes of new images after ten labelled ones, and the Dice coefficients after more.
rows = {"image": X_test, "truth": y_test} | predicted
figure = plt.figure(figsize=(13, 5), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=[2, 1])
axes = left.subplots(5, 8)
for line, (name, pictures) in zip(axes, rows.items(), strict=True):
    for ax, picture in zip(line, pictures, strict=False):
        is_mask = name != "image"
        ax.imshow(picture, cmap="viridis" if is_mask else "gray", vmax=2 if is_mask else None)
        ax.set(xticks=[], yticks=[])
    line[0].set_ylabel(name.replace(" ", "\n"), rotation=0, ha="right", va="center")
ax = right.subplots()
for name, values in scores.items():
    ax.plot(sizes, values, "o-", label=name)
ax.set(xscale="log", xticks=sizes, xticklabels=sizes, xlabel="labelled images", ylabel="Dice")
ax.minorticks_off()
ax.legend()
plt.savefig("segment_shapes.png", dpi=110)
