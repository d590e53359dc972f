"""
Digits as sums of few atoms
===========================

Six of 128 atoms for each digit: what principal components are made of, what a sparse autoencoder
learns instead, how one digit is put together, and how many atoms a row needs.
"""

# %%
# The atoms, and the table that tells how they are used.
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
print("nonzeros per row:", coder.sparsity_, " dead atoms:", len(coder.dead_components_))
print("atom, share of rows, mean code where used:")
for j in range(5):
    print(f"{table['component'][j]:5d} {table['frequency'][j]:8.3f} {table['strength'][j]:8.1f}")


# %%
# One test digit, step by step: the strongest of its atoms first.
def mosaic(images, n_rows):
    """Put images side by side, each scaled to its own range and with a margin."""
    images = images.reshape(n_rows, -1, 8, 8) / np.abs(images).max(axis=1).reshape(n_rows, -1, 1, 1)
    images = np.pad(images, [(0, 0), (0, 0), (1, 1), (1, 1)])
    return images.transpose(0, 2, 1, 3).reshape(10 * n_rows, -1)


code = coder.transform(test[:1])[0]
steps = [test[0] - coder.intercept_]
for n in range(1, 7):
    largest = np.where(code >= np.sort(code)[-n], code, 0)
    steps.append(largest @ coder.components_)

# %%
# Explained variance over the number of atoms, with the encoder and with matching pursuit.
counts = [1, 2, 3, 6, 12]
encoder, pursuit = [], []
for n in counts:
    model = SparseAutoencoder(128, n_nonzero=n, random_state=0).fit(train)
    encoder.append(model.score(test))
    pursuit.append(model.set_params(transform_algorithm="omp").score(test))
pca = [reconstruction_r2(PCA(n).fit(train), test) for n in counts]

_, axes = plt.subplots(2, 2, figsize=(10, 6.5), layout="constrained")
style = {"cmap": "RdGy", "vmin": -1, "vmax": 1}
axes[0, 0].imshow(mosaic(PCA(60).fit(train).components_, 6), **style)
axes[0, 0].set_title("Principal components")
axes[0, 1].imshow(mosaic(coder.components_[table["component"][:60]], 6), **style)
axes[0, 1].set_title("Atoms, those that carry most first")
axes[1, 0].imshow(mosaic(np.array(steps), 1), **style)
axes[1, 0].set_title("A digit less the centre; sums of 1 to 6 of its atoms")
for values, label in (encoder, "atoms, encoder"), (pursuit, "atoms, pursuit"), (pca, "PCA"):
    axes[1, 1].plot(counts, values, "o-", label=label)
axes[1, 1].set(xlabel="nonzeros per row", ylabel="explained variance (R²)", xticks=counts)
axes[1, 1].grid(alpha=0.3)
axes[1, 1].legend()
for ax in axes.flat[:3]:
    ax.set(xticks=[], yticks=[])
plt.savefig("sparse_atoms.png", dpi=120)
