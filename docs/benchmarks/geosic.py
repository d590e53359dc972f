"""Classes of shapes under attack: GeoSICClassifier beside controls of equal size.

    python docs/benchmarks/geosic.py [--seeds 0 1 2] [--pose 1.0] [--max-iter 100]
        [--variants add concat shape_only per_class unposed control posed_control]

Images of `make_deformed_shapes`: three classes, 32 x 32 pixels, random pose (turned by any angle),
contrast of .3 and noise of .1; 400 to learn from and 300 others, which are attacked. In "per_class"
every class has an atlas; in "unposed" there is no affine map. The control has the same kinds of
encoders and the same classifier, loss and training, but a code is decoded to the difference from
the mean image by convolutions, instead of deforming an atlas; its layers are wider, for as many
weights in all. "posed_control" has the affine map of "add", too: the encoder finds the pose, undoes
it and looks at the shape, and what is decoded is moved back by the pose. Columns:

- weights: how many are learnt
- clean: accuracy
- Gaussian: with more noise, of standard deviation .1
- FGSM, PGD, universal: under these attacks, by at most 8/255; PGD has 7 steps, universal 20
- lost: share of the variance of the images that reconstructions lose

One thread. Prints a Markdown table.
"""

import argparse
import time
from dataclasses import fields, replace

import numpy as np
import torch
from torch import nn

from skae.datasets import make_deformed_shapes
from skae.metrics import adversarial_accuracy
from skae.networks._convolutional import ConvDecoder
from skae.registration import GeoSICClassifier
from skae.registration._atlas_network import AtlasOutputs, ConvEncoder, PosedEncoder
from skae.registration._classifier_network import (
    AtlasClassifier,
    AtlasClassifierArchitecture,
    FusedClassifier,
)
from skae.registration._fields import identity_grid, sample_at
from skae.registration._poses import affinely_moved

EPSILON = 8 / 255
DECODER_CHANNELS = (8, 8, 8, 8)
"""The decoder of the control then has about as many weights as atlas and velocities."""
VARIANTS = {
    "add": {},
    "concat": {"fusion": "concat"},
    "shape_only": {"fusion": "shape_only"},
    "per_class": {"per_class_atlas": True},
    "unposed": {"affine": False},
    "control": {"affine": False, "hidden_channels": (19, 39, 39, 39)},
    "posed_control": {},
}
CONTROLS = ("control", "posed_control")


class PlainDecoder(nn.Module):
    """The mean image, and what is decoded from codes, moved as their poses say."""

    def __init__(self, plan, generator):
        super().__init__()
        self.plan = plan
        self.layout = plan.layout
        shape = 1, plan.layout.n_channels, *plan.layout.spatial
        self.register_buffer("base", torch.zeros(shape, dtype=torch.float64))
        decoded = replace(plan.encoder_plan(plan.n_components), hidden_channels=DECODER_CHANNELS)
        self.change = ConvDecoder(decoded, generator)
        nn.init.zeros_(self.change.output.weight)

    @property
    def atlas(self):
        """The mean image."""
        return self.base

    def set_base_(self, image):
        """Set the mean image."""
        self.base.copy_(image)

    def find_points(self, code):
        """Return the places in what is decoded that belong to pixels."""
        grid = identity_grid(self.layout.spatial, code)[None].expand(len(code), -1, -1, -1)
        if not self.plan.n_pose:
            return grid
        return affinely_moved(grid, code[:, self.plan.n_components :], self.layout.spatial)

    def forward(self, code):
        """Return rows."""
        return self.draw(code, self.find_points(code))

    def draw(self, code, points):
        """Return rows with the values of what is decoded at points."""
        rows = self.layout.flatten(self.base) + self.change(code[:, : self.plan.n_components])
        return self.layout.flatten(sample_at(self.layout.unflatten(rows), points))


class PlainAutoencoder(nn.Module):
    """The same encoder, with a plain decoder; nothing is deformed but by the pose."""

    def __init__(self, plan, generator):
        super().__init__()
        if plan.is_posed:
            self.encoder = PosedEncoder(plan, generator)
        else:
            self.encoder = ConvEncoder(plan.encoder_plan(plan.n_components), generator)
        self.decoder = PlainDecoder(plan, generator)

    def deform(self, x, code):
        """Return codes and images."""
        points = self.decoder.find_points(code)
        displacement = points - identity_grid(self.decoder.layout.spatial, code)
        raw = self.decoder.draw(code, points)
        return AtlasOutputs(x, code, raw, displacement, torch.zeros_like(x[:, 0]))


class ControlArchitecture(AtlasClassifierArchitecture):
    """The plan of the control."""

    def build(self, generator):
        """Return the network in float64."""
        autoencoder = PlainAutoencoder(self.atlas, generator)
        return AtlasClassifier(autoencoder, FusedClassifier(self, generator))


class Control(GeoSICClassifier):
    """The same classifier without an atlas."""

    def _make_architecture(self, problem):
        plan = super()._make_architecture(problem)
        return ControlArchitecture(
            **{field.name: getattr(plan, field.name) for field in fields(plan)}
        )


def measure(name, seed, pose, max_iter):
    """Print the row of a variant."""
    shapes = make_deformed_shapes(700, random_pose=pose, contrast=0.3, noise=0.1, random_state=seed)
    X, X_new = np.split(shapes.images, [400])
    y, y_new = np.split(shapes.target, [400])
    start = time.process_time()
    cls = Control if name in CONTROLS else GeoSICClassifier
    model = cls(**VARIANTS[name], max_iter=max_iter, random_state=seed, device="cpu").fit(X, y)
    elapsed = time.process_time() - start
    noise = np.random.default_rng(seed).normal(scale=0.1, size=X_new.shape)
    attacked = [
        adversarial_accuracy(
            model, X_new, y_new, attack=attack, epsilon=EPSILON, n_steps=n_steps, random_state=seed
        )
        for attack, n_steps in (("fgsm", 1), ("pgd", 7), ("universal", 20))
    ]
    lost = -model.score_samples(X_new).sum() / np.square(X_new - X_new.mean(axis=0)).sum()
    cells = [
        name,
        seed,
        sum(weights.numel() for weights in model.classifier_.parameters()),
        f"{model.score(X_new, y_new):.3f}",
        f"{model.score(X_new + noise, y_new):.3f}",
        *(f"{accuracy:.3f}" for accuracy in attacked),
        f"{lost:.3f}",
        f"{elapsed:.0f}",
        f"{model.best_iter_} of {model.n_iter_}",
    ]
    print("|", " | ".join(map(str, cells)), "|", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--variants", choices=VARIANTS, nargs="+", default=list(VARIANTS))
    parser.add_argument("--pose", type=float, default=1.0)
    parser.add_argument("--max-iter", type=int, default=100)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(
        "| variant | seed | weights | clean | Gaussian | FGSM | PGD | universal | lost | CPU s "
        "| epoch |\n|" + "---|" * 11
    )
    for seed in arguments.seeds:
        for name in arguments.variants:
            measure(name, seed, arguments.pose, arguments.max_iter)
