"""The network that deforms a labelled atlas to images, and also labels their pixels directly."""

from dataclasses import dataclass
from math import prod
from typing import NamedTuple, cast

import torch
from torch import Generator, Tensor, nn

from skae.networks import Architecture, AroundFilter, UNetArchitecture
from skae.registration._atlas_network import AtlasArchitecture, AtlasAutoencoder, DeformedAtlas
from skae.registration._fields import sample_at


class SegmentedOutputs(NamedTuple):
    """The network's outputs for a batch of images.

    Attributes
    ----------
    x : Tensor of shape (n, n_features)
        The input.
    code : Tensor of shape (n, n_components + n_pose)
        Shape, followed by pose.
    raw : Tensor of shape (n, n_features)
        The deformed atlas.
    displacement : Tensor of shape (n, n_dims, *sizes)
        Displacement from the image to the atlas, in pixels.
    energy : Tensor of shape (n,)
        ``<v, L v>`` of the shape's velocity, per pixel, in squared pixels.
    logits : Tensor of shape (n, n_classes, *sizes)
        Logits of the classes by the pixelwise network.
    atlas_logits : Tensor of shape (n, n_classes, *sizes)
        Logits of the deformed atlas.
    places : Tensor of shape (n, 1, *sizes)
        The indices of the true classes.
    """

    x: Tensor
    code: Tensor
    raw: Tensor
    displacement: Tensor
    energy: Tensor
    logits: Tensor
    atlas_logits: Tensor
    places: Tensor


class AtlasSegmentation(nn.Module):
    """Deform an atlas and its labels to images, and label their pixels without the atlas.

    The atlas has logits of the classes for every pixel: the sum of a fixed part, set by
    `set_base_`, and of a learned change, which is zero at the start.

    Parameters
    ----------
    autoencoder : AtlasAutoencoder
    pixelwise : AroundFilter
        Maps images to logits.
    """

    outputs = SegmentedOutputs
    base: Tensor

    def __init__(self, autoencoder: AtlasAutoencoder, pixelwise: AroundFilter) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        self.pixelwise = pixelwise
        n_classes, sizes = len(pixelwise.bias), self.decoder.layout.spatial
        logits = torch.zeros(1, n_classes, *sizes, dtype=torch.float64)
        self.register_buffer("base", logits)
        self.change = nn.Parameter(logits.clone())

    @property
    def encoder(self) -> nn.Module:
        """From rows to codes."""
        return self.autoencoder.encoder

    @property
    def decoder(self) -> DeformedAtlas:
        """The atlas, which codes deform."""
        return self.autoencoder.decoder

    @property
    def labels(self) -> Tensor:
        """Logits of the atlas, shape (1, n_classes, *sizes)."""
        return self.base + self.change

    def set_base_(self, logits: Tensor) -> None:
        """Set the fixed part of the atlas's logits, shape (1, n_classes, *sizes)."""
        self.base.copy_(logits)

    def forward(self, x: Tensor, places: Tensor) -> SegmentedOutputs:
        """Return deformations and logits; `places`, shape (n, n_pixels), are passed on to terms."""
        found = self.autoencoder(x)
        # losses are computed in the input's precision, also where networks work in half precision
        logits = self.find_logits(x).to(x.dtype)
        points = found.displacement + self.decoder.grid()
        atlas_logits = self.draw_labels(points)
        # (n, n_pixels) -> (n, 1, *sizes), as pixelwise losses take targets
        places = places.view(-1, 1, *self.decoder.layout.spatial)
        labelling = {"logits": logits, "atlas_logits": atlas_logits, "places": places}
        return SegmentedOutputs(**found._asdict(), **labelling)

    def find_logits(self, x: Tensor) -> Tensor:
        """Return the pixelwise network's logits for rows, shape (n, n_classes, *sizes)."""
        return self.pixelwise(self.decoder.layout.unflatten(x)).raw

    def draw_labels(self, points: Tensor) -> Tensor:
        """Return the atlas's logits at points, shape (n, n_classes, *sizes)."""
        labels = self.labels  # one atlas for all rows: (1, n_classes, *sizes) is expanded
        return sample_at(labels.expand(len(points), *labels.shape[1:]), points)


@dataclass(frozen=True)
class AtlasSegmenterArchitecture(Architecture):
    """The plan from which the network is built; plain values only.

    Attributes
    ----------
    atlas : AtlasArchitecture
        Plan of the network that deforms the atlas.
    pixelwise : UNetArchitecture
        Plan of the network that labels pixels without the atlas; it has a filter.
    """

    atlas: AtlasArchitecture
    pixelwise: UNetArchitecture

    @property
    def sizes(self) -> tuple[int, ...]:
        """Widths from the data to the code."""
        n_features, n_widest, n_codes = self.atlas.sizes
        n_maps = self.pixelwise.entries_per_pixel * prod(self.atlas.layout.spatial)
        return n_features, max(n_widest, n_maps), n_codes

    @property
    def entries_per_batch(self) -> int:
        """Entries of rows that are best applied to at once, as for the atlas alone."""
        return self.atlas.entries_per_batch

    @property
    def n_unrolled(self) -> int:
        """Copies of its input that a layer makes in float64, where torch unrolls convolutions."""
        return max(self.atlas.n_unrolled, self.pixelwise.n_unrolled)

    @property
    def n_weights(self) -> int:
        """Number of weights the network has at least, if no size is 0."""
        n_logits = self.pixelwise.n_channels_out * prod(self.atlas.layout.spatial)
        return self.atlas.n_weights + self.pixelwise.n_weights + n_logits

    def build(self, generator: Generator) -> AtlasSegmentation:
        """Return the network in float64; it deforms nothing, and all its logits are zero."""
        # the plan of an AtlasSegmenter always has a filter
        pixelwise = cast(AroundFilter, self.pixelwise.build(generator))
        return AtlasSegmentation(self.atlas.build(generator), pixelwise)
