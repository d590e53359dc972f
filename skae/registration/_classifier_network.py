"""The network that deforms atlases to images, and classifies them by their deformations."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional
from torch.nn.utils import skip_init

from skae.networks import Architecture
from skae.networks._convolutional import ConvEncoder
from skae.registration._atlas_network import AtlasArchitecture, AtlasAutoencoder, DeformedAtlas

FUSIONS = ("add", "concat", "shape_only")


class ClassifiedOutputs(NamedTuple):
    """The network's outputs for a batch of images.

    Attributes
    ----------
    x : Tensor of shape (n, n_features)
        The input.
    code : Tensor of shape (n, n_components + n_pose + n_indicators)
        Shape, followed by pose and atlas.
    raw : Tensor of shape (n, n_features)
        The deformed atlas.
    displacement : Tensor of shape (n, n_dims, *sizes)
        Displacement from the image to the atlas, in pixels.
    energy : Tensor of shape (n,)
        ``<v, L v>`` of the shape's velocity, per pixel, in squared pixels.
    logits : Tensor of shape (n, n_classes)
    places : Tensor of shape (n,), of int
        The indices of the true classes.
    """

    x: Tensor
    code: Tensor
    raw: Tensor
    displacement: Tensor
    energy: Tensor
    logits: Tensor
    places: Tensor


class FusedClassifier(nn.Module):
    """Predicts classes from features of the shape and of the image. In float64.

    The weights of its last layer are zero at the start; its bias is set by the start.

    Parameters
    ----------
    plan : AtlasClassifierArchitecture
    generator : torch.Generator
        Draws the weights.
    """

    def __init__(self, plan: "AtlasClassifierArchitecture", generator: Generator) -> None:
        super().__init__()
        self.fusion = plan.fusion
        self.n_components, width = plan.atlas.n_components, plan.n_features
        self.shape = skip_init(nn.Linear, self.n_components, width, dtype=torch.float64)
        with torch.no_grad():
            self.shape.weight.normal_(0.0, self.n_components**-0.5, generator=generator)
            self.shape.bias.zero_()
        self.image: Any = None
        if plan.fusion != "shape_only":
            self.image = ConvEncoder(plan.atlas.encoder_plan(width), generator)
        n_fused = 2 * width if plan.fusion == "concat" else width
        self.output = skip_init(nn.Linear, n_fused, plan.n_classes, dtype=torch.float64)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """Return the logits of rows with these codes, shape (n, n_classes)."""
        # without the pose, which does not belong to the shape
        features = self.shape(code[:, : self.n_components])
        if self.fusion == "add":
            features = features + self.image(x)
        elif self.fusion == "concat":
            features = torch.cat([features, self.image(x)], 1)
        return self.output(functional.silu(features))


class AtlasClassifier(nn.Module):
    """Encode images, deform the atlas to them, and predict their classes.

    If every class has an atlas, the network deforms that of the true class in training, and that of
    the predicted class afterwards.

    Parameters
    ----------
    autoencoder : AtlasAutoencoder
    classifier : FusedClassifier
    """

    outputs = ClassifiedOutputs

    def __init__(self, autoencoder: AtlasAutoencoder, classifier: FusedClassifier) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        self.classifier = classifier

    @property
    def encoder(self) -> nn.Module:
        """From rows to codes, which hold the predicted class if every class has an atlas."""
        encoder = self.autoencoder.encoder
        is_told = self.decoder.plan.n_indicators > 0
        return EncoderOfClasses(encoder, self.classifier) if is_told else encoder

    @property
    def decoder(self) -> DeformedAtlas:
        """The atlases, which codes deform."""
        return self.autoencoder.decoder

    def forward(self, x: Tensor, indicators: Tensor) -> ClassifiedOutputs:
        """Return deformations and logits of rows, given their classes, shape (n, n_classes)."""
        code = self.autoencoder.encoder(x).to(x.dtype)
        logits = self.classifier(x, code).to(x.dtype)
        if self.decoder.plan.n_indicators:
            # the true class chooses the atlas: (n, n_components + n_pose + n_classes)
            code = torch.cat([code, indicators], 1)
        found = self.autoencoder.deform(x, code)
        return ClassifiedOutputs(**found._asdict(), logits=logits, places=indicators.argmax(1))

    def find_logits(self, x: Tensor) -> Tensor:
        """Return the logits of rows, shape (n, n_classes)."""
        return self.classifier(x, self.autoencoder.encoder(x))


class EncoderOfClasses(nn.Module):
    """Encodes the shape, the pose and the predicted class of images.

    Parameters
    ----------
    encoder : nn.Module
    classifier : FusedClassifier
    """

    def __init__(self, encoder: nn.Module, classifier: FusedClassifier) -> None:
        super().__init__()
        self.encoder = encoder
        self.classifier = classifier

    def forward(self, x: Tensor) -> Tensor:
        """Return shape, pose and the indicators of the most probable class of rows."""
        code = self.encoder(x)
        logits = self.classifier(x, code)
        # an atlas is chosen, not mixed: 1 for the predicted class, 0 for all others
        indicators = functional.one_hot(logits.argmax(1), logits.shape[1])
        return torch.cat([code, indicators.to(code.dtype)], 1)


class LogitsOnly(nn.Module):
    """An `AtlasClassifier` whose output is its logits alone.

    Parameters
    ----------
    network : AtlasClassifier
    """

    def __init__(self, network: AtlasClassifier) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of rows, shape (n, n_classes)."""
        return self.network.find_logits(x)


@dataclass(frozen=True)
class AtlasClassifierArchitecture(Architecture):
    """The plan from which the network is built; plain values only.

    Attributes
    ----------
    atlas : AtlasArchitecture
        Plan of the network that deforms the atlas.
    fusion : {"add", "concat", "shape_only"}
        How features of the shape and of the image are fused.
    n_features : int
        Number of features of the shape, and of the image.
    n_classes : int
    """

    atlas: AtlasArchitecture
    fusion: str
    n_features: int
    n_classes: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """Widths from the data to the code."""
        return self.atlas.sizes

    @property
    def entries_per_batch(self) -> int:
        """Entries of rows that are best applied to at once, as without a classifier."""
        return self.atlas.entries_per_batch

    @property
    def n_unrolled(self) -> int:
        """Copies of its input that a layer makes in float64."""
        return self.atlas.n_unrolled

    @property
    def n_weights(self) -> int:
        """Number of weights the network has at least, if no size is 0."""
        n_head = self.n_features * (self.atlas.n_components + self.n_classes)
        is_image_seen = self.fusion != "shape_only"
        n_image = self.atlas.encoder_plan(self.n_features).n_weights if is_image_seen else 0
        return self.atlas.n_weights + n_head + n_image

    def build(self, generator: Generator) -> AtlasClassifier:
        """Return the network in float64; its deformations are the identity, its logits zero."""
        return AtlasClassifier(self.atlas.build(generator), FusedClassifier(self, generator))
