"""
An atlas, and what can be done with it
======================================

All images are deformations of one image, the atlas, which is learned with them. Codes of shapes can
be walked along, pairs of images registered, and labels taken from a few images to all others.
"""

# %%
# Shapes with three lobes, deformed, turned and moved. They are 32 x 32 pixels, and noisy.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA

from skae.datasets import make_deformed_shapes
from skae.metrics import dice
from skae.registration import DiffeomorphicAutoencoder

shapes = make_deformed_shapes(1200, deformation=0.6, random_pose=0.2, random_state=0)
is_lobed = shapes.target == 1
images, masks = shapes.images[is_lobed], shapes.masks[is_lobed]
X, X_new, masks_new = images[:350], images[350:], masks[350:]
model = DiffeomorphicAutoencoder(8, max_iter=100, random_state=0).fit(X)

# %%
# Velocities are linear in the codes, so that PCA finds the directions in which shapes differ most.
codes = model.transform(X)
pca = PCA(2).fit(codes[:, :8])
steps = np.array([-2, -1, 0, 1, 2])
walks = []
for axis, variance in zip(pca.components_, pca.explained_variance_, strict=True):
    walk = np.zeros((5, codes.shape[1]))  # poses, behind the shapes, stay at the identity
    walk[:, :8] = steps[:, None] * np.sqrt(variance) * axis
    walks.append(model.inverse_transform(walk))

# %%
# One image is registered to another one, and ten images with masks label all new ones.
pair = model.register(X_new[:1], X_new[1:2])
predicted = model.propagate_labels(X_new, masks[:10], X_labelled=X[:10])
overlap = dice(masks_new, predicted)

figure, axes = plt.subplots(3, 5, figsize=(10, 6.6), layout="constrained")
for i, line in enumerate(walks):
    for ax, image, step in zip(axes[i], line, steps, strict=True):
        ax.imshow(image, cmap="gray", vmin=0, vmax=1)
        ax.set_title(f"{step:+d} sd" if step else "atlas")
    axes[i, 0].set_ylabel(f"component {i + 1}")
pictures = X_new[0], X_new[1], pair.warped[0], X_new[2], X_new[2]
titles = "moving", "fixed", "moving, registered", f"labels (Dice {overlap:.2f})", "log2 of Jacobian"
for ax, picture, title in zip(axes[2], pictures, titles, strict=True):
    ax.imshow(picture, cmap="gray", vmin=-0.2, vmax=1.2)
    ax.set_title(title)
row, column = np.indices((32, 32)) + pair.inverse_displacement[0]  # where a grid of `moving` goes
axes[2, 2].plot(column[:, ::3], row[:, ::3], column[::3].T, row[::3].T, color="C1", linewidth=0.7)
axes[2, 3].contour(predicted[2], [0.5], colors="C1")
growth = axes[2, 4].imshow(np.log2(pair.jacobian_determinant[0]), cmap="RdBu_r", vmin=-2, vmax=2)
figure.colorbar(growth, cax=axes[2, 4].inset_axes([1.04, 0, 0.06, 1]))
plt.setp(axes, xticks=[], yticks=[], xlim=(-0.5, 31.5), ylim=(31.5, -0.5))
plt.savefig("atlas.png", dpi=110)
