"""If one process fails or is killed, all end with an error, at once, and nothing is lost."""

import pytest

SECONDS = 20
"""Far from the half hour after which torch gives up."""


@pytest.fixture(scope="module")
def results(find_results):
    return find_results(
        "failures",
        "refusals",
        "killed_before",
        "killed_in_the_survey",
        "killed_in_an_epoch",
        "killed_at_the_end",
        "killed_with_a_checkpoint",
        "goes_on",
        "bad_checkpoints",
    )


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("nan", "ValueError", "Input X contains NaN"),
        ("survey", "ValueError", "Block 1 of X cannot be used: OSError"),
        ("epoch", "ValueError", "Block 1 of X cannot be used: OSError"),
        ("interrupt", "KeyboardInterrupt", ""),
    ],
)
def test_who_fails_says_why_and_others_say_that_it_has(results, name, error, message):
    others, own = (result[name] for result in results["failures"])
    assert own[0][0] == error
    assert message in own[0][1]
    assert others[0][0] == "PeerError"
    assert "failed" in others[0][1]
    assert others[1] < SECONDS


@pytest.mark.parametrize("name", ["nan", "survey"])
def test_what_is_wrong_with_rows_is_said_by_all(results, name):
    others, own = (result[name][0] for result in results["failures"])
    assert others[1].startswith("Process 1 of 2")
    assert own[1] in others[1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("narrow", "same features, but process 1 has 5"),
        ("parameter", "process 1 has n_components=3, and process 0 has n_components=2"),
        ("diverges", "diverged"),
        ("past", "process 1 has earlier fits="),
        ("pass", "process 1 has earlier fits="),
        ("no past", "process 1 has earlier fits=None, and process 0 has"),
    ],
)
def test_what_is_wrong_together_is_an_error_of_all(results, name, message):
    first, second = (result[name][0] for result in results["failures"])
    assert first[0] == second[0] == "ValueError"
    assert message in first[1]


@pytest.mark.parametrize("name", ["solver", "AutoencoderCV"])
def test_what_only_one_process_can_do_is_refused_by_name(results, name):
    for result in results["refusals"]:
        error, message = result[name]
        assert error == "ValueError"
        assert message.startswith(name)
        assert "torch.distributed has 2" in message


@pytest.mark.parametrize("moment", ["before", "in_the_survey", "in_an_epoch", "at_the_end"])
def test_a_process_that_is_killed_ends_the_fit_of_all(results, moment):
    first, killed, last = results[f"killed_{moment}"]
    assert killed is None
    for (error, message), attributes in (first, last):
        assert error == "PeerError"
        assert "failed or was ended" in message
        assert not [name for name in attributes if name.endswith("_")]


def test_a_fit_of_which_a_process_was_killed_goes_on_to_the_same_bits(results):
    first, killed, last = results["killed_with_a_checkpoint"]
    assert killed is None
    assert first[0] == last[0] == "PeerError"
    for found, wanted, n_updates, n_updates_of_all, files in results["goes_on"]:
        for name, value in wanted["weights"].items():
            assert (found["weights"][name] == value).all()
        assert found["loss_curve"] == wanted["loss_curve"]
        assert (n_updates, n_updates_of_all) == (3 * 3, 3 * 7)
        assert files == []


def test_what_is_wrong_with_a_checkpoint_is_an_error_of_all(results):
    first, second = results["bad_checkpoints"]
    assert first["left"][0] == second["left"][0] == "InterruptedError"
    assert first["damaged"][0] == first["no folder"][0] == "ValueError"
    assert "was changed or damaged" in first["damaged"][1]
    assert "must be a folder" in first["no folder"][1]
    for name in ("damaged", "no folder"):
        assert second[name][0] == "PeerError"
        assert first[name][1] in second[name][1]
    assert "process 1 has a checkpoint=False" in first["one"][1]
    assert first["one"][0] == second["one"][0] == "ValueError"
