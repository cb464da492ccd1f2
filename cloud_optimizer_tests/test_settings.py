"""Settings come from the environment alone; secrets stay secret and a mistake is one sentence."""

from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.settings import (
    DEFAULT_FIRST_DAY,
    REPOSITORY,
    Settings,
    read_settings,
    record_first_day,
    recorded_first_day,
)

PASSWORD = "correct-horse"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    monkeypatch.setenv("CLOUD_OPTIMIZER_HOME", str(tmp_path))
    return monkeypatch


def test_defaults_work_without_any_variable_and_keep_state_in_the_checkout(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("CLOUD_OPTIMIZER_HOME")
    settings = read_settings()
    assert settings.home == REPOSITORY / ".cloud_optimizer"
    assert settings.server_url is None


def test_every_field_is_a_variable_and_nested_ones_are_joined_by_two_underscores(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment.setenv("CLOUD_OPTIMIZER_REPLAY_DAYS", "20")
    environment.setenv("CLOUD_OPTIMIZER_FORECAST__HORIZON", "48")
    environment.setenv("CLOUD_OPTIMIZER_RETRAINING__COOL_DOWN", "PT6H")
    settings = read_settings()
    assert settings.home == tmp_path
    assert settings.replay_days == 20
    assert (settings.forecast.horizon, settings.forecast.season) == (48, 24)
    assert settings.retraining.cool_down.total_seconds() == 6 * 3600


def test_secrets_are_shown_to_nobody_and_handed_out_by_name(environment: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "SOURCE_DATABASE_URL"):
        environment.setenv(f"CLOUD_OPTIMIZER_{name}", f"postgresql://me:{PASSWORD}@db/x")
    environment.setenv("CLOUD_OPTIMIZER_PROMETHEUS_TOKEN", PASSWORD)
    settings = read_settings()
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert PASSWORD not in shown
    assert settings.server_url == f"postgresql://me:{PASSWORD}@db/x"
    assert settings.source_secrets == {
        "prometheus_token": PASSWORD,
        "database_url": f"postgresql://me:{PASSWORD}@db/x",
    }


def test_settings_cannot_be_changed_afterwards() -> None:
    settings = read_settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.replay_days = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (
            "REPLAY_DAYS",
            "3",
            "_REPLAY_DAYS cannot be used: Input should be greater than or equal to 12.",
        ),
        (
            "FORECAST__HORIZON",
            "soon",
            "_FORECAST__HORIZON cannot be used: Input should be a valid integer",
        ),
        (
            "FORECAST__HORIZONT",
            "3",
            "_FORECAST__HORIZONT cannot be used: Extra inputs are not permitted",
        ),
        ("FORECAST", "48", "CLOUD_OPTIMIZER_FORECAST cannot be used"),
        ("FORECAST", "{", "The settings cannot be read from the environment"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named_in_one_sentence(
    environment: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    environment.setenv(f"CLOUD_OPTIMIZER_{name}", value)
    with pytest.raises(InputError) as caught:
        read_settings()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_first_day_moves_back_to_older_telemetry_and_never_forward(tmp_path: Path) -> None:
    home = tmp_path / "state"
    assert recorded_first_day(home) == DEFAULT_FIRST_DAY
    for ingested, expected in (
        (date(2026, 5, 1), date(2026, 5, 1)),
        (date(2013, 7, 1), date(2013, 7, 1)),
        (date(2020, 1, 1), date(2013, 7, 1)),
    ):
        record_first_day(home, ingested)
        assert recorded_first_day(home) == expected
    assert [path.name for path in home.iterdir()] == ["first_day"]


def test_the_recorded_first_day_is_that_of_the_settings_unless_a_variable_says_otherwise(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    record_first_day(tmp_path, date(2013, 7, 1))
    assert read_settings().first_day == date(2013, 7, 1)
    assert Settings(home=tmp_path / "other").first_day == DEFAULT_FIRST_DAY
    environment.setenv("CLOUD_OPTIMIZER_FIRST_DAY", "2026-03-01")
    assert read_settings().first_day == date(2026, 3, 1)


def test_a_first_day_file_that_holds_no_date_is_named(tmp_path: Path) -> None:
    (tmp_path / "first_day").write_text("soon")
    with pytest.raises(InputError, match=r"first_day does not hold a date: delete it"):
        read_settings()
