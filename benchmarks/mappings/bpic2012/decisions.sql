-- reads: events
WITH steps AS (
    SELECT *, min("timestamp") FILTER (activity = 'A_PREACCEPTED') OVER before AS handed_off_at
    FROM raw_events
    WHERE activity IN ('A_PREACCEPTED', 'A_ACCEPTED', 'A_DECLINED', 'A_CANCELLED')
    WINDOW before AS (PARTITION BY case_id ORDER BY "timestamp", event_idx::BIGINT ROWS UNBOUNDED PRECEDING)
)
SELECT case_id AS lead_id, handed_off_at, "timestamp" AS decided_at, "timestamp" AS known_at,
    if(activity = 'A_ACCEPTED', 'accepted', 'rejected') AS decision, if(activity <> 'A_ACCEPTED', activity, NULL) AS reason,
    regexp_replace(resource, '\.0$', '') AS sales_rep, _file, _line
FROM steps
WHERE activity <> 'A_PREACCEPTED'
QUALIFY row_number() OVER (PARTITION BY case_id ORDER BY "timestamp", event_idx::BIGINT) = 1
