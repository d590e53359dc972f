"""
Digits as sums of few atoms
===========================

Six of 128 atoms for each digit: principal components beside what a sparse autoencoder learns, a
digit put together step by step, and how many atoms a row needs by encoder and by pursuit.
"""

# %%
# How often the atoms that carry most are used.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skae import SparseAutoencoder
from skae.metrics import reconstruction_r2

train, test = train_test_split(load_digits().data, random_state=0)
coder = SparseAutoencoder(128, n_nonzero=6, random_state=0).fit(train)
table = coder.describe_components(test)
print("shares of the rows that use them:", table["frequency"][:10].round(2))


# %%
# One test digit, step by step: the strongest of its atoms first.
def mosaic(images, n_rows):
    """Put images side by side, each scaled to its own range and with a margin."""
    images = (images / np.abs(images).max(axis=1, keepdims=True)).reshape(n_rows, -1, 8, 8)
    images = np.pad(images, [(0, 0), (0, 0), (1, 1), (1, 1)])
    return images.transpose(0, 2, 1, 3).reshape(10 * n_rows, -1)


code = coder.transform(test[:1])
largest = [np.where(code >= np.sort(code)[:, -n], code, 0) for n in range(1, 7)]
steps = np.vstack([test[:1] - coder.intercept_, *(z @ coder.components_ for z in largest)])

# %%
# Explained variance over the number of atoms.
counts = [1, 2, 3, 6, 12]
curves = {"PCA": [reconstruction_r2(PCA(n).fit(train), test) for n in counts]}
models = [SparseAutoencoder(128, n_nonzero=n, random_state=0).fit(train) for n in counts]
for name in "encoder", "omp":
    curves[name] = [m.set_params(transform_algorithm=name).score(test) for m in models]
_, axes = plt.subplots(2, 2, figsize=(10, 6.5), layout="constrained")
pictures = {
    "Principal components": mosaic(PCA(60).fit(train).components_, 6),
    "The atoms that carry most": mosaic(coder.components_[table["component"][:60]], 6),
    "A digit less the centre; sums of 1 to 6 of its atoms": mosaic(steps, 1),
}
for ax, (title, picture) in zip(axes.flat, pictures.items(), strict=False):
    ax.imshow(picture, cmap="RdGy", vmin=-1, vmax=1)
    ax.set(xticks=[], yticks=[], title=title)
for name, values in curves.items():
    axes[1, 1].plot(counts, values, "o-", label=name)
axes[1, 1].set(xlabel="nonzeros per row", ylabel="explained variance (R²)")
axes[1, 1].legend()
plt.savefig("sparse_atoms.png", dpi=120)
