"""
Colours for grey photographs
============================

A network learns from parts of two photographs what colours belong to grey values and to what is
around them, and gives other parts their colours back. Lightness stays exactly as it is.
"""

# %%
# Two photographs are cut into 192 squares, of which a quarter is held out. Squares in colour will
# do: they are made grey for X. They are mirrored in training.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_sample_images
from sklearn.model_selection import train_test_split

from skae.image import ImageColorizer
from skae.metrics import ab_error, psnr

photographs = np.stack(load_sample_images().images)[:, :424, :636].astype(np.float32) / 255
squares = photographs.reshape(2, 8, 53, 12, 53, 3).swapaxes(2, 3).reshape(-1, 53, 53, 3)
train, test = train_test_split(squares, random_state=0)
colorizer = ImageColorizer(channels="last", batch_size=8, augment="flip", random_state=0).fit(train)
start = clone(colorizer).set_params(max_iter=0).fit(train)

# %%
# ``predict`` takes grey images, and coloured ones, which it makes grey first.
weights = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
results = {
    "grey": (test @ weights)[..., None].repeat(3, axis=3),
    "linear start": start.predict(test),
    "network": colorizer.predict(test),
    "true": test,
}

# %%
# With the mean peak signal-to-noise ratio, and the mean distance of colours in CIE Lab.
figure, axes = plt.subplots(4, 8, figsize=(12, 6.4), layout="constrained")
for row, (name, images) in zip(axes, results.items(), strict=True):
    for ax, image in zip(row, images, strict=False):
        ax.imshow(image)
        ax.set(xticks=[], yticks=[])
    if name != "true":
        quality = psnr(test, images, data_range=1)
        name += f"\n{quality:.1f} dB, ab {ab_error(test, images, channels='last'):.1f}"
    row[0].set_ylabel(name)
plt.savefig("colorize_photograph.png", dpi=120)
