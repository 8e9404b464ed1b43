"""The guide's examples sign and verify as the platform does."""

import json
import os
import shutil

import pytest

from tests.integration import languages


@pytest.mark.parametrize("example", ["push.py", "push.sh"])
def test_an_example_gives_the_known_answers(example: str) -> None:
    assert languages.problems(example) == []


def test_the_java_example_gives_the_known_answers(capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is no Java the test says so aloud; CI must have it."""
    if shutil.which("java") is None:
        assert os.environ.get("CI", "").lower() != "true", "CI must run the Java example"
        with capsys.disabled():
            print("\nNOT TESTED HERE: docs/integration/examples/Push.java (no java)")
        return
    assert languages.problems("Push.java", thorough=False) == []


def test_the_go_example_is_the_one_that_was_run() -> None:
    """After a change: `.venv/bin/python -m tests.integration.languages`, with Go on the PATH."""
    checked = json.loads(languages.CHECKED.read_text(encoding="utf-8"))
    assert checked == {"push.go": languages.digest("push.go")}


def test_the_guide_names_the_known_answer_and_every_example() -> None:
    guide = (languages.EXAMPLES.parent / "README.md").read_text(encoding="utf-8")
    assert "EaIn/eOp/K64ZRvrqenzRIcKz2F+2QnCFXZty1YOQEg=" in guide
    for example in languages.COMMANDS:
        assert f"(examples/{example})" in guide
