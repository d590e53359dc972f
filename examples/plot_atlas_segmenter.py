"""
Labels that keep their shape
============================

An atlas with labels is deformed to images that have clutter and gaps, of which it has seen none. A
network that labels pixels by what is around them takes clutter for shapes, and gaps for background.
"""

# %%
# Shapes with three lobes of 32 x 32 pixels. Discs of their brightness and erased squares are in the
# new images, but not in those that are learned from.
import matplotlib.pyplot as plt
import numpy as np

from skae.datasets import make_deformed_shapes
from skae.metrics import dice
from skae.registration import AtlasSegmenter

shapes = make_deformed_shapes(900, deformation=0.6, random_pose=0.2, random_state=0)
is_lobed = shapes.target == 1
images, masks = shapes.images[is_lobed], shapes.masks[is_lobed].astype(int)
X, y, X_new, y_new = images[:200], masks[:200], images[200:], masks[200:]

rng = np.random.default_rng(0)
grid = np.indices((32, 32))
for image in X_new:
    for brightness in (1, 1, 1, 0, 0):
        centre = rng.integers(4, 28, size=(2, 1, 1))
        is_inside = np.square(grid - centre).sum(axis=0) < rng.integers(4, 12)
        image[is_inside] = brightness + 0.1 * rng.normal(size=is_inside.sum())

# %%
# Atlas, deformations and the network that labels single pixels are learned together.
model = AtlasSegmenter(8, max_iter=40, random_state=0).fit(X, y)
by_name = {"pixel by pixel": model.predict_pixelwise(X_new), "by the atlas": model.predict(X_new)}

figure, axes = plt.subplots(2, 5, figsize=(10, 4.2), layout="constrained")
for line, (name, predicted) in zip(axes, by_name.items(), strict=True):
    line[0].set_ylabel(f"{name}\nDice {dice(y_new, predicted):.2f}")
    for ax, image, mask in zip(line, X_new[:5], predicted[:5], strict=True):
        ax.imshow(image, cmap="gray", vmin=-0.2, vmax=1.2)
        ax.contour(mask, [0.5], colors="C1")
plt.setp(axes, xticks=[], yticks=[])
plt.savefig("atlas_segmenter.png", dpi=110)
