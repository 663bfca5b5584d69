"""The registry: the one client of MLflow, and which model was in use when."""
