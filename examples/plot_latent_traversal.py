"""
What do the components mean?
============================

Decode a code while one of its entries changes. A principal component adds a fixed pattern, more or
less of it; a component of a variational autoencoder changes what is written.
"""

# %%
# Both know how far their codes lie from the mean: PCA by its explained variance, the variational
# autoencoder by its prior. For other models, give rows as X.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer, VAETransformer
from skae.inspection import LatentTraversalDisplay

X = load_digits().data
vae = VAETransformer(8, random_state=0).fit(X)
informative = np.argsort(-vae.kl_per_component_)[:4]

_, axes = plt.subplots(1, 2, figsize=(13, 3.4), layout="constrained")
for model, components, ax in (PCA(8).fit(X), range(4), axes[0]), (vae, informative, axes[1]):
    LatentTraversalDisplay.from_estimator(
        model, components=components, image_shape=(8, 8), cmap="gray_r", ax=ax
    )
    ax.set_title(f"{type(model).__name__}: four of {model.n_components_} components")
plt.savefig("latent_traversal.png", dpi=120)

# %%
# Of a table, every feature has an axis of its own. They compare in standard deviations, so the
# rows are scaled first.
table = load_breast_cancer()
scaled = StandardScaler().fit_transform(table.data)
autoencoder = AutoencoderTransformer(8, random_state=0).fit(scaled)
LatentTraversalDisplay.from_estimator(
    autoencoder, scaled, components=[0, 1], feature_names=table.feature_names
)
plt.savefig("latent_traversal_table.png", dpi=120)
