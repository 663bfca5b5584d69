"""The report: base tables as known at a moment, one .sql file per figure over them, one page that stands alone."""
