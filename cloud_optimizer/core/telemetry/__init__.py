"""How the columns, units and timestamps of telemetry files become samples: declared tables and pure expressions."""
