"""The rules: the agreement compiled to SQL, and what it says of each lead at its moment."""
