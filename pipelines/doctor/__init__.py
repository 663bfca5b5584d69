"""What can be wrong with a workspace, and what helps? A file a kind of check; `pipelines/jobs/doctor.py` runs them."""
