"""
Classes under noise
===================

A classifier by shapes beside others, while images get worse: by noise, and by one perturbation for
all images that is made to mislead the classifier. The one by shapes is more robust than the others
to such small perturbations; to much noise it is not.
"""

# %%
# Shapes with two, three or four lobes, of any brightness, turned and moved. All classifiers learn
# from the same images; two of them from codes that were found without the classes.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import ConvAutoencoder
from skae.datasets import make_deformed_shapes
from skae.metrics import adversarial_examples
from skae.registration import GeoSICClassifier

shapes = make_deformed_shapes(500, random_pose=0.15, contrast=0.3, random_state=0)
X, X_new = np.split(shapes.images.reshape(500, -1), [300])
y, y_new = np.split(shapes.target, [300])
codes = ConvAutoencoder(40, image_shape=(1, 32, 32), random_state=0)
models = {
    "PCA": make_pipeline(PCA(40, random_state=0), StandardScaler(), LogisticRegression()),
    "autoencoder": make_pipeline(codes, StandardScaler(), LogisticRegression()),
    "Geo-SIC": GeoSICClassifier(image_shape=(1, 32, 32), max_iter=60, random_state=0),
}
noise = np.random.default_rng(0).normal(size=X_new.shape)
deviations, sizes = [0, 0.2, 0.4, 0.6, 0.8, 1], [0, 0.005, 0.02, 0.04, 0.08]

# %%
# Perturbations, six times as strong as they are, what they make of an image, and accuracies.
figure, axes = plt.subplot_mosaic("0123;4567;aabb;aabb", figsize=(9, 9), layout="constrained")
pictures = [("an image", X_new[0])], [("with noise of 0.4", X_new[0] + 0.4 * noise[0])]
for name, model in models.items():
    model.fit(X, y)
    accuracies = [model.score(X_new + size * noise, y_new) for size in deviations]
    axes["a"].plot(deviations, accuracies, "o-", label=name)
    bad = [adversarial_examples(model, X_new, y_new, attack="universal", epsilon=e) for e in sizes]
    axes["b"].plot(sizes, [model.score(rows, y_new) for rows in bad], "o-", label=name)
    pictures[0].append((f"misleads {name}", 6 * (bad[-1] - X_new)[0] + 0.5))
    pictures[1].append(("the image, with it", bad[-1][0]))
for i, (title, picture) in enumerate(pictures[0] + pictures[1]):
    axes[str(i)].imshow(picture.reshape(32, 32), cmap="gray", vmin=-0.5, vmax=1.5)
    axes[str(i)].set(title=title, xticks=[], yticks=[])
axes["a"].set(xlabel="standard deviation of Gaussian noise", ylabel="accuracy")
axes["b"].set(xlabel="size of one perturbation for all images")
axes["b"].sharey(axes["a"])
axes["b"].tick_params(labelleft=False)
axes["b"].legend()
plt.savefig("classify_under_noise.png", dpi=110)
