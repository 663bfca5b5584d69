"""What can be typed? The `leadready` command: it reads words, calls flows, and prints what came of them."""

from pipelines.cli.models import app, main

__all__ = ["app", "main"]
