"""The pipelines room: Prefect flows and the command line that call the rooms below, and no logic."""
