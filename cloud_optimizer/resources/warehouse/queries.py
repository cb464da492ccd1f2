"""The analytical queries of sql/queries: their questions and parameters, and how values get into them.

The files are plain psql scripts: `:'cluster'` is a quoted value in psql and here. The comment at their head names the
question, then each parameter with its default.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import takewhile
from typing import Final

from psycopg import sql

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.names import check_cluster
from cloud_optimizer.resources.postgres.sql_files import QUERIES

PLACE: Final = re.compile(r":'([a-z_]+)'")
PARAMETER: Final = re.compile(r"-- ([a-z_]+): (.*?)(?:, default (.+))?")
NEWEST: Final = "the day after the newest roll-up"
BEFORE_UNTIL: Final = re.compile(r"(\d+) days before until")


@dataclass(frozen=True)
class Query:
    """One file of sql/queries.

    Args:
        name: Its name, without `.sql`.
        question: What it answers, one sentence.
        parameters: What each parameter means.
        defaults: Their default values as the file words them.
        text: The statement.
    """

    name: str
    question: str
    parameters: Mapping[str, str]
    defaults: Mapping[str, str]
    text: str

    def statement(self, given: Mapping[str, object], newest_day: date) -> sql.Composed:
        """Return the statement with every value in its place.

        Args:
            given: Values by parameter; the others take their defaults.
            newest_day: Newest day of the roll-up, for the default of `until`.

        Raises:
            InputError: A parameter is not one of this query, or a value does not fit it.
        """
        values = self._values(given, newest_day)
        pieces = PLACE.split(self.text.replace("{", "{{").replace("}", "}}"))
        literals = [sql.Literal(values[name]) for name in pieces[1::2]]
        return sql.SQL("{}".join(pieces[0::2])).format(*literals)

    def _values(self, given: Mapping[str, object], newest_day: date) -> dict[str, str]:
        unknown = sorted(set(given) - set(self.parameters))
        if unknown:
            raise InputError(
                f"The query {self.name} has no parameter {unknown[0]}: it has {', '.join(self.parameters)}."
            )
        texts = {name: str(value) for name, value in given.items() if value is not None}
        if texts.get("cluster"):
            check_cluster(texts["cluster"])
        until = _day("until", texts["until"]) if "until" in texts else newest_day + timedelta(days=1)
        return {name: self._value(name, texts, until) for name in self.parameters}

    def _value(self, name: str, texts: Mapping[str, str], until: date) -> str:
        default = self.defaults[name]
        if name in {"since", "until"}:
            if name in texts:
                return _day(name, texts[name]).isoformat()
            before = BEFORE_UNTIL.fullmatch(default)
            return (until - timedelta(days=int(before[1])) if before else until).isoformat()
        value = texts.get(name, default)
        if _is_number(default) and not _is_number(value):
            raise InputError(f"The parameter {name} of the query {self.name} is {value!r}: give a number.")
        return value


@cache
def queries() -> Mapping[str, Query]:
    """Return all queries by name, in alphabetical order."""
    return {path.stem: _parse(path.stem, path.read_text(encoding="utf-8")) for path in sorted(QUERIES.glob("*.sql"))}


def query_names() -> dict[str, str]:
    """Return the question that each query answers."""
    return {name: query.question for name, query in queries().items()}


def find_query(name: str) -> Query:
    """Return a query.

    Raises:
        InputError: There is none of that name.
    """
    if name not in queries():
        raise InputError(f"There is no query {name!r}: choose from {', '.join(queries())}.")
    return queries()[name]


def _parse(name: str, text: str) -> Query:
    comments = list(takewhile(lambda line: line.startswith("-- "), text.splitlines()))
    parameters, defaults = {}, {}
    for line in comments[1:]:
        match = PARAMETER.fullmatch(line)
        if match is None:
            raise ValueError(f"{name}.sql: {line!r} is not of the form -- name: meaning, default value")
        parameters[match[1]], defaults[match[1]] = match[2], match[3] or ""
    return Query(name, comments[0].removeprefix("-- "), parameters, defaults, text.rstrip().rstrip(";"))


def _day(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"The parameter {name} is {text!r}: give a day as 2025-01-31.") from None


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?(e[-+]?\d+)?", text) is not None
