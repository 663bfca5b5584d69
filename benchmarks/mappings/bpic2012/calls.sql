-- reads: events
WITH sessions AS (
    SELECT *, try_cast("timestamp" AS TIMESTAMPTZ) AS began, regexp_replace(resource, '\.0$', '') AS agent,
        lead(transition) OVER session AS next_transition, lead(began) OVER session AS next_at,
        lead(agent) OVER session AS next_agent
    FROM raw_events
    WHERE activity IN ('W_Afhandelen leads', 'W_Completeren aanvraag') AND transition IN ('START', 'COMPLETE')
    WINDOW session AS (PARTITION BY case_id, activity ORDER BY "timestamp", event_idx::BIGINT)
)
SELECT case_id AS lead_id, began AS called_at, coalesce(agent, next_agent) AS agent_id, activity AS purpose,
    'connected' AS disposition, date_diff('microsecond', began, next_at) / 1e6 AS duration_s, next_at AS known_at,
    _file, _line
FROM sessions
WHERE transition = 'START' AND next_transition = 'COMPLETE'
