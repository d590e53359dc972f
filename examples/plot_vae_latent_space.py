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

X, y = load_digits(return_X_y=True)
plane = VAETransformer(2, random_state=0).fit(X)
walk = plane.traverse((1, 0), norm.ppf(np.linspace(0.03, 0.97, 10)))

# %%
# Samples: from the prior of a wider model, from a mixture over its codes, and class by class.
wide = VAETransformer(16, latent_density="gmm", random_state=0).fit(X)
from_mixture = wide.sample(100, random_state=0)
wide.set_params(latent_density="prior", warm_start=True, max_iter=0).fit(X)
from_prior = wide.sample(100, random_state=0)
told = VAETransformer(8, conditional=True, random_state=0).fit(X, y)
by_class = np.vstack([told.sample(10, random_state=digit, y=digit) for digit in told.classes_])


# %%
# Each grid of ten times ten images as one picture.
def mosaic(images):
    """Put 100 digits side by side, with a margin around each."""
    images = np.pad(images.reshape(10, 10, 8, 8), [(0, 0), (0, 0), (1, 1), (1, 1)])
    return images.transpose(0, 2, 1, 3).reshape(100, 100)


pictures = {
    "Two components: the walk": walk,
    "16 components: the prior": from_prior,
    "16 components: a mixture": from_mixture,
    "8 components, told the class": by_class,
}
_, axes = plt.subplots(1, 4, figsize=(13, 3.6), layout="constrained")
for ax, (title, images) in zip(axes, pictures.items(), strict=True):
    ax.imshow(mosaic(images), cmap="gray_r", vmin=0, vmax=16)
    ax.set(title=title, xticks=[], yticks=[])
plt.savefig("vae_latent_space.png", dpi=120)

# %%
# How much each of the two components tells, in nats.
print("divergence from the prior:", plane.kl_per_component_.round(2))
print("mean log-likelihood per digit:", round(plane.score(X), 1), "nats")
