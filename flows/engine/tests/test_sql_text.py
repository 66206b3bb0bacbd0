"""Statements are read as the databases read them."""

import time
from contextlib import suppress
from typing import Any

import pytest

from flows.engine.errors import NodeError
from flows.engine.sql_text import check_parameters, check_reading, read


@pytest.mark.parametrize(
    ("text", "dialect", "numbers", "word"),
    [
        ("SELECT $1, $2, $1", "postgresql", {1, 2}, "select"),
        ("-- $1\n/* $2 /* $3 */ ; */ select '$4;' , \"$5\", $6;\n", "postgresql", {6}, "select"),
        ("select E'it\\'s $1', 'a\\', $2", "postgresql", {2}, "select"),
        ("select $q$ $1; ' $q$, $$ $2 $$, $3", "postgresql", {3}, "select"),
        ("select a$1, $1::text, -$2", "postgresql", {1, 2}, "select"),
        ("((WITH x AS (SELECT 1) TABLE x))", "postgresql", set(), "with"),
        ("select 'it''s $1', 100 % 7 where a like '5%'", "postgresql", set(), "select"),
        ("SELECT 'a\\'$1', `$2`, \"x\\\"$3\", $4 # $5\n-- $6", "mysql", {4}, "select"),
        ("select 1 --$1", "mysql", {1}, "select"),
        ("select a$1 /* $1 ; */ + $2;", "mysql", {2}, "select"),
        ("/*!50000 insert into */ x", "mysql", set(), "/*!"),
        ("/*M! select */ 1", "mysql", set(), "/*m!"),
    ],
)
def test_placeholders_are_found_outside_of_quotes_and_comments(
    text: str, dialect: Any, numbers: set[int], word: str
) -> None:
    statement = read(text, dialect)
    assert (statement.numbers, statement.first_word) == (numbers, word)
    written = [piece if isinstance(piece, str) else f"${piece}" for piece in statement.pieces]
    assert "".join(written) == text


def test_mysql_reads_quotes_as_the_session_does() -> None:
    text = "select 'a\\', $1, 'b'"
    assert read(text, "mysql", backslash=False).numbers == {1}
    with pytest.raises(NodeError):
        read(text, "mysql")
    assert read('select "a\\", $1', "mysql", ansi_quotes=True).numbers == {1}


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("select 1; drop table x", "postgresql"),
        ("select 1; -- x\n delete from x", "mysql"),
        ("select 1; $1", "mysql"),
        ("select 'x", "postgresql"),
        ("select $q$ x", "postgresql"),
        ("/* /* */ select 1", "postgresql"),
        ("select `x", "mysql"),
        ("/* select 1", "mysql"),
        ("", "postgresql"),
        (" -- nothing\n;", "mysql"),
    ],
)
def test_what_is_not_one_whole_statement_is_refused(text: str, dialect: Any) -> None:
    with pytest.raises(NodeError) as refused:
        read(text, dialect)
    assert (refused.value.code, refused.value.field) == ("query_invalid", "query")


@pytest.mark.parametrize(
    "text", ["BEGIN NOT ATOMIC DELETE FROM x; END", "/*!insert*/ into x", "call p()", "DO $$ $$"]
)
def test_what_may_change_data_is_no_reading(text: str) -> None:
    dialect: Any = "postgresql" if "$$" in text else "mysql"
    with pytest.raises(NodeError) as refused:
        check_reading(read(text, dialect))
    assert refused.value.code in ("sql_read_only", "query_invalid")


@pytest.mark.parametrize(("text", "given"), [("select $2", 1), ("select $1", 2), ("select $0", 0)])
def test_parameters_and_placeholders_have_to_match(text: str, given: int) -> None:
    with pytest.raises(NodeError, match=r"\$\d") as refused:
        check_parameters(read(text, "postgresql"), given)
    assert refused.value.field == "parameters"
    check_parameters(read("select $2 + $1", "mysql"), 2)


def test_hostile_texts_take_no_longer_than_others() -> None:
    began = time.process_time()
    texts = [p * (100_000 // len(p)) for p in ("'", "''", "$a$", "/*", "\\'", "e'", '"', "`", "a")]
    texts.append("".join(f"$a{number}$" for number in range(14_000)))
    for text in texts:
        for dialect in ("postgresql", "mysql"):
            with suppress(NodeError):
                read(f"select {text}", dialect)  # type: ignore[arg-type]
    assert time.process_time() - began < 10
