"""The rows that a model learns from: snapshots with their features and labels, and how they are split in time."""
