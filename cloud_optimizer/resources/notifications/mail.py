"""Messages as plain-text mail over SMTP."""

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Final

from cloud_optimizer.core.alerts.alert import Message
from cloud_optimizer.core.alerts.formats import mail_body, mail_subject
from cloud_optimizer.core.alerts.settings import NotificationSettings
from cloud_optimizer.core.errors import CloudOptimizerError

TIMEOUT_SECONDS: Final = 10.0


class MailChannel:
    """One mail server and its recipients; a connection a message, since messages are few.

    Args:
        settings: With smtp_host, sender and recipients.
        trust: Certificates that are believed; default: those of the system.
    """

    def __init__(self, settings: NotificationSettings, trust: ssl.SSLContext | None = None) -> None:
        self._settings, self._trust = settings, trust

    def send(self, message: Message) -> None:
        """Send a mail to every recipient.

        Raises:
            CloudOptimizerError: The server stayed away, refused it, or does not offer the protection asked for.
        """
        try:
            with self._connection() as server:
                server.send_message(self._mail(message))
        except (smtplib.SMTPException, OSError) as error:
            place = f"{self._settings.smtp_host}:{self._settings.smtp_port}"
            raise CloudOptimizerError(
                f"The mail server at {place} did not take an alert: {_reason(error)}. Check the settings notifications."
            ) from error

    def _connection(self) -> smtplib.SMTP:
        host, port = str(self._settings.smtp_host), self._settings.smtp_port
        trust = self._trust or ssl.create_default_context()
        if self._settings.smtp_security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=trust)
        else:
            server = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
        try:
            if self._settings.smtp_security == "starttls":
                server.starttls(context=trust)
            if self._settings.smtp_user and self._settings.smtp_password:
                server.login(self._settings.smtp_user, self._settings.smtp_password.get_secret_value())
        except (smtplib.SMTPException, OSError):
            server.close()
            raise
        return server

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"] = mail_subject(message)
        mail["From"] = self._settings.sender
        mail["To"] = ", ".join(self._settings.recipients)
        mail["Date"] = formatdate()
        mail["Message-ID"] = make_msgid(domain="cloud-optimizer")
        mail.set_content(mail_body(message))
        return mail


def _reason(error: Exception) -> str:
    """Return what the server said; a failed login is named without what was sent."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return "the login was refused"
    return " ".join(str(error).split()) or type(error).__name__
