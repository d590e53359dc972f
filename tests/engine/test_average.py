"""Averages of weights."""

import pytest
import torch

from skae.engine import SCHEDULES, Batch, GradientStep
from skae.engine._average import Average
from skae.networks import Dense


def test_the_first_states_have_their_plain_mean():
    values = torch.zeros(2)
    average = Average(values, 10)
    for i in range(1, 11):
        values.fill_(i)
        average.update()
        torch.testing.assert_close(average.mean, torch.full((2,), sum(range(1, i + 1)) / i))


def test_old_states_are_forgotten():
    values = torch.zeros(1)
    average = Average(values, 5)
    average.update()
    values.fill_(1.0)
    for _ in range(5):
        average.update()
    # n_updates later, about 1 / e of them is left
    assert average.mean.item() == pytest.approx(0.75, abs=0.1)


def test_the_mean_is_shown_for_a_while():
    values = torch.zeros(1)
    average = Average(values, 2)
    average.update()
    values.fill_(1.0)
    average.update()
    with average.shown():
        assert values.item() == 0.5
    assert values.item() == 1.0
    with pytest.raises(KeyError), average.shown():
        raise KeyError
    assert values.item() == 1.0


class TestAveragedSteps:
    N_UPDATES = 40

    @staticmethod
    def _step(name):
        generator = torch.Generator().manual_seed(0)
        network = Dense((3, 5, 1), torch.nn.SiLU, generator)
        x = torch.randn(23, 3, generator=generator, dtype=torch.float64)
        batch = Batch((x,), x[:, :1].square())
        objective = lambda raw, target: {"loss": (raw - target).square().mean(1)}  # noqa: E731
        schedule = SCHEDULES[name](TestAveragedSteps.N_UPDATES)
        return GradientStep(network, objective, 0.02, schedule), batch

    def test_what_is_kept_is_the_mean_of_the_last_weights(self):
        plain, batch = self._step("constant")
        averaged, _ = self._step("averaged")
        states = []
        for update in range(6):
            torch.testing.assert_close(averaged.update(batch), plain.update(batch))
            states.append(plain.state())
            if update == 3:
                # a tenth of the updates: the plain mean of all so far
                for mine, *others in zip(averaged.state(), *states, strict=True):
                    torch.testing.assert_close(mine, torch.stack(others).mean(0))
        assert averaged.evaluate(batch)["loss"].mean() > plain.evaluate(batch)["loss"].mean()

    def test_restored_weights_are_measured(self):
        step, batch = self._step("averaged")
        start, loss = step.state(), step.evaluate(batch)["loss"]
        for _ in range(5):
            step.update(batch)
        step.restore(start)
        torch.testing.assert_close(step.evaluate(batch)["loss"], loss)
        torch.testing.assert_close(step.state(), start)
