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

from skae import ConvAutoencoder
from skae.image import ImageSegmenter

rng = np.random.default_rng(0)
row, column = np.mgrid[:32, :32]
masks = np.zeros((900, 32, 32), dtype=int)
images = rng.normal(scale=0.4, size=masks.shape)
for image, mask, (y, x) in zip(images, masks, rng.integers(10, 22, size=(900, 2)), strict=True):
    distance = np.hypot(row - y, column - x)
    cross = ((np.abs(row - y) < 2) | (np.abs(column - x) < 2)) & (distance < 9)
    mask[:] = cross if rng.random() < 0.5 else 2 * ((distance > 5) & (distance < 8))
    is_bright = mask > 0
    for top, left in rng.integers(29, size=(4, 2)):
        is_bright[top : top + 3, left : left + 3] = True
    image += is_bright
X, y, X_test, y_test = images[:100], masks[:100], images[800:], masks[800:]

# %%
# The autoencoder sees 800 images and no mask. An absolute error has it pass over the squares.
autoencoder = ConvAutoencoder(
    8, loss="absolute_error", augment="shift", max_iter=25, random_state=0
).fit(images[:800])
models = {
    "logistic\nregression": ImageSegmenter(max_iter=0, random_state=0),
    "segmenter": ImageSegmenter(random_state=0),
    "with the\nautoencoder": ImageSegmenter(encoder=autoencoder, random_state=0),
}
rows = {"image": X_test, "truth": y_test}
for n in (10, 30, 100):
    for name, model in models.items():
        score = model.fit(X[:n], y[:n]).score(X_test, y_test)
        rows[f"{name}\n{n} labelled\nDice {score:.2f}"] = model.predict(X_test)

# %%
# New images, and what is found in them after 10, 30 and 100 labelled ones.
figure, axes = plt.subplots(len(rows), 9, figsize=(9, 11), layout="constrained")
for line, (name, pictures) in zip(axes, rows.items(), strict=True):
    for ax, picture in zip(line, pictures, strict=False):
        is_image = name == "image"
        ax.imshow(picture, cmap="gray" if is_image else "viridis", vmax=None if is_image else 2)
        ax.set(xticks=[], yticks=[])
    line[0].set_ylabel(name, rotation=0, ha="right", va="center")
plt.savefig("segment_shapes.png", dpi=100)
