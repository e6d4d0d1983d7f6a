"""Tasks and files as values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from argosy.core.checksum import parse
from argosy.core.types import FileSpec, FileState, FileStatus, Task, TaskSpec, file_states

SUM = parse("md5:" + "0" * 32)
SPEC = TaskSpec(
    "http://h/a", "/d", files=(FileSpec(("http://h/a",), "a", 5, SUM), FileSpec(("http://h/b", "http://m/b")))
)
TASK = Task("t" * 32, SPEC, 1.0, 1.0)


def test_the_files_of_a_task_begin_as_its_spec_says() -> None:
    assert file_states(TASK) == (
        FileState(TASK.id, 0, ("http://h/a",), path="a", size=5, checksum=SUM),
        FileState(TASK.id, 1, ("http://h/b", "http://m/b")),
    )


def test_a_cheap_copy_is_what_replace_gives() -> None:
    file = file_states(TASK)[0]
    assert file.having(status=FileStatus.DONE, size=None) == replace(file, status=FileStatus.DONE, size=None)
    assert TASK.having(number=7, name=None) == replace(TASK, number=7, name=None)


def test_a_misspelt_field_is_an_error_and_no_change() -> None:
    with pytest.raises(TypeError, match="a task has no recieved"):
        TASK.having(recieved=7)
    with pytest.raises(TypeError, match="the state of a file has no sise"):
        FileState(TASK.id, 0, ()).having(sise=7, size=7)
