"""The plan of fully connected autoencoders."""

from dataclasses import dataclass, replace

from torch import Generator, nn

from skae.networks._activations import ACTIVATIONS
from skae.networks._architecture import Architecture
from skae.networks._autoencoder import Autoencoder
from skae.networks._dense import Dense, Mirrored
from skae.networks._linear_start import AroundLinear
from skae.networks._ordered import OrderedAutoencoder, PrefixDecoder


@dataclass(frozen=True)
class DenseArchitecture(Architecture):
    """The plan of a fully connected autoencoder.

    Attributes
    ----------
    sizes : tuple of int
        Number of features, widths of the encoder's hidden layers, number of components.
    activation : str
    tied_weights : bool
        Whether the decoder uses the encoder's weights, transposed.
    linear_start : bool
        Whether both networks learn around an affine map.
    ordered : bool, default=False
        Whether prefixes of codes can be decoded; not with tied weights.
    """

    sizes: tuple[int, ...]
    activation: str
    tied_weights: bool
    linear_start: bool
    ordered: bool = False

    def narrowed(self, n_components: int) -> "DenseArchitecture":
        """Return the plan with fewer components."""
        return replace(self, sizes=(*self.sizes[:-1], n_components))

    def build(self, generator: Generator) -> Autoencoder | OrderedAutoencoder:
        """Return the autoencoder in float64; its affine maps, if any, are zero."""
        encoder, decoder = self._build_networks(generator)
        n_features, n_components = self.sizes[0], self.sizes[-1]
        if self.linear_start:
            encoder = AroundLinear(n_features, n_components, encoder)
            decoder = AroundLinear(self._n_decoder_inputs, n_features, decoder)
        if self.ordered:
            return OrderedAutoencoder(encoder, PrefixDecoder(decoder), n_components)
        return Autoencoder(encoder, decoder)

    @property
    def _n_decoder_inputs(self) -> int:
        return self.sizes[-1] * (2 if self.ordered else 1)

    def _build_networks(self, generator: Generator) -> tuple[nn.Module, nn.Module]:
        """Return encoder and decoder, which return 0 if there is a linear start."""
        activation = ACTIVATIONS[self.activation]
        encoder = Dense(self.sizes, activation, generator)
        if self.tied_weights:
            # The encoder's first layer is the decoder's last. If the encoder's last layer were
            # zero instead, both networks would be linear in it at the start, where PCA leaves no
            # gradient.
            mirrored = Mirrored(encoder)
            if self.linear_start:
                encoder.zero_(0)
            return encoder, mirrored
        # the same widths in reverse
        sizes = self._n_decoder_inputs, *self.sizes[-2::-1]
        decoder = Dense(sizes, activation, generator)
        if self.linear_start:
            encoder.zero_(-1)
            decoder.zero_(-1)
        return encoder, decoder
