"""Explaining: what each concept adds to a score, and the reasons in plain words."""
