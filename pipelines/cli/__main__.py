"""The same command as `python -m pipelines.cli`."""

from pipelines.cli import main

main()
