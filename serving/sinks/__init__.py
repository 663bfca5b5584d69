"""Where scores go: each sink is one file."""
