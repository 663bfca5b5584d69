"""What all tests share: how many examples hypothesis tries, always the same ones."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

common = {"deadline": None, "derandomize": True, "database": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("default", max_examples=4, **common)
settings.register_profile("thorough", max_examples=12, **common)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
