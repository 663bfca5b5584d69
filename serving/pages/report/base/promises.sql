-- One row per version of the agreement and zone (or `urgent`); without hours nothing is promised.
SELECT * FROM given_promises ORDER BY effective_from, promise
