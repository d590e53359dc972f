"""Trainings without an estimator: of any problem by any recipe."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.decomposition import PCA
from torch import Generator, nn
from torch.nn.functional import softplus

from skae import AutoencoderTransformer
from skae.engine import SCHEDULES, Batches, Checkpoint, Peers
from skae.fitting import (
    Recipe,
    RecipeStep,
    StepOptions,
    Training,
    learn,
    learn_once,
    make_gradient_step,
)
from skae.fitting._learn import _make_learner
from skae.networks import DenseArchitecture
from skae.objectives import Objective, SquaredError, Term
from skae.rows import KnownUnits, Rows, TableRows, make_problem
from skae.starts import PCAStart

SIZES = (64, 32, 4)
TRAINING = Training(max_iter=3)


@pytest.fixture
def problem(digits):
    X = digits[:200]
    return make_problem(Rows(X, X), TableRows(), SquaredError(), np.random.RandomState(0))


def _dense(linear_start=False):
    return DenseArchitecture(SIZES, "silu", tied_weights=False, linear_start=linear_start)


def _only_loss(network, n_rows):
    return Objective({"loss": SquaredError()})


def test_it_is_the_fit_of_the_estimator_with_the_same_recipe(digits):
    X = digits[:200]
    random_state = np.random.RandomState(0)
    problem = make_problem(Rows(X, X), TableRows(), SquaredError(), random_state)
    start = PCAStart(problem)
    recipe = Recipe(_dense(linear_start=True), _only_loss, start, weight_decay=1.0)
    fitted = learn(problem, recipe, TRAINING, random_state)
    estimator = AutoencoderTransformer(4, hidden_layer_sizes=32, max_iter=3, random_state=0).fit(X)
    assert fitted.history.training == estimator.loss_curve_
    weights = estimator._network.module.state_dict()
    for name, value in fitted.network.module.state_dict().items():
        assert_array_equal(value, weights[name])


def test_the_start_at_pca_has_the_loss_of_pca(problem):
    recipe = Recipe(_dense(linear_start=True), _only_loss, PCAStart(problem))
    fitted = learn(problem, recipe, replace(TRAINING, max_iter=0), np.random.RandomState(0))
    rows = problem.units.enter(problem.target[problem.train])
    pca = PCA(4, svd_solver="full").fit(rows)
    error = np.square(rows - pca.inverse_transform(pca.transform(rows))).mean()
    assert fitted.history.training[0] == pytest.approx(error, rel=1e-5)


class Deceive(Term):
    """Codes that a critic takes for draws of the prior."""

    reads = ("code",)
    sees_outputs_only = True
    is_judged = False

    def __init__(self, critic):
        self.critic = critic

    def __call__(self, outputs, target):
        return softplus(-self.critic(outputs.code)[:, 0])


class AdversarialStep(RecipeStep):
    """A step of the critic, then one of the network."""

    def __init__(self, network, objective, options, critic, generator):
        super().__init__(network, objective, options)
        self.critic = critic
        self.generator = generator
        self.optimizer = torch.optim.Adam(critic.parameters(), 1e-2)

    def update(self, batch):
        with torch.no_grad():
            code = self.network(*batch.inputs).code
        prior = torch.randn(code.shape, generator=self.generator)
        with torch.enable_grad():
            self.optimizer.zero_grad()
            (softplus(-self.critic(prior)) + softplus(self.critic(code))).mean().backward()
        self.optimizer.step()
        return super().update(batch)

    def state_dict(self):
        own = {
            "critic": self.critic.state_dict(),
            "critic_optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
        }
        return super().state_dict() | own

    def load_state_dict(self, state):
        super().load_state_dict(state)
        self.critic.load_state_dict(state["critic"])
        self.optimizer.load_state_dict(state["critic_optimizer"])
        self.generator.set_state(state["generator"])


def _make_critic(network, n_rows):
    critic = nn.Linear(SIZES[-1], 1)
    with torch.no_grad():
        critic.weight.fill_(0.1)
        critic.bias.zero_()
    return Objective({"loss": SquaredError(), "adversary": Deceive(critic)})


@dataclass
class MakeAdversarialStep:
    """Remembers the critics of the steps that it makes."""

    critics: list

    def __call__(self, network, objective, options):
        self.critics.append(objective.terms["adversary"].critic)
        generator = Generator().manual_seed(0)
        return AdversarialStep(network, objective, options, self.critics[-1], generator)


def _adversarial():
    return Recipe(_dense(), _make_critic, make_step=MakeAdversarialStep([]))


def _state(fitted):
    return torch.cat([p.flatten() for p in fitted.network.module.parameters()])


class TestStepOfOnesOwn:
    def test_the_usual_step_is_the_gradient_step(self, problem):
        recipe = Recipe(_dense(), _only_loss)
        assert recipe.make_step is make_gradient_step
        fitted = learn(problem, recipe, TRAINING, np.random.RandomState(0))
        named = replace(recipe, make_step=make_gradient_step)
        again = learn(problem, named, TRAINING, np.random.RandomState(0))
        assert_array_equal(_state(fitted), _state(again))

    def test_a_critic_learns_while_the_network_plays_against_it(self, problem):
        recipe = _adversarial()
        fitted = learn(problem, recipe, TRAINING, np.random.RandomState(0))
        (critic,) = recipe.make_step.critics
        assert not torch.equal(critic.weight, torch.full_like(critic.weight, 0.1))
        plain = replace(recipe, objective=_only_loss, make_step=make_gradient_step)
        without = learn(problem, plain, TRAINING, np.random.RandomState(0))
        assert not torch.equal(_state(fitted), _state(without))

    def test_a_term_of_weight_0_counts_nothing(self, problem):
        def make_ignored(network, n_rows):
            objective = _make_critic(network, n_rows)
            objective.terms["adversary"].weight = lambda progress: 0.0
            return objective

        recipe = replace(_adversarial(), objective=make_ignored)
        ignored = learn(problem, recipe, TRAINING, np.random.RandomState(0))
        plain = replace(recipe, objective=_only_loss, make_step=make_gradient_step)
        without = learn(problem, plain, TRAINING, np.random.RandomState(0))
        assert_array_equal(_state(ignored), _state(without))

    def test_it_has_all_options_of_the_usual_one(self, problem):
        class Alone(Peers):
            pass

        network = _dense().build(Generator().manual_seed(0))
        options = StepOptions(0.1, SCHEDULES["constant"](10), 5.0, torch.float32, Alone())
        make_step = _adversarial().make_step
        step = make_step(network, _make_critic(network, 0), options)
        assert step.learning_rate == 0.1
        assert step.schedule is options.schedule
        assert step.weight_decay == 5.0 / options.schedule.total
        assert step.peers is options.peers

    def test_the_critic_is_not_judged(self, problem):
        fitted = learn(problem, _adversarial(), TRAINING, np.random.RandomState(0))
        loss = SquaredError()
        network = fitted.network.module
        rows = torch.from_numpy(problem.units.enter(problem.seen[problem.valid]))
        judged = float(loss(network(rows), rows).mean())
        assert fitted.history.validation[fitted.history.kept] == pytest.approx(judged, rel=1e-4)

    def test_it_goes_on_from_a_checkpoint(self, problem, tmp_path):
        whole = learn(problem, _adversarial(), Training(max_iter=4), np.random.RandomState(0))

        def train(n_epochs):
            checkpoint = Checkpoint(tmp_path / "state", 1)
            training = Training(max_iter=4)
            recipe = _adversarial()
            watch = _StopAfter(n_epochs)
            random_state = np.random.RandomState(0)
            return learn(
                problem, recipe, training, random_state, checkpoint=checkpoint, watch=watch
            )

        with pytest.raises(RuntimeError, match="cut off"):
            train(2)
        assert_array_equal(_state(train(99)), _state(whole))

    def test_one_pass_takes_it_too(self, problem):
        recipe = _adversarial()
        fitted, state = learn_once(problem, recipe, TRAINING, np.random.RandomState(0), losses=[])
        assert "critic" in state
        assert fitted.history.n_epochs == 1

    def test_lbfgs_takes_its_own(self, problem):
        def refuse(network, objective, options):
            raise AssertionError

        recipe = Recipe(_dense(), _only_loss, solver="lbfgs", make_step=refuse)
        learn(problem, recipe, Training(max_iter=1), np.random.RandomState(0))


def test_it_goes_on_with_new_rows_in_known_units(digits, problem):
    recipe = Recipe(_dense(), _only_loss)
    fitted = learn(problem, recipe, TRAINING, np.random.RandomState(0))
    new = 3 * digits[200:300]
    known = KnownUnits(problem.units, None)
    random_state = np.random.RandomState(0)
    later = make_problem(
        Rows(new, new), TableRows(), SquaredError(), random_state, known_units=known
    )
    training = replace(TRAINING, max_iter=0)
    again = learn(later, recipe, training, random_state, source=fitted.network)
    assert_array_equal(_state(again), _state(fitted))
    rows = torch.from_numpy(problem.units.enter(new[later.train]))
    loss = float(SquaredError()(fitted.network.module(rows), rows).mean())
    assert again.history.training[0] == pytest.approx(loss, rel=1e-4)


class _StopAfter:
    """Makes a watcher that ends a training as a lost process does."""

    def __init__(self, n_epochs):
        self.n_epochs = n_epochs

    def __call__(self, trial):
        return self

    def begin_training(self, history):
        pass

    def begin_epoch(self):
        self.n_epochs -= 1
        if self.n_epochs < 0:
            raise RuntimeError("cut off")

    def end_epoch(self, history, find_kept):
        return False

    def end_training(self, history):
        pass


def test_terms_of_the_whole_batch_see_the_rows_of_all_processes(problem):
    class Twice(Peers):
        def average(self, values):
            return values.mean(0), 2 * len(values)

        def gather_rows(self, values):
            return torch.cat([values, values])

    class Spread(Term):
        reads = ("code",)
        sees_batch = True

        def __call__(self, outputs, target):
            return self.gather(outputs.code).square().mean().expand(len(target))

    rows = torch.zeros(4, 64)
    train = Batches((rows,), rows, torch.arange(4), 4, peers=Twice())
    recipe = Recipe(_dense(), lambda network, n_rows: Objective({"spread": Spread()}))
    module = recipe.architecture.build(Generator().manual_seed(0))
    _, objective = _make_learner(module, recipe, train)
    term = objective.terms["spread"]
    assert term.gather(rows).shape == (8, 64)
    assert term.average(rows)[1] == 8


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("max_iter", -1),
            ("max_iter", 1.5),
            ("learning_rate", "x"),
            ("learning_rate_init", 0),
            ("batch_size", 0),
            ("early_stopping", "no"),
            ("validation_fraction", 1.0),
            ("n_iter_no_change", 0),
            ("tol", -1e-4),
            ("device", 0),
            ("precision", "float64"),
            ("verbose", -1),
        ],
    )
    def test_a_training_has_the_constraints_of_the_estimators(self, digits, name, value):
        with pytest.raises(ValueError, match=f"The '{name}' parameter of Training must be"):
            Training(**{name: value})
        with pytest.raises(ValueError, match=f"The '{name}' parameter of Training must be"):
            replace(TRAINING, **{name: value})
        with pytest.raises(ValueError, match=f"The '{name}' parameter of Auto"):
            AutoencoderTransformer(2, **{name: value}).fit(digits)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("architecture", nn.Linear(2, 2)),
            ("objective", None),
            ("start", "pca"),
            ("changes", None),
            ("solver", "lbfg"),
            ("make_step", None),
            ("weight_decay", -1.0),
            ("width", 0),
            ("smallest_batch", 0),
            ("batch_size", 0),
            ("n_codes", 0),
        ],
    )
    def test_a_recipe_is_checked(self, name, value):
        with pytest.raises(ValueError, match=f"The '{name}' parameter of Recipe must be"):
            replace(Recipe(_dense(), _only_loss), **{name: value})

    @pytest.mark.parametrize("options", [{"early_stopping": False}, {"validation_fraction": 0.5}])
    def test_a_problem_holds_out_what_its_training_asks_for(self, digits, problem, options):
        recipe = Recipe(_dense(), _only_loss)
        training = Training(max_iter=1, **options)
        with pytest.raises(ValueError, match=r"asks for 0.*Give make_problem the early"):
            learn(problem, recipe, training, np.random.RandomState(0))
        random_state = np.random.RandomState(0)
        X = digits[:50]
        asked = make_problem(Rows(X, X), TableRows(), SquaredError(), random_state, **options)
        assert learn(asked, recipe, training, random_state).history.n_epochs == 1
        with pytest.raises(ValueError, match=r"asks for 0\.1"):
            learn(asked, recipe, TRAINING, random_state)

    def test_checks_can_be_turned_off_as_those_of_scikit_learn(self):
        with config_context(skip_parameter_validation=True):
            assert Training(learning_rate_init=0).learning_rate_init == 0
