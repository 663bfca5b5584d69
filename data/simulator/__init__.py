"""What would a company look like whose truth is known? Seeded worlds for demos, tests and methods."""
