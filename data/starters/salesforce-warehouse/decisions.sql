-- reads: lead_history, lead
--
-- CONFIRM with sales: the statuses by which it accepts and rejects. A decision answers the latest hand-off before it.
-- A lead converted without such a status counts as accepted on its converted date; that has no time, so that the decision
-- comes after all else of its day.
WITH words AS (
    SELECT ['Closed - Converted'] AS accepted, ['Closed - Not Converted', 'Unqualified'] AS rejected
), changed AS (
    SELECT lead_id AS lead_id, if(list_contains(accepted, new_value), 'accepted', 'rejected') AS decision,
        created_date AS decided_at, created_date AS known_at, created_by_id AS sales_rep, _file, _line
    FROM raw_lead_history, words
    WHERE field = 'Status' AND list_contains(accepted || rejected, new_value)
        AND NOT (is_yes(is_deleted) OR is_yes(_fivetran_deleted))
), converted AS (
    SELECT id AS lead_id, 'accepted' AS decision, end_of_day(converted_date) AS decided_at, owner_id AS sales_rep,
        _file, _line
    FROM raw_lead
    WHERE is_yes(is_converted) AND NOT (is_yes(is_deleted) OR is_yes(_fivetran_deleted))
        AND id NOT IN (SELECT lead_id FROM changed WHERE decision = 'accepted')
), decided AS (
    SELECT *, try_cast(decided_at AS TIMESTAMPTZ) AS moment FROM (FROM changed UNION ALL BY NAME FROM converted)
), handed AS (
    SELECT DISTINCT lead_id, timezone('UTC', handed_off_at) AS handed_off_at FROM handoffs WHERE superseded_at IS NULL
)
SELECT d.* EXCLUDE (moment), h.handed_off_at
FROM decided d ASOF LEFT JOIN handed h ON h.lead_id = d.lead_id AND h.handed_off_at <= d.moment
QUALIFY d.decision IS DISTINCT FROM lag(d.decision) OVER (PARTITION BY d.lead_id, h.handed_off_at ORDER BY d.moment)
