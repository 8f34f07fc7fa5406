"""Errors: every problem with its place and remedy, and the documented exit codes."""

from __future__ import annotations

import pytest

from synaug.errors import Exit, NotApplicable, Problem, SynaugError, did_you_mean, placed


def test_exit_codes_are_the_documented_ones() -> None:
    assert {code.name: int(code) for code in Exit} == {
        "OK": 0,
        "BUG": 1,
        "USAGE": 2,
        "SPEC": 3,
        "DATA": 4,
        "SERVICE": 5,
        "RESOURCES": 6,
        "CONFLICT": 7,
        "SOME_FAILED": 8,
        "INTEGRITY": 9,
        "INTERRUPTED": 130,
        "TERMINATED": 143,
    }


def test_a_problem_says_what_where_and_what_to_do() -> None:
    problem = Problem("expected integers >= 1, got 0", "sweep.yaml: space.k", "use 1 or more")
    assert str(problem) == (
        "expected integers >= 1, got 0\n  where: sweep.yaml: space.k\n  fix:   use 1 or more"
    )
    assert str(Problem("too small")) == "too small"


def test_an_error_carries_all_problems() -> None:
    problems = [Problem("first", fix="mend it"), Problem("second")]
    error = SynaugError((p for p in problems), Exit.DATA)
    assert error.problems == tuple(problems)
    assert error.exit is Exit.DATA
    assert str(error) == "first\n  fix:   mend it\nsecond"


@pytest.mark.parametrize("given", ["no such file", Problem("no such file")])
def test_one_problem_or_a_sentence_is_enough(given: str | Problem) -> None:
    error = SynaugError(given)
    assert error.problems == (Problem("no such file"),)
    assert error.exit is Exit.USAGE


def test_a_place_is_given_to_the_problems_that_have_none() -> None:
    problems = [Problem("first", "line 3", code="D48"), Problem("second", fix="mend it", code="D26")]
    with pytest.raises(SynaugError) as caught, placed("mail.csv"):
        raise SynaugError(problems, Exit.DATA)
    assert [(p.where, p.fix, p.code) for p in caught.value.problems] == [
        ("line 3", None, "D48"),
        ("mail.csv", "mend it", "D26"),
    ]
    assert caught.value.exit is Exit.DATA


def test_not_applicable_is_no_error_of_the_user() -> None:
    assert not issubclass(NotApplicable, SynaugError)
    assert str(NotApplicable("too few rows")) == "too few rows"


def test_did_you_mean_names_the_closest_or_nothing() -> None:
    assert did_you_mean("smot", ("ros", "smote", "vae")) == " (did you mean 'smote'?)"
    assert did_you_mean("xyz", ("ros", "smote", "vae")) == ""
