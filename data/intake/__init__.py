"""Intake: from raw files and databases to rows that keep the contract, each stored, quarantined or there already."""
