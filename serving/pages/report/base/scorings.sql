-- One row for the last scoring, and one for the last one of an earlier day.
SELECT scoring, g.as_of, date_diff('microsecond', g.as_of, $as_of::TIMESTAMP) / 864e8 AS age_days, count(*) AS leads,
    min(model_version) AS model_version, min(agreement_version) AS agreement_version
FROM given_scorings g JOIN scores USING (as_of) GROUP BY ALL ORDER BY g.as_of DESC
