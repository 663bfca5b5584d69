"""The second world: written from the articles that leadready is built on, and never a reason to tune."""
