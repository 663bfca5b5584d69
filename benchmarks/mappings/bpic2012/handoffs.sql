-- reads: events
SELECT case_id AS lead_id, "timestamp" AS handed_off_at, "timestamp" AS known_at, 'rules' AS route, _file, _line
FROM raw_events
WHERE activity = 'A_PREACCEPTED'
QUALIFY row_number() OVER (PARTITION BY case_id ORDER BY "timestamp", event_idx::BIGINT) = 1
