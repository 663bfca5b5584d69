-- reads: contact_property_history
--
-- CONFIRM with sales: the lifecycle stages by which it accepts, and the lead statuses by which it rejects. A decision
-- answers the latest hand-off before it. A stage set by an import or a workflow is dated by that, not by the sales rep.
WITH words AS (
    SELECT ['salesqualifiedlead', 'opportunity'] AS accepted, ['UNQUALIFIED', 'BAD_TIMING'] AS rejected
), decided AS (
    SELECT contact_id AS lead_id, if(name = 'lifecyclestage', 'accepted', 'rejected') AS decision, "timestamp" AS decided_at,
        "timestamp" AS known_at, if(name = 'hs_lead_status', value, NULL) AS reason, _file, _line,
        try_cast("timestamp" AS TIMESTAMPTZ) AS moment
    FROM raw_contact_property_history, words
    WHERE (name = 'lifecyclestage' AND list_contains(accepted, value))
        OR (name = 'hs_lead_status' AND list_contains(rejected, value))
), handed AS (
    SELECT DISTINCT lead_id, timezone('UTC', handed_off_at) AS handed_off_at FROM handoffs WHERE superseded_at IS NULL
)
SELECT d.* EXCLUDE (moment), h.handed_off_at
FROM decided d ASOF LEFT JOIN handed h ON h.lead_id = d.lead_id AND h.handed_off_at <= d.moment
QUALIFY d.decision IS DISTINCT FROM lag(d.decision) OVER (PARTITION BY d.lead_id, h.handed_off_at ORDER BY d.moment)
