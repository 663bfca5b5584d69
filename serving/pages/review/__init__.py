"""The web page: today's leads for marketers, reps and sales managers, served by `leadready review`."""
