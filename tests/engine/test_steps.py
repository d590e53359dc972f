"""Steps, batches, schedules and corruptions."""

from copy import deepcopy

import pytest
import torch
from torch import Generator, nn

from skae.engine import (
    SCHEDULES,
    Batch,
    Batches,
    Gaussian,
    GradientStep,
    Masking,
    QuasiNewtonStep,
    SaltAndPepper,
)
from skae.networks import Dense


def _data(n=23):
    generator = Generator().manual_seed(0)
    return torch.randn(n, 3, generator=generator, dtype=torch.float64)


def _regression():
    """Least squares with a known solution, as a network and an objective."""
    network = nn.utils.skip_init(nn.Linear, 3, 1, dtype=torch.float64)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    x = _data()
    y = x @ torch.tensor([[1.0], [-2.0], [0.5]], dtype=torch.float64) + 3
    return network, Batch((x,), y)


def _two_layers():
    generator = Generator().manual_seed(0)
    return Dense((3, 5, 1), nn.SiLU, generator)


def _squares(outputs, target):
    return {"loss": (outputs - target).square().flatten(1).mean(1)}


def _products(outputs, target):
    return {"loss": outputs[:, 0]}


class TestSteps:
    def test_gradient_steps_are_adamws_whatever_the_parameters_lie_in(self):
        network, batch = _two_layers(), _regression()[1]
        reference = deepcopy(network)
        schedule = SCHEDULES["cosine"](20)
        step = GradientStep(network, _squares, 0.1, schedule, weight_decay=0.5)
        matrices = [p for p in reference.parameters() if p.ndim > 1]
        vectors = [p for p in reference.parameters() if p.ndim < 2]
        optimizer = torch.optim.AdamW(
            [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}], lr=0.1
        )
        optimizer.param_groups[0]["weight_decay"] = 0.5 / (0.1 * schedule.total)
        for update in range(20):
            for group in optimizer.param_groups:
                group["lr"] = 0.1 * schedule(update)
            optimizer.zero_grad()
            loss = _squares(reference(*batch.inputs), batch.target)["loss"]
            loss.mean().backward()
            optimizer.step()
            torch.testing.assert_close(step.update(batch)["loss"], loss.detach())
        for mine, other in zip(network.parameters(), reference.parameters(), strict=True):
            torch.testing.assert_close(mine, other)

    @pytest.mark.parametrize(("size", "moves"), [(1e-8, False), (1e-4, True)])
    def test_rounding_is_no_gradient_of_the_first_step(self, size, moves):
        network = nn.utils.skip_init(nn.Linear, 2, 1, bias=False)
        with torch.no_grad():
            network.weight.zero_()
        step = GradientStep(network, _products, 0.1, SCHEDULES["constant"](10))
        slopes = torch.tensor([[1.0, size]])
        step.update(Batch((slopes,), torch.zeros(1, 1)))
        first, second = network.weight.tolist()[0]
        assert first == pytest.approx(-0.1)
        assert (second != 0) == moves
        step.update(Batch((slopes,), torch.zeros(1, 1)))
        assert network.weight.tolist()[0][1] < -0.01

    def test_quasi_newton_solves_least_squares(self):
        network, batch = _regression()
        step = QuasiNewtonStep(network, _squares)
        first = step.update(batch)["loss"]
        torch.testing.assert_close(first, batch.target[:, 0].square())
        assert step.evaluate(batch)["loss"].max() < 1e-12

    @pytest.mark.parametrize("kind", ["gradient", "quasi-newton"])
    def test_evaluation_learns_nothing_and_states_are_copies(self, kind):
        network, batch = _regression()
        if kind == "gradient":
            step = GradientStep(network, _squares, 0.1, SCHEDULES["constant"](1))
        else:
            step = QuasiNewtonStep(network, _squares)
        before = step.state()
        start = step.evaluate(batch)["loss"]
        step.update(batch)
        assert step.evaluate(batch)["loss"].mean() < start.mean()
        step.restore(before)
        torch.testing.assert_close(step.evaluate(batch)["loss"], start)


class TestBatches:
    @pytest.mark.parametrize("batch_size", [1, 5, 7, 23, 100])
    @pytest.mark.parametrize("seed", [None, 0])
    def test_every_row_once_in_even_batches(self, batch_size, seed):
        x = _data()
        rows = torch.arange(2, 23)
        generator = None if seed is None else Generator().manual_seed(seed)
        batches = Batches((x,), x, rows, batch_size, generator)
        served = [batch.target.clone() for batch in batches]
        sizes = [len(target) for target in served]
        assert max(sizes) <= batch_size
        assert max(sizes) - min(sizes) <= 1
        together = torch.cat(served)
        assert together.shape == (21, 3)
        assert {tuple(row.tolist()) for row in together} == {tuple(row.tolist()) for row in x[2:]}

    def test_orders_differ_between_epochs_but_not_between_seeds(self):
        x = _data()

        def order(batches):
            return torch.cat([batch.target.clone() for batch in batches])

        first = Batches((x,), x, torch.arange(23), 5, Generator().manual_seed(0))
        second = Batches((x,), x, torch.arange(23), 5, Generator().manual_seed(0))
        one, two = order(first), order(first)
        assert not torch.equal(one, two)
        assert torch.equal(one, order(second))

    def test_batches_are_put_on_a_device(self):
        x, y = _data(), _data() + 1
        batches = Batches((x, y), y, torch.arange(23), 10, device=torch.device("meta"))
        for batch in batches:
            assert all(tensor.device.type == "meta" for tensor in batch.inputs)
            assert batch.target is batch.inputs[1]
            assert batch.target.shape[1:] == y.shape[1:]

    def test_a_shared_target_is_gathered_once(self):
        x, y = _data(), _data() + 1
        (batch,) = Batches((x,), x, torch.arange(23), 23)
        assert batch.target is batch.inputs[0]
        (batch,) = Batches((x, y), y, torch.arange(23), 23)
        assert batch.target is batch.inputs[1]
        (batch,) = Batches((x,), y, torch.arange(23), 23)
        torch.testing.assert_close(batch.target, batch.inputs[0] + 1)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_warm_up_to_one(name):
    schedule = SCHEDULES[name](200)
    factors = [schedule(update) for update in range(200)]
    assert factors[0] == pytest.approx(0.1)
    assert max(factors) == pytest.approx(1.0)
    assert factors[:10] == sorted(factors[:10])
    assert factors[-1] == pytest.approx(1.0 if name == "constant" else 0.0, abs=1e-12)
    assert schedule.total == pytest.approx(sum(factors))


def test_the_averaged_schedule_stays_high_for_half_of_the_training():
    schedule = SCHEDULES["averaged"](200)
    assert [schedule(update) for update in range(10, 105)] == [1.0] * 95
    assert schedule(110) < 1.0


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("n_updates", [0, 1, 2])
def test_schedules_of_hardly_any_updates(name, n_updates):
    schedule = SCHEDULES[name](n_updates)
    assert all(0 <= schedule(update) <= 1 for update in range(n_updates))


class TestCorruptions:
    X = torch.zeros(2000, 50) + 5.0

    def _corrupted(self, corruption):
        batch = Batch((self.X, self.X), self.X)
        noisy = corruption(batch)
        assert noisy.target is self.X
        assert noisy.inputs[1] is self.X
        assert not torch.equal(corruption(batch).inputs[0], noisy.inputs[0])
        return noisy.inputs[0]

    def test_gaussian(self):
        noise = self._corrupted(Gaussian(0.3, Generator().manual_seed(0))) - self.X
        assert noise.mean().abs() < 0.01
        assert noise.std() == pytest.approx(0.3, rel=0.01)

    def test_masking(self):
        value = torch.arange(50.0)
        value[5] = -1.0
        x = self._corrupted(Masking(0.2, Generator().manual_seed(0), value))
        changed = x != 5
        assert changed.float().mean() == pytest.approx(0.2, rel=0.02)
        assert torch.equal(x[changed], value.expand_as(x)[changed])

    def test_salt_and_pepper(self):
        low, high = torch.full((50,), -1.0), torch.full((50,), 9.0)
        x = self._corrupted(SaltAndPepper(0.4, Generator().manual_seed(0), low, high))
        for value in (-1.0, 9.0):
            assert (x == value).float().mean() == pytest.approx(0.2, rel=0.03)
        assert (x == 5).float().mean() == pytest.approx(0.6, rel=0.02)
