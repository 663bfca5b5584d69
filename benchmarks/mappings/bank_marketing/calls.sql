-- reads: calls
SELECT 'row-' || (_line - 1) AS lead_id, TIMESTAMPTZ '2008-05-01 00:00:00+00' + to_minutes(30 * (_line - 2)) AS called_at,
    duration AS duration_s, called_at + to_seconds(try_cast(duration AS DOUBLE)) AS known_at,
    if(try_cast(duration AS DOUBLE) > 0, 'connected', 'no_answer') AS disposition, 'campaign' AS purpose, _file, _line
FROM raw_calls
