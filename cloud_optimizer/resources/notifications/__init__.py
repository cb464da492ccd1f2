"""Messages to people, over webhook and e-mail."""

from cloud_optimizer.resources.notifications.notifications import Channel, Delivery, Notifications, channels_of

__all__ = ["Channel", "Delivery", "Notifications", "channels_of"]
