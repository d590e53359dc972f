"""
What a variational autoencoder has learnt
=========================================

Two numbers per digit: a walk through all their values shows which shapes the model knows. With
more numbers, and a mixture of normal distributions over the codes instead of the prior, samples
become digits one could take for real ones; a model that is told the class draws the digit that
it is asked for.
"""

# %%
# The prior of a code is standard normal, so that its quantiles cover it evenly.
import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import norm
from sklearn.datasets import load_digits

from skae import VAETransformer
from skae.inspection import LatentTraversalDisplay, SampleDisplay

X, y = load_digits(return_X_y=True)
plane = VAETransformer(2, random_state=0).fit(X)
walk = norm.ppf(np.linspace(0.03, 0.97, 10))

# %%
# Models with more components: one told the class, and one with a mixture over its codes.
wide = VAETransformer(16, latent_density="gmm", random_state=0).fit(X)
told = VAETransformer(8, conditional=True, random_state=0).fit(X, y)
by_class = np.vstack([told.sample(10, random_state=digit, y=digit) for digit in told.classes_])

# %%
# Draws from the wide one, from the mixture and from its prior.
_, axes = plt.subplots(1, 4, figsize=(13, 3.8), layout="constrained")
LatentTraversalDisplay.from_estimator(
    plane, kind="pair", values=walk, image_shape=(8, 8), cmap="gray_r", ax=axes[0]
)
axes[0].set(title="Two components: the walk", xticks=[], yticks=[], xlabel="", ylabel="")
SampleDisplay.from_estimator(
    wide, n_samples=100, random_state=0, image_shape=(8, 8), cmap="gray_r", ax=axes[2]
)
axes[2].set_title("16 components: a mixture")
wide.set_params(latent_density="prior", warm_start=True, max_iter=0).fit(X)
SampleDisplay.from_estimator(
    wide, n_samples=100, random_state=0, image_shape=(8, 8), cmap="gray_r", ax=axes[1]
)
axes[1].set_title("16 components: the prior")
SampleDisplay(samples=by_class.reshape(-1, 8, 8)).plot(axes[3], cmap="gray_r")
axes[3].set_title("8 components, told the class")
plt.savefig("vae_latent_space.png", dpi=120)

# %%
# How much each of the two components tells, in nats.
print("divergence from the prior:", plane.kl_per_component_.round(2))
print("mean log-likelihood per digit:", round(plane.score(X), 1), "nats")
