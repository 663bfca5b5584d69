"""The features room: one catalogue of definitions, compiled to the matrix of any (lead, as_of)."""
