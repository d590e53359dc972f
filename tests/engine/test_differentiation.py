"""Gradients that are written out, held to autograd in float64."""

from copy import deepcopy
from typing import NamedTuple

import pytest
import torch
from torch import Generator, Tensor, nn

from skae.engine import Batch
from skae.engine._differentiation import Autograd, WrittenOut, find_differentiation
from skae.networks import (
    ACTIVATIONS,
    ConvArchitecture,
    DenseArchitecture,
    ImageLayout,
    SparseArchitecture,
    VariationalArchitecture,
    _dense_pass,
)
from skae.objectives import (
    LOSSES,
    ActivationDivergence,
    ActiveCount,
    Bernoulli,
    Categorical,
    CodeLasso,
    ContinuousBernoulli,
    Contractive,
    DynamicBernoulli,
    ElasticNet,
    Gaussian,
    GaussianDiagonal,
    ImportanceWeightedBound,
    KullbackLeibler,
    NegativeBinomial,
    Objective,
    OverPrefixes,
    Poisson,
    ReconstructionLogLikelihood,
    Revival,
    SquaredError,
    StudentT,
    Term,
)

N, D, K = 9, 6, 3


def _generator():
    return Generator().manual_seed(0)


def _shake(network):
    """Give every parameter and buffer a value of no special kind."""
    generator = _generator()
    with torch.no_grad():
        for tensor in (*network.parameters(), *network.buffers()):
            tensor.add_(torch.randn(tensor.shape, generator=generator).to(tensor), alpha=0.5)
    return network


def _rows(*shape):
    return torch.rand(*shape, generator=_generator(), dtype=torch.float64)


@pytest.fixture(params=["new memory", "reused memory"], autouse=True)
def memory(request, monkeypatch):
    """Have results of layers put where the last ones lay, or not."""
    monkeypatch.setattr(_dense_pass, "LARGE", 0 if request.param == "reused memory" else 10**9)


def _parts(batch):
    """Return the batch, and then parts of it of several sizes."""
    return [batch, *batch.split(4), *batch.split(7)]


def _compare(network, make_objective, batch, weights=()):
    """Hold losses and gradients of the written-out way to those of autograd."""
    results = []
    for kind in (Autograd, find_differentiation):
        copy = deepcopy(network)
        for parameter in copy.parameters():
            parameter.grad = torch.ones_like(parameter)  # gradients are added
        differentiate = kind(copy, make_objective(copy))
        assert isinstance(differentiate, Autograd if kind is Autograd else WrittenOut)
        with torch.no_grad():
            parts = [differentiate(part, dict(weights)) for part in _parts(batch)]
        losses = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        assert not any(loss.requires_grad for loss in losses.values())
        results.append((losses, [parameter.grad for parameter in copy.parameters()]))
    (losses, gradients), (written_losses, written_gradients) = results
    assert losses.keys() == written_losses.keys()
    for name, loss in losses.items():
        torch.testing.assert_close(written_losses[name], loss, rtol=1e-12, atol=1e-12)
    assert any((gradient != 1).any() for gradient in gradients)
    for gradient, written in zip(gradients, written_gradients, strict=True):
        torch.testing.assert_close(written, gradient, rtol=1e-10, atol=1e-10)


class LassoOfCodes(CodeLasso):
    """On codes of any shape, by autograd."""

    def __call__(self, outputs, target):
        """Return the penalty of every row."""
        return self.strength * outputs.code.abs().flatten(1).sum(1)

    differentiate = Term.differentiate


class TestAutoencoders:
    @pytest.mark.thinned(2)
    @pytest.mark.parametrize("tied_weights", [False, True])
    @pytest.mark.parametrize("linear_start", [False, True])
    @pytest.mark.parametrize("hidden", [(), (5,), (7, 4)])
    @pytest.mark.parametrize("activation", ACTIVATIONS)
    def test_networks(self, activation, hidden, linear_start, tied_weights):
        architecture = DenseArchitecture((D, *hidden, K), activation, tied_weights, linear_start)
        x = _rows(N, D)
        _compare(
            _shake(architecture.build(_generator())),
            lambda network: Objective({"loss": SquaredError()}),
            Batch((x,), x),
        )

    @pytest.mark.thinned(2)
    @pytest.mark.parametrize("l1_ratio", [0.0, 0.3, 1.0])
    @pytest.mark.parametrize("loss", LOSSES)
    def test_losses_and_penalties(self, loss, l1_ratio):
        network = _shake(DenseArchitecture((D, 5, K), "silu", False, True).build(_generator()))

        def make_objective(network):
            weights = [p for p in network.parameters() if p.ndim > 1]
            return Objective({"loss": LOSSES[loss](), "alpha": ElasticNet(weights, 0.7, l1_ratio)})

        # the target is not the input, as with a corruption; errors are on both sides of 1
        batch = Batch((_rows(N, D) * 3,), _rows(N, D))
        _compare(network, make_objective, batch, {"alpha": 0.25})

    @pytest.mark.thinned(2)
    @pytest.mark.parametrize("n_lengths", [1, 3])
    @pytest.mark.parametrize("linear_start", [False, True])
    @pytest.mark.parametrize("hidden", [(), (5,), (7, 4)])
    @pytest.mark.parametrize("activation", ACTIVATIONS)
    def test_prefixes(self, activation, hidden, linear_start, n_lengths):
        plan = DenseArchitecture((D, *hidden, K), activation, False, linear_start, ordered=True)
        x = _rows(N, D)
        lengths = torch.randint(1, K + 1, (N, n_lengths), generator=_generator())
        _compare(
            _shake(plan.build(_generator())),
            lambda network: Objective({"loss": OverPrefixes(SquaredError())}),
            Batch((x, lengths), x),
        )

    @pytest.mark.parametrize("loss", LOSSES)
    def test_losses_of_prefixes(self, loss):
        plan = DenseArchitecture((D, 5, K), "silu", False, True, ordered=True)
        lengths = torch.randint(1, K + 1, (N, 2), generator=_generator())

        def make_objective(network):
            weights = [p for p in network.parameters() if p.ndim > 1]
            loss_term = OverPrefixes(LOSSES[loss]())
            return Objective({"loss": loss_term, "alpha": ElasticNet(weights, 0.7, 0.3)})

        batch = Batch((_rows(N, D) * 3, lengths), _rows(N, D))
        _compare(_shake(plan.build(_generator())), make_objective, batch, {"alpha": 0.25})

    @pytest.mark.parametrize("n_lengths", [1, 2])
    def test_a_term_on_the_codes_of_prefixes(self, n_lengths):
        plan = DenseArchitecture((D, 5, K), "silu", False, True, ordered=True)
        lengths = torch.randint(1, K + 1, (N, n_lengths), generator=_generator())
        x = _rows(N, D)
        terms = {"loss": OverPrefixes(SquaredError()), "lasso": CodeLasso(0.3)}
        network = _shake(plan.build(_generator()))
        _compare(network, lambda network: Objective(terms), Batch((x, lengths), x))

    def test_a_term_on_the_code(self):
        network = _shake(DenseArchitecture((D, 5, K), "silu", False, True).build(_generator()))
        x = _rows(N, D)
        terms = {"loss": SquaredError(), "lasso": CodeLasso(0.3)}
        _compare(network, lambda network: Objective(terms), Batch((x,), x))


LIKELIHOODS = {
    "gaussian": Gaussian(),
    "fixed": Gaussian(0.3),
    "gaussian_diagonal": GaussianDiagonal(),
    "student_t": StudentT(),
    "bernoulli": Bernoulli(),
    "dynamic_bernoulli": DynamicBernoulli(),
    "continuous_bernoulli": ContinuousBernoulli(),
    "categorical": Categorical((2,) * D),
    "poisson": Poisson(),
    "negative_binomial": NegativeBinomial(),
}


class TestVariational:
    @staticmethod
    def _network(likelihood, linear_start=True, n_classes=0):
        n_raw, n_shared = likelihood.n_raw(), likelihood.n_shared(D)
        architecture = VariationalArchitecture(
            (D, 5, K), "silu", linear_start, D, n_raw, n_shared, n_classes
        )
        return _shake(architecture.build(_generator()))

    @staticmethod
    def _batch(n_codes=1, n_classes=0):
        noise = torch.randn(N, n_codes, K, generator=_generator(), dtype=torch.float64)
        x = (_rows(N, D) > 0.5).double()
        if n_classes == 0:
            return Batch((x, noise), x)
        told = torch.eye(n_classes, dtype=torch.float64)[torch.arange(N) % n_classes]
        return Batch((x, noise, told), x)

    @staticmethod
    def _objective(likelihood, *kl):
        return lambda network: Objective(
            {"reconstruction": ReconstructionLogLikelihood(likelihood), "kl": KullbackLeibler(*kl)}
        )

    @pytest.mark.thinned(2)
    @pytest.mark.parametrize("n_codes", [1, 4])
    @pytest.mark.parametrize("n_classes", [0, 3])
    @pytest.mark.parametrize("linear_start", [False, True])
    @pytest.mark.parametrize("name", LIKELIHOODS)
    def test_likelihoods(self, name, linear_start, n_classes, n_codes):
        likelihood = LIKELIHOODS[name]
        network = self._network(likelihood, linear_start, n_classes)
        _compare(network, self._objective(likelihood), self._batch(n_codes, n_classes))

    @pytest.mark.parametrize("kl", [(0.5,), (2.0, 0.4), (1.0, 100.0)])
    def test_divergences(self, kl):
        objective = self._objective(LIKELIHOODS["gaussian"], *kl)
        network = self._network(LIKELIHOODS["gaussian"])
        _compare(network, objective, self._batch(), {"kl": 0.25})

    def test_terms_on_some_outputs_only(self):
        likelihood = LIKELIHOODS["gaussian"]
        network = self._network(likelihood)
        terms = {"loss": ReconstructionLogLikelihood(likelihood), "lasso": LassoOfCodes(0.3)}
        _compare(network, lambda network: Objective(terms), self._batch(3))
        del terms["lasso"]
        _compare(network, lambda network: Objective(terms), self._batch(3))

    def test_bounds_of_variances_stop_gradients(self):
        network = self._network(LIKELIHOODS["gaussian"])
        with torch.no_grad():
            network.encoder.bias[K] += 100
            network.encoder.bias[K + 1] -= 100
        _compare(network, self._objective(LIKELIHOODS["gaussian"]), self._batch())


class TestSparse:
    @staticmethod
    def _network(threshold="topk", n_steps=1):
        architecture = SparseArchitecture((D, 12), threshold, 3, n_steps)
        return _shake(architecture.build(_generator()))

    @staticmethod
    def _batch():
        x = 3 * _rows(N, D) - 1.5
        return Batch((x + 0.1,), x)

    @pytest.mark.parametrize("n_steps", [0, 1, 3])
    @pytest.mark.parametrize("threshold", ["topk", "relu"])
    def test_networks(self, threshold, n_steps):
        objective = Objective({"loss": SquaredError()})
        _compare(self._network(threshold, n_steps), lambda network: objective, self._batch())

    @pytest.mark.parametrize("penalty", [CodeLasso(0.3), ActivationDivergence(0.3, 0.1)])
    def test_penalties(self, penalty):
        objective = Objective({"loss": SquaredError(), "sparsity_weight": penalty})
        _compare(self._network("relu"), lambda network: objective, self._batch())

    @pytest.mark.parametrize("n_used", [1, 2, 50])
    def test_revival(self, n_used):
        def make_objective(network):
            revival = Revival(12, 0, n_used)
            revival.idle[::2] = 10**6
            return Objective({"loss": SquaredError(), "revival": revival})

        _compare(self._network(), make_objective, self._batch(), {"revival": 0.5})


class TestChoice:
    X = _rows(N, D)

    def _is_written(self, network, objective):
        for parameter in network.parameters():
            parameter.grad = torch.zeros_like(parameter)
        return isinstance(find_differentiation(network, objective), WrittenOut)

    def test_what_only_autograd_can_follow(self):
        loss = SquaredError()
        dense = DenseArchitecture((D, 5, K), "silu", False, True).build(_generator())
        assert self._is_written(dense, Objective({"loss": loss}))
        contractive = Contractive(dense.encoder, 1.0)
        assert not self._is_written(dense, Objective({"loss": loss, "contractive": contractive}))
        jump = SparseArchitecture((D, 12), "jumprelu", 3, 1).build(_generator())
        count = ActiveCount(0.1, jump.threshold.count)
        assert not self._is_written(jump, Objective({"loss": loss}))
        assert not self._is_written(jump, Objective({"loss": loss, "count": count}))
        likelihood = LIKELIHOODS["gaussian"]
        bound = ImportanceWeightedBound(likelihood)
        variational = TestVariational._network(likelihood)
        assert not self._is_written(variational, Objective({"bound": bound}))

    def test_modules_of_other_kinds(self):
        objective = Objective({"loss": SquaredError()})
        layout = ImageLayout((1, 4, 4), False)
        conv = ConvArchitecture(layout, (2,), 3, "stride", 2, "silu", True).build(_generator())
        assert not self._is_written(conv, objective)
        for linear_start in (False, True):
            dense = DenseArchitecture((D, 5, K), "silu", False, linear_start).build(_generator())
            inner = dense.encoder.network if linear_start else dense.encoder
            for activation in (nn.Softplus(), nn.ELU(2.0), nn.GELU("tanh"), nn.LeakyReLU(0.2)):
                inner.activation = activation
                assert not self._is_written(dense, objective)
            inner.activation = nn.ELU()
            assert self._is_written(dense, objective)

    def test_objectives_of_other_kinds(self):
        dense = DenseArchitecture((D, 5, K), "silu", False, True).build(_generator())
        assert not self._is_written(dense, lambda outputs, target: {"loss": outputs.raw.mean(1)})


class TestPrecision:
    @staticmethod
    def _loss(linear_start, precision):
        architecture = DenseArchitecture((D, 5, K), "silu", False, linear_start)
        network = architecture.build(_generator()).float()
        if linear_start:
            for part in (network.encoder, network.decoder):
                part.set_affine_(*(_rows(*b.shape) for b in (part.weight, part.bias, part.scale)))
        x = _rows(N, D).float()
        for parameter in network.parameters():
            parameter.grad = torch.zeros_like(parameter)
        objective = Objective({"loss": SquaredError()})
        differentiate = find_differentiation(network, objective, precision)
        with torch.no_grad():
            losses = differentiate(Batch((x,), x), {})["loss"]
        return losses, next(network.decoder.parameters()).grad

    def test_half_precision_is_autograds(self):
        losses, gradient = self._loss(False, torch.float32)
        half_losses, half_gradient = self._loss(False, torch.bfloat16)
        assert half_losses.dtype == half_gradient.dtype == torch.float32
        torch.testing.assert_close(half_losses, losses, rtol=0.05, atol=0.01)
        assert not torch.equal(half_losses, losses)
        torch.testing.assert_close(half_gradient, gradient, rtol=0.1, atol=0.02)

    def test_the_linear_optimum_is_not_rounded(self):
        losses, _ = self._loss(True, torch.float32)
        torch.testing.assert_close(self._loss(True, torch.bfloat16)[0], losses)

    def test_losses_are_not_rounded(self):
        """Outputs have three digits, but what is made of them is in single precision."""
        network = DenseArchitecture((D, 5, K), "silu", False, False).build(_generator()).float()
        x = _rows(N, D).float()
        seen = []

        def objective(outputs, target):
            seen.extend(output.dtype for output in outputs)
            return {"loss": (outputs.raw - target).square().mean(1)}

        with torch.no_grad():
            Autograd(network, objective, torch.bfloat16)(Batch((x,), x), {})
        assert set(seen) == {torch.float32}

    def test_numbers_of_classes_stay_whole(self):
        class Outputs(NamedTuple):
            raw: Tensor
            places: Tensor

        layer = nn.Linear(D, K)
        seen = []

        def objective(outputs, target):
            seen.extend(output.dtype for output in outputs)
            return {"loss": (outputs.raw - target).square().mean(1)}

        class Network(nn.Module):
            def forward(self, x):
                return Outputs(layer(x), x.argmax(1))

        batch = Batch((_rows(N, D).float(),), torch.zeros(N, K))
        Autograd(Network(), objective, torch.bfloat16)(batch, {})
        assert seen == [torch.float32, torch.int64]

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that torch can use")
    def test_gpus_use_half_precision_for_convolutions(self):
        layout = ImageLayout((1, 4, 4), False)
        conv = ConvArchitecture(layout, (2,), 3, "stride", 2, "silu", True).build(_generator())
        dense = DenseArchitecture((D, 5, K), "silu", False, True).build(_generator())
        expected = torch.bfloat16 if torch.cuda.is_bf16_supported(False) else torch.float32
        for network, precision in ((conv, expected), (dense, torch.float32)):
            network = network.float().cuda()
            assert find_differentiation(network, lambda *_: {}).precision == precision
