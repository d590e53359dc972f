"""The network that reconstructs images as deformations of an atlas."""

from dataclasses import dataclass
from math import ceil, prod
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from skae.networks import Architecture, ConvArchitecture, ImageLayout
from skae.networks._convolutional import ConvEncoder
from skae.registration._fields import exp_velocity, identity_grid, sample_at
from skae.registration._geodesics import shoot
from skae.registration._metric import Metric
from skae.registration._poses import affinely_moved, pose_size
from skae.registration._splines import apply_along_axes, count_controls, spline_matrix

MAX_POSE = 1.5
"""Largest entry of an encoded pose, so that training cannot move an image out of sight."""
POSE_SCALE = 0.1
"""Factor of the encoder's output for poses, since each update moves whole images."""
N_SQUARINGS = 6
N_STEPS = 5


class AtlasOutputs(NamedTuple):
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
    """

    x: Tensor
    code: Tensor
    raw: Tensor
    displacement: Tensor
    energy: Tensor


class PosedEncoder(nn.Module):
    """Finds the pose of an image, undoes it, and finds the shape. In float64.

    Parameters
    ----------
    plan : AtlasArchitecture
    generator : torch.Generator
        Draws the weights.
    """

    def __init__(self, plan: "AtlasArchitecture", generator: Generator) -> None:
        super().__init__()
        self.layout = plan.layout
        self.pose = ConvEncoder(plan.encoder_plan(plan.n_pose), generator)
        self.shape = ConvEncoder(plan.encoder_plan(plan.n_components), generator)
        nn.init.zeros_(self.pose.output.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return shape and pose of rows, shape (n, n_components + n_pose)."""
        pose = MAX_POSE * torch.tanh(POSE_SCALE / MAX_POSE * self.pose(x))
        # positions must not be rounded where networks work in half precision
        with torch.autocast(x.device.type, enabled=False):
            # (n, n_features) -> (n, n_channels, *sizes)
            images, pose = self.layout.unflatten(x), pose.to(x.dtype)
            grid = identity_grid(self.layout.spatial, x)[None]
            straight = sample_at(images, affinely_moved(grid, -pose, self.layout.spatial))
        shape = self.shape(self.layout.flatten(straight))
        return torch.cat([shape.to(x.dtype), pose], 1)


class DeformedAtlas(nn.Module):
    """An atlas, or one of several atlases, that is deformed by codes.

    The code of a shape is mapped linearly to the control points of a velocity field, whose flow psi
    is the deformation; a pose is an affine map A. The value of an image at x is the value of the
    atlas at ``psi(A(x))``. The atlas is the sum of a fixed image, set by `set_base_`, and of a
    learned change. At the start, the change and all velocities are zero. With several atlases, the
    last numbers of a code are indicators, the largest of which chooses the atlas.

    Flows are computed on a grid around the image, at every `step` pixels.

    Parameters
    ----------
    plan : AtlasArchitecture
    """

    base: Tensor

    def __init__(self, plan: "AtlasArchitecture") -> None:
        super().__init__()
        self.plan = plan
        self.layout = plan.layout
        sizes, n_channels = plan.layout.spatial, plan.layout.n_channels
        images = torch.zeros(plan.n_atlases, n_channels, *sizes, dtype=torch.float64)
        self.register_buffer("base", images)
        self.change = nn.Parameter(images.clone())
        n_controls = len(sizes) * prod(plan.control_sizes)
        weight = torch.zeros(n_controls, plan.n_components, dtype=torch.float64)
        self.weight = nn.Parameter(weight)

    @property
    def atlas(self) -> Tensor:
        """The atlases, shape (n_atlases, n_channels, *sizes)."""
        return self.base + self.change

    def set_base_(self, images: Tensor) -> None:
        """Set the fixed part of the atlases, shape (n_atlases or 1, n_channels, *sizes)."""
        self.base.copy_(images)

    def forward(self, code: Tensor) -> Tensor:
        """Return the images of codes as rows."""
        return self.draw(code, self.find_points(code))

    def draw(self, code: Tensor, points: Tensor) -> Tensor:
        """Return rows with the values, at some points, of the atlases that codes choose."""
        atlas = self.atlas  # (n_atlases, n_channels, *sizes), and one for each row after the choice
        if self.plan.n_indicators:
            atlas = atlas[self.find_places(code)]
        return self.layout.flatten(sample_at(atlas.expand(len(points), *atlas.shape[1:]), points))

    def find_places(self, code: Tensor) -> Tensor:
        """Return the index of the atlas that each code chooses, shape (n,), of int."""
        return code[:, self.plan.n_components + self.plan.n_pose :].argmax(1)

    def grid(self) -> Tensor:
        """Return all pixels, shape (1, n_dims, *sizes)."""
        return identity_grid(self.layout.spatial, self.base)[None]

    def find_points(self, code: Tensor, points: Tensor | None = None, step: int = 1) -> Tensor:
        """Return the places in the atlas for points of images.

        Parameters
        ----------
        code : Tensor of shape (n, n_components + n_pose + n_indicators)
        points : Tensor of shape (n or 1, n_dims, *sizes), default=None
            Points in pixels; None for all pixels.
        step : int, default=1
            Pixels between the points of the grid on which the flow is computed.
        """
        points = self.grid() if points is None else points
        return self.flow(self.find_velocity(code, step), self.move(code, points, 1), step)

    def find_points_back(self, code: Tensor, points: Tensor | None = None, step: int = 1) -> Tensor:
        """Return the places in images for points of the atlas."""
        points = self.grid() if points is None else points
        # the inverses in reverse order: first of the deformation, then of the pose
        velocity = self._reverse(self.find_velocity(code, step), step)
        return self.move(code, self.flow(velocity, points, step), -1)

    def find_velocity(self, code: Tensor, step: int) -> Tensor:
        """Return the velocities of shapes in pixels, shape (n, n_dims, *grid_sizes)."""
        # (n, n_components) -> (n, n_dims * prod(control_sizes))
        controls = code[:, : self.plan.n_components] @ self.weight.T
        sizes = self.plan.control_sizes
        matrices = []
        for n_controls, n_points in zip(sizes, self.plan.grid_sizes(step), strict=True):
            # the grid begins one margin before the first pixel
            positions = torch.arange(n_points).to(code) * step - self.plan.margin
            matrices.append(spline_matrix(positions, n_controls, self.plan.spacing))
        return apply_along_axes(matrices, controls.unflatten(1, (len(sizes), *sizes)))

    def find_energy(self, velocity: Tensor, step: int) -> Tensor:
        """Return ``<v, L v>``, summed over the pixels and divided by their number; shape (n,)."""
        # each point of the grid stands for step**n_dims pixels
        n_per_point = step ** len(self.layout.spatial) / prod(self.layout.spatial)
        return self.plan.metric(step).energy(velocity) * n_per_point

    def flow(self, velocity: Tensor, points: Tensor, step: int) -> Tensor:
        """Return the points after the flow of a velocity."""
        # on the grid, the unit of length is a step
        if self.plan.integrator == "svf":
            field = exp_velocity(velocity / step, N_SQUARINGS)
        else:
            field = shoot(velocity / step, self.plan.metric(step), N_STEPS).displacement
        points = points.expand(len(field), *points.shape[1:])
        return points + step * sample_at(field, (points + self.plan.margin) / step)

    def move(self, code: Tensor, points: Tensor, sign: int) -> Tensor:
        """Return the points after the affine maps of poses, or after their inverses (-1)."""
        if not self.plan.n_pose:
            return points
        # the pose follows the shape, and comes before the indicators
        pose = code[:, self.plan.n_components :][:, : self.plan.n_pose]
        return affinely_moved(points, sign * pose, self.layout.spatial)

    def _reverse(self, velocity: Tensor, step: int) -> Tensor:
        """Return the velocity of the inverse deformation."""
        if self.plan.integrator == "svf":
            return -velocity
        # the geodesic back starts with the negative of the final velocity
        return -step * shoot(velocity / step, self.plan.metric(step), N_STEPS).velocity


class AtlasAutoencoder(nn.Module):
    """Encode images, and deform the atlas to them.

    Parameters
    ----------
    encoder : nn.Module
    decoder : DeformedAtlas
    """

    outputs = AtlasOutputs

    def __init__(self, encoder: nn.Module, decoder: DeformedAtlas) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, x: Tensor) -> AtlasOutputs:
        """Return codes, reconstructions and deformations."""
        return self.deform(x, self.encoder(x))

    def deform(self, x: Tensor, code: Tensor) -> AtlasOutputs:
        """Return the outputs for rows whose codes are known."""
        # as in the encoder, positions must not be rounded
        with torch.autocast(x.device.type, enabled=False):
            code, decoder, step = code.to(x.dtype), self.decoder, self.decoder.plan.step
            velocity = decoder.find_velocity(code, step)
            points = decoder.flow(velocity, decoder.move(code, decoder.grid(), 1), step)
            energy = decoder.find_energy(velocity, step)
            return AtlasOutputs(
                x, code, decoder.draw(code, points), points - decoder.grid(), energy
            )


@dataclass(frozen=True)
class AtlasArchitecture(Architecture):
    """The plan from which the network is built; plain values only.

    Attributes
    ----------
    layout : ImageLayout
        The layout of an image in a row, with two or three sizes.
    hidden_channels : tuple of int
        Channels of the encoder's convolutions, each of which halves the sizes.
    n_components : int
        Width of the code of a shape.
    is_posed : bool
        Whether an affine map comes before the deformation.
    integrator : {"svf", "epdiff"}
    spacing : int
        Pixels between the control points of velocities.
    alpha, gamma, power : float
        Parameters of the metric, in pixels.
    n_atlases : int
    """

    layout: ImageLayout
    hidden_channels: tuple[int, ...]
    n_components: int
    is_posed: bool
    integrator: str
    spacing: int
    alpha: float
    gamma: float
    power: float
    n_atlases: int = 1

    @property
    def n_pose(self) -> int:
        """Number of entries of a code that are its pose."""
        return pose_size(len(self.layout.spatial)) if self.is_posed else 0

    @property
    def n_indicators(self) -> int:
        """Number of entries of a code that choose its atlas."""
        return self.n_atlases if self.n_atlases > 1 else 0

    @property
    def step(self) -> int:
        """Pixels between the points at which flows are computed in training."""
        return max(1, self.spacing // 2)

    @property
    def margin(self) -> int:
        """Pixels before the image with which the grid begins; velocities are zero there."""
        return 2 * self.spacing

    def grid_sizes(self, step: int) -> tuple[int, ...]:
        """Return the numbers of points along every axis, margins included."""
        lengths = ((n - 1) * self.spacing + 2 * self.margin for n in self.control_sizes)
        return tuple(ceil(length / step) + 1 for length in lengths)

    @property
    def control_sizes(self) -> tuple[int, ...]:
        """Numbers of control points along every axis."""
        return tuple(count_controls(size, self.spacing) for size in self.layout.spatial)

    def metric(self, step: int) -> Metric:
        """Return the metric for fields whose unit of length is a step."""
        return Metric(self.alpha / step**2, self.gamma, self.power)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Widths from the data to the code."""
        n_widest = self.encoder_plan(1).sizes[1]
        # a displacement has n_dims entries for every pixel
        n_points = prod(self.layout.spatial) * len(self.layout.spatial)
        n_code = self.n_components + self.n_pose + self.n_indicators
        return prod(self.layout.shape), max(n_widest, n_points), n_code

    @property
    def entries_per_batch(self) -> int:
        """Entries of rows that are best applied to at once.

        More than for dense layers, since starting a convolution takes long.
        """
        return 2**20

    @property
    def n_unrolled(self) -> int:
        """Copies of its input that a layer makes in float64, where torch unrolls convolutions."""
        return self.encoder_plan(1).n_unrolled

    @property
    def n_weights(self) -> int:
        """Number of weights the network has at least, if no size is 0."""
        n_controls = len(self.layout.spatial) * prod(self.control_sizes)
        n_shape = self.encoder_plan(self.n_components).n_weights
        n_pose = self.encoder_plan(self.n_pose).n_weights if self.is_posed else 0
        n_atlases = self.n_atlases * prod(self.layout.shape)
        return n_atlases + n_controls * self.n_components + n_shape + n_pose

    def encoder_plan(self, n_outputs: int) -> ConvArchitecture:
        """Return the plan of a convolutional encoder with this number of outputs."""
        return ConvArchitecture(
            layout=self.layout,
            hidden_channels=self.hidden_channels,
            kernel_size=3,
            pooling="stride",
            n_components=n_outputs,
            activation="silu",
            linear_start=False,
        )

    def build(self, generator: Generator) -> AtlasAutoencoder:
        """Return the network in float64; it deforms nothing, and its atlas is zero."""
        encoder: nn.Module
        if self.is_posed:
            encoder = PosedEncoder(self, generator)
        else:
            encoder = ConvEncoder(self.encoder_plan(self.n_components), generator)
        return AtlasAutoencoder(encoder, DeformedAtlas(self))
