"""When people are told, and over which channels."""

from datetime import timedelta
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class AlertSettings(BaseModel):
    """How often, and from when on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    quiet: timedelta = Field(
        timedelta(hours=24), ge=timedelta(minutes=1), description="Time in which the same thing is not told again."
    )
    most_per_hour: int = Field(20, ge=1, le=1000, description="Most messages in an hour; the rest come as one digest.")
    stale_after: timedelta = Field(
        timedelta(hours=36),
        ge=timedelta(hours=1),
        description="Age of a live cluster's newest complete day that is told.",
    )
    ui_url: str | None = Field(None, description="Address of the Dagster UI, for links to runs.")


class NotificationSettings(BaseModel):
    """Channels; every alert is also in the log of the sensor `alerts`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    webhook_url: SecretStr | None = Field(None, description="Incoming webhook that takes Slack's JSON.")
    smtp_host: str | None = Field(None, description="Mail server.")
    smtp_port: int = Field(587, ge=1, le=65535, description="587 for STARTTLS, 465 for TLS.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the connection is protected."
    )
    smtp_user: str | None = Field(None, description="Login, where the server asks for one.")
    smtp_password: SecretStr | None = Field(None, description="Password of the login.")
    sender: str | None = Field(None, description="From.")
    recipients: tuple[str, ...] = Field((), description="To: a JSON list of addresses.")

    @model_validator(mode="after")
    def _mail_is_complete(self) -> Self:
        if self.smtp_host is not None and not (self.sender and self.recipients):
            raise ValueError("e-mail needs smtp_host, sender and recipients")
        if self.smtp_password is not None and self.smtp_security == "none":
            raise ValueError("a password does not travel over an unprotected connection: set smtp_security")
        return self
