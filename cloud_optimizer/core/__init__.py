"""The domain: pure functions over data frames and arrays, free of orchestration, SQL and tracking services."""
