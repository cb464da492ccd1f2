"""What makes the graph run by itself: jobs, schedules and sensors."""
