-- reads: events
SELECT case_id AS lead_id, "timestamp" AS created_at, "timestamp" AS known_at, 'web' AS source,
    try_cast(amount_req AS DOUBLE) AS amount_requested, _file, _line
FROM raw_events
WHERE activity = 'A_SUBMITTED'
