-- reads: hubspot-crm-exports-all-contacts
-- optional: Budget, Authority, Need, Timeframe
--
-- CONFIRM: the properties in which you keep what was learned, here under the criteria's own names. Their texts become
-- the agreement's levels (`Over 12 months`: over_12_months); yes, no and refused are states.
-- An export has no date of an answer: it counts from the load that first showed it.
WITH said AS (
    UNPIVOT (
        SELECT "Record ID" AS lead_id, "Budget" AS budget, "Authority" AS authority, "Need" AS need,
            "Timeframe" AS timeframe, _file, _line
        FROM raw_hubspot_crm_exports_all_contacts
    ) ON budget, authority, need, timeframe INTO NAME criterion VALUE word
), meant AS (
    SELECT *, CASE WHEN lower(word) IN ('no', 'refused') THEN lower(word) ELSE 'yes' END AS state,
        CASE WHEN lower(word) NOT IN ('yes', 'no', 'refused') THEN lower(regexp_replace(word, '\W+', '_', 'g')) END AS level
    FROM said
), stored AS (
    SELECT lead_id, criterion, max(answered_at) AS answered_at, arg_max(state, answered_at) AS state,
        arg_max_null(level, answered_at) AS level
    FROM answers WHERE superseded_at IS NULL GROUP BY lead_id, criterion
)
SELECT m.lead_id, m.criterion, m.state, m.level,
    coalesce(timezone('UTC', s.answered_at), loaded_at()) AS answered_at, _file, _line
FROM meant m LEFT JOIN stored s ON s.lead_id = m.lead_id AND s.criterion = m.criterion AND s.state = m.state
    AND s.level IS NOT DISTINCT FROM m.level
