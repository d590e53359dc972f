"""
New rows from a whole Pipeline
==============================

``skae.sample`` draws from the last step that can, and goes back through the steps before it: a
mixture of normal distributions over PCA's codes, over an autoencoder's, or a variational
autoencoder behind a scaler.
"""

# %%
# Pipelines of scikit-learn do not pass ``sample`` on; the function does.
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from skae import AutoencoderTransformer, VAETransformer, sample
from skae.inspection import SampleDisplay

X = load_digits().data
pipelines = {
    "PCA, mixture": make_pipeline(PCA(16, random_state=0), GaussianMixture(10, random_state=0)),
    "autoencoder, mixture": make_pipeline(
        AutoencoderTransformer(16, random_state=0), GaussianMixture(10, random_state=0)
    ),
    "scaler, VAE": make_pipeline(
        MaxAbsScaler(), VAETransformer(16, latent_density="gmm", random_state=0)
    ),
}
for name, pipeline in pipelines.items():
    rows = sample(pipeline.fit(X), 3, random_state=0)
    print(
        f"{name:>22}: {rows.shape[0]} rows, grey values from {rows.min():.1f} to {rows.max():.1f}"
    )

# %%
# The same draws at every call, with ``random_state=0``.
_, axes = plt.subplots(1, 3, figsize=(11, 4), layout="constrained")
for ax, (name, pipeline) in zip(axes, pipelines.items(), strict=True):
    SampleDisplay.from_estimator(
        pipeline, n_samples=64, random_state=0, image_shape=(8, 8), cmap="gray_r", ax=ax
    )
    ax.set_title(name)
plt.savefig("pipeline_samples.png", dpi=120)
