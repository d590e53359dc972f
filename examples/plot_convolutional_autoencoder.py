"""
Dense or convolutional?
=======================

Digits somewhere on a larger canvas, through bottlenecks of 8, 16 and 32 numbers: PCA, a dense and
a convolutional autoencoder, with errors per image and feature maps.
"""

# %%
# Each digit is enlarged and put at a place of its own: neighbours matter, positions vary.
import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import shift, zoom
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer, ConvAutoencoder
from skae.metrics import reconstruction_error

rng = np.random.default_rng(0)
digits = np.pad(zoom(load_digits().images / 16, (1, 2, 2), order=1), [(0, 0), (2, 2), (2, 2)])
images = np.stack([shift(image, rng.uniform(-3, 3, 2), order=1) for image in digits])
train, test = train_test_split(images.reshape(-1, 400).astype(np.float32), random_state=0)

# %%
# All three take flattened images; ``image_shape`` tells what they are.
widths = [8, 16, 32]
rows, models, errors = [("original", test[:8])], [], {}
for width in widths:
    for name, model in (
        ("PCA", PCA(width)),
        ("dense", AutoencoderTransformer(width, max_iter=60, random_state=0)),
        ("conv.", ConvAutoencoder(width, image_shape=(1, 20, 20), max_iter=20, random_state=0)),
    ):
        models.append(model.fit(train))
        errors.setdefault(name, []).append(error := reconstruction_error(model, test))
        print(f"{width:4d} {name:>10}: squared error {error:7.3f}")
        rows.append((f"{name}, {width}", model.inverse_transform(model.transform(test[:8]))))

# %%
# The images, the errors, and one digit's feature maps in the smallest convolutional network.
figure = plt.figure(figsize=(11, 6.5), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=[1.3, 1])
for ax, (label, pictures) in zip(left.subplots(len(rows), 1), rows, strict=True):
    ax.imshow(np.hstack(pictures.reshape(-1, 20, 20)), cmap="gray_r", vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[])
    ax.set_ylabel(label, rotation=0, ha="right", va="center")
top, *below = right.subplots(3, 1, height_ratios=[1.6, 1, 1])
for name, values in errors.items():
    top.plot(widths, values, "o-", label=name)
top.set_xscale("log", base=2)
top.set(yscale="log", xlabel="n_components", title="Squared error per test image")
top.legend()
for layer, ax in enumerate(below):
    maps = models[2].feature_maps(test[:1], layer)[0]
    ax.imshow(np.vstack([np.hstack(maps[i : i + 8]) for i in range(0, len(maps), 8)]))
    ax.set(xticks=[], yticks=[], title=f"{len(maps)} maps after convolution {layer + 1}")
plt.savefig("convolutional_autoencoder.png", dpi=120)
