-- reads: events
WITH steps AS (
    SELECT case_id,
        arg_min(activity, ("timestamp", event_idx::BIGINT)) FILTER (activity IN ('A_ACCEPTED', 'A_DECLINED', 'A_CANCELLED')) AS first_decision,
        min("timestamp") FILTER (activity IN ('A_ACTIVATED', 'A_APPROVED')) AS won_at,
        max("timestamp") FILTER (activity IN ('A_DECLINED', 'A_CANCELLED')) AS lost_at
    FROM raw_events
    WHERE activity LIKE 'A_%'
    GROUP BY case_id
)
SELECT case_id AS lead_id, "timestamp" AS opened_at, amount_req AS amount, coalesce(won_at, lost_at) AS closed_at,
    coalesce(won_at, lost_at, "timestamp") AS known_at, CASE WHEN won_at IS NOT NULL THEN TRUE WHEN lost_at IS NOT NULL THEN FALSE END AS won,
    CASE WHEN won_at IS NOT NULL THEN 'won' WHEN lost_at IS NOT NULL THEN 'lost' ELSE 'open' END AS stage, _file, _line
FROM raw_events JOIN steps USING (case_id)
WHERE activity = 'A_ACCEPTED' AND first_decision = 'A_ACCEPTED'
QUALIFY row_number() OVER (PARTITION BY case_id ORDER BY "timestamp", event_idx::BIGINT) = 1
