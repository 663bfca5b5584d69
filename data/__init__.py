"""The data room: contracts, ingest, warehouse, cohorts and labels."""
