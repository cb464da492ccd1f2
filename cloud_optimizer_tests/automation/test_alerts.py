"""From what happened to what arrives: real runs and checks, a real warehouse, a real mail server and webhook."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from dagster import (
    AssetCheckSeverity,
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRunStatus,
)
from dagster._core.test_utils import create_run_for_test
from pydantic import SecretStr

from cloud_optimizer.automation.retraining_health import CLUSTER_TAG
from cloud_optimizer.core.alerts.settings import AlertSettings, NotificationSettings
from cloud_optimizer.resources.warehouse import CHAMPIONS, RAW_SAMPLES, RECOMMENDATIONS, Warehouse
from cloud_optimizer.settings import Settings
from cloud_optimizer_tests.automation.alerting import HOUR, Platform, check, complete_partition, source
from cloud_optimizer_tests.resources.notifications.servers import SmtpServer, WebhookServer, serving


@pytest.fixture
def platform(warehouse: Warehouse) -> Iterator[Platform]:
    hook, mail = WebhookServer(), SmtpServer()
    notifications = NotificationSettings(
        webhook_url=SecretStr(hook.url),
        smtp_host="127.0.0.1",
        smtp_port=mail.port,
        smtp_security="none",
        sender="cloud-optimizer@example.org",
        recipients=("sre@example.org",),
    )
    settings = Settings(notifications=notifications, alerts=AlertSettings(ui_url="http://ui", most_per_hour=5))
    with serving(hook), serving(mail), DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("cluster", ["web"])
        yield Platform(instance, warehouse, hook, mail, settings)


def test_when_nothing_happened_nobody_is_told(platform: Platform) -> None:
    result = platform.look()
    assert result.skip_reason.skip_message == "nothing new to tell"
    assert platform.hook.requests == 0


def test_a_failed_run_is_told_once_on_both_channels_with_its_innermost_cause(platform: Platform) -> None:
    platform.look()
    run = complete_partition.execute_in_process(
        instance=platform.instance, raise_on_error=False, tags={"dagster/partition": "web|2026-03-01"}
    )
    platform.look()
    platform.look()
    (text,) = platform.texts
    assert "Run failed: complete_partition, web|2026-03-01" in text
    assert "demand_forecast: ConnectionError: the model registry at models.example.org cannot be reached" in text
    assert f"http://ui/runs/{run.run_id}" in text
    (mail,) = platform.mail.mails
    assert "models.example.org" in mail.get_content()


def test_a_run_that_will_be_tried_again_is_not_told_yet(platform: Platform) -> None:
    platform.look()
    tags = {"dagster/will_retry": "true"}
    complete_partition.execute_in_process(instance=platform.instance, raise_on_error=False, tags=tags)
    platform.look()
    assert platform.texts == []


def test_a_failed_blocking_check_is_told_and_a_passed_one_or_a_warning_is_not(platform: Platform) -> None:
    platform.look()
    check(platform, "workload_metrics", "freshness", AssetCheckSeverity.ERROR)
    check(platform, "workload_metrics", "nulls", AssetCheckSeverity.ERROR, passed=True)
    check(platform, "workload_metrics", "completeness", AssetCheckSeverity.WARN)
    platform.look()
    (text,) = platform.texts
    assert text.startswith("🔴 Check freshness stopped web\nthe newest sample is 9:00:00 old.")


def test_drift_that_lasts_is_told_once_a_day_with_its_number(platform: Platform) -> None:
    platform.look()
    for _ in range(3):
        check(platform, "drift_report", "data_drift", AssetCheckSeverity.WARN)
        platform.look()
        platform.now += HOUR
    assert [text.splitlines()[0] for text in platform.texts] == ["🟠 Drift in web: data_drift"]
    platform.now += 22 * HOUR
    check(platform, "drift_report", "data_drift", AssetCheckSeverity.WARN)
    platform.look()
    assert platform.texts[-1].endswith("It happened 2 more time(s) since it was last told.")


def test_what_failed_before_the_first_look_is_history(platform: Platform) -> None:
    check(platform, "drift_report", "data_drift", AssetCheckSeverity.WARN)
    platform.now += 2 * HOUR
    platform.look()
    assert platform.texts == []


@pytest.mark.parametrize(("kind", "told"), [("postgres", True), ("prometheus", True), ("trace", False)])
def test_only_telemetry_that_should_go_on_is_stale(platform: Platform, kind: str, told: bool) -> None:
    platform.telemetry.sources = [source(kind, 2, platform.now)]
    day = platform.now.date() - timedelta(days=3)
    time_of_day = datetime(day.year, day.month, day.day, tzinfo=UTC)
    platform.store(RAW_SAMPLES, {"cluster": "web", "workload_id": "a", "timestamp": time_of_day})
    platform.look()
    platform.look()
    expected = [f"🔴 No new telemetry of web\nThe newest complete day of web is {day}."] if told else []
    assert [text.split(" Recommendations")[0] for text in platform.texts] == expected


def test_telemetry_of_yesterday_is_not_stale(platform: Platform) -> None:
    platform.telemetry.sources = [source("postgres", 1, platform.now)]
    yesterday = platform.now - timedelta(days=1)
    platform.store(RAW_SAMPLES, {"cluster": "web", "workload_id": "a", "timestamp": yesterday})
    platform.look()
    assert platform.texts == []


def test_a_recommendation_of_critical_risk_is_told_once_however_often_its_day_is_decided_on(platform: Platform) -> None:
    platform.look()
    for _ in range(2):
        row = {
            "recommendation_id": "7b0a3c0e-0000-5000-8000-000000000001",
            "cluster": "web",
            "workload_id": "checkout",
            "date": date(2026, 3, 1),
            "created_at": platform.now,
            "valid_until": platform.now + 24 * HOUR,
            "status": "proposed",
            "algorithm": "cloud_optimizer",
            "algorithm_version": "1",
            "run_id": "1",
            "finding": "under_provisioned",
            "risk": "critical",
            "risk_cpu": 0.25,
            "risk_memory": 0.01,
            "reason_codes": [],
        }
        platform.store(RECOMMENDATIONS, row)
        platform.look()
        platform.now += 6 * HOUR
    (text,) = platform.texts
    assert "1 recommendation(s) of critical risk in web" in text
    assert "checkout (25% of the time)" in text


def test_how_a_retraining_ended_is_told_with_its_reason(platform: Platform) -> None:
    platform.look()
    row = {
        "cluster": "web",
        "date": date(2026, 3, 1),
        "resource": "cpu",
        "model": "lightgbm",
        "model_version": "3",
        "trained_until": date(2026, 2, 1),
        "promoted": False,
        "reason": "lightgbm stays: no candidate is 2% better.",
    }
    platform.store(CHAMPIONS, row)
    tags = {CLUSTER_TAG: "web", "dagster/partition": "web|2026-03-01"}
    run = create_run_for_test(platform.instance, job_name="retraining", status=DagsterRunStatus.STARTED, tags=tags)
    platform.instance.report_dagster_event(DagsterEvent(DagsterEventType.RUN_SUCCESS.value, "retraining"), run.run_id)
    platform.look()
    (text,) = platform.texts
    assert text.startswith(
        "🔵 Retraining of web: the champion stays\nAs of 2026-03-01. cpu: lightgbm stays: no candidate"
    )


def test_a_cluster_whose_retraining_is_given_up_is_told_once_a_day(platform: Platform) -> None:
    for _ in range(3):
        create_run_for_test(
            platform.instance, job_name="retraining", status=DagsterRunStatus.FAILURE, tags={CLUSTER_TAG: "web"}
        )
    platform.look()
    platform.look()
    titles = sorted(text.splitlines()[0] for text in platform.texts)
    assert titles == ["🔴 Retraining of web keeps failing", "🔴 Run failed: retraining, no partition"]


def test_a_storm_of_failures_is_a_few_messages_and_a_digest(platform: Platform) -> None:
    platform.look()
    for number in range(12):
        tags = {"dagster/partition": f"web|2026-03-{number + 1:02}"}
        complete_partition.execute_in_process(instance=platform.instance, raise_on_error=False, tags=tags)
    started = time.monotonic()
    platform.look()
    assert time.monotonic() - started < 10
    assert len(platform.texts) == 5
    assert platform.texts[-1].splitlines()[0] == "🔴 8 more alerts"
    platform.look()
    assert len(platform.texts) == 5


def test_when_every_channel_is_down_the_alert_waits_and_arrives_later(platform: Platform) -> None:
    platform.look()
    check(platform, "workload_metrics", "freshness", AssetCheckSeverity.ERROR)
    platform.hook.answers = [403]
    working = platform.settings
    broken = working.notifications.model_copy(update={"smtp_port": 1})
    platform.settings = working.model_copy(update={"notifications": broken})
    result = platform.look()
    assert "1 message(s) could not be sent and are tried again" in result.skip_reason.skip_message
    assert "The webhook at 127.0.0.1 did not take an alert: status 403" in result.skip_reason.skip_message
    platform.settings = working
    platform.look()
    assert len(platform.texts) == len(platform.mail.mails) == 1
