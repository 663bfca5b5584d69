-- reads: events
SELECT case_id AS lead_id, "timestamp" AS occurred_at, "timestamp" AS known_at,
    CASE WHEN activity = 'A_SUBMITTED' THEN 'form_start'
         WHEN activity = 'A_PARTLYSUBMITTED' THEN 'form_submit'
         WHEN transition = 'SCHEDULE' THEN 'task_scheduled'
         ELSE 'other' END AS kind,
    CASE WHEN activity LIKE 'A_%' THEN 'web' WHEN transition = 'SCHEDULE' THEN 'internal' ELSE 'phone' END AS channel,
    CASE WHEN transition = 'START' THEN 'session_start: ' || activity
         WHEN transition = 'SCHEDULE' THEN activity END AS asset,
    CASE WHEN activity LIKE 'A_%' THEN 'inbound' WHEN transition = 'START' THEN 'outbound' END AS direction,
    event_idx AS event_id, _file, _line
FROM raw_events
WHERE activity IN ('A_SUBMITTED', 'A_PARTLYSUBMITTED')
   OR (activity IN ('W_Afhandelen leads', 'W_Completeren aanvraag') AND transition IN ('SCHEDULE', 'START'))
