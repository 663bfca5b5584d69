-- reads: All Leads
-- optional: Budget, Need, Purchase Timeframe, Merged
--
-- CONFIRM: what each option means in the agreement's words. `Unknown` is neither yes nor no and is left out, and so are
-- Purchase Process (who takes part, not whether they decide) and Decision Maker? (untouched it says no).
-- A list has no date of an answer: it counts from the load that first showed it.
WITH said AS (
    UNPIVOT (
        SELECT lower(trim("(Do Not Modify) Lead", '{}')) AS lead_id, "Budget" AS budget, "Need" AS need,
            "Purchase Timeframe" AS timeframe, _file, _line
        FROM raw_all_leads WHERE NOT is_yes("Merged")
    ) ON budget, need, timeframe INTO NAME criterion VALUE word
), options AS (
    SELECT unnest(['budget', 'budget', 'budget', 'budget', 'need', 'need', 'need', 'need', 'timeframe', 'timeframe',
            'timeframe', 'timeframe']) AS criterion,
        unnest(['No Committed Budget', 'May Buy', 'Can Buy', 'Will Buy', 'Must have', 'Should have', 'Good to have', 'No need',
            'Immediate', 'This Quarter', 'Next Quarter', 'This Year']) AS word,
        unnest(['no', 'yes', 'yes', 'yes', 'yes', 'yes', 'yes', 'no', 'yes', 'yes', 'yes', 'yes']) AS state,
        unnest([NULL, NULL, 'planned', 'approved', 'active', 'active', 'latent', NULL, 'within_90_days', 'within_90_days',
            'within_6_months', 'within_12_months']) AS level
), meant AS (
    SELECT lead_id, criterion, coalesce(state, 'yes') AS state, if(state IS NULL, word, level) AS level, _file, _line
    FROM said LEFT JOIN options USING (criterion, word) WHERE lower(word) <> 'unknown'
), stored AS (
    SELECT lead_id, criterion, max(answered_at) AS answered_at, arg_max(state, answered_at) AS state,
        arg_max_null(level, answered_at) AS level
    FROM answers WHERE superseded_at IS NULL GROUP BY lead_id, criterion
)
SELECT m.lead_id, m.criterion, m.state, m.level,
    coalesce(timezone('UTC', s.answered_at), loaded_at()) AS answered_at, _file, _line
FROM meant m LEFT JOIN stored s ON s.lead_id = m.lead_id AND s.criterion = m.criterion AND s.state = m.state
    AND s.level IS NOT DISTINCT FROM m.level
