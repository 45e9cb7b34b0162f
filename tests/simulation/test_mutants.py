"""The simulation sees bugs; `make mutants` shows how soon it sees each."""

import sys

import pytest
from sqlalchemy import Engine

from tests.simulation import trial
from tests.simulation.breaking import broken, with_argument
from tests.simulation.mutants import MUTANTS, Mutant, spoiled
from workers.execution import broker_calls, recording

ENOUGH = 60


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_what_a_mutant_breaks_is_there(mutant: Mutant) -> None:
    with broken(mutant.breakage):
        pass


def test_a_name_that_is_gone_is_an_error() -> None:
    with pytest.raises(AttributeError), broken({"workers.execution.broker_calls.look_down": lambda right: right}):
        pass


def test_an_argument_that_is_gone_is_an_error() -> None:
    with pytest.raises(AttributeError), broken({"workers.execution.broker_calls.look_up": with_argument("gone", str)}):
        pass


def test_a_function_is_broken_wherever_it_was_imported_to_and_right_again_afterwards() -> None:
    readers = [m for n, m in sys.modules.items() if n.startswith("workers.") and hasattr(m, "record_step")]
    right = recording.record_step
    with spoiled("the intent is written after the submit"):
        assert len(readers) > 1
        assert all(reader.record_step is not right for reader in readers)
    assert all(reader.record_step is right for reader in readers)


def test_an_ignored_sequence_is_found(engine: Engine) -> None:
    """Statements are written down when their module is imported: replacing what they are made of broke nothing."""
    with spoiled("the sequence is ignored, and what came last runs first"):
        assert any(trial.run(seed, engine).violations for seed in range(ENOUGH))


def test_a_skipped_look_up_is_found(engine: Engine) -> None:
    right = broker_calls.look_up
    with spoiled("the look-up is skipped"):
        assert any(trial.run(seed, engine).violations for seed in range(ENOUGH))
    assert broker_calls.look_up is right
