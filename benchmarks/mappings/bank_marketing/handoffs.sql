-- reads: calls
SELECT 'row-' || (_line - 1) AS lead_id, TIMESTAMPTZ '2008-05-01 00:00:00+00' + to_minutes(30 * (_line - 2)) AS handed_off_at,
    handed_off_at AS known_at, 'campaign' AS route, _file, _line
FROM raw_calls
