"""Walk-forward replay of sizing policies on a user's own telemetry, and the measures that compare them."""
