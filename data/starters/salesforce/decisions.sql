-- reads: LeadHistory, Lead
--
-- CONFIRM with sales: the statuses by which it accepts and rejects. A decision answers the latest hand-off before it.
-- A lead converted without such a status counts as accepted on its converted date; that has no time, so that the decision
-- comes after all else of its day.
WITH words AS (
    SELECT ['Closed - Converted'] AS accepted, ['Closed - Not Converted', 'Unqualified'] AS rejected
), changed AS (
    SELECT "LeadId" AS lead_id, if(list_contains(accepted, "NewValue"), 'accepted', 'rejected') AS decision,
        "CreatedDate" AS decided_at, "CreatedDate" AS known_at, "CreatedById" AS sales_rep, _file, _line
    FROM raw_leadhistory, words
    WHERE "Field" = 'Status' AND list_contains(accepted || rejected, "NewValue")
        AND NOT is_yes("IsDeleted")
), converted AS (
    SELECT "Id" AS lead_id, 'accepted' AS decision, end_of_day("ConvertedDate") AS decided_at, "OwnerId" AS sales_rep,
        _file, _line
    FROM raw_lead
    WHERE is_yes("IsConverted") AND NOT is_yes("IsDeleted")
        AND "Id" NOT IN (SELECT lead_id FROM changed WHERE decision = 'accepted')
), decided AS (
    SELECT *, try_cast(decided_at AS TIMESTAMPTZ) AS moment FROM (FROM changed UNION ALL BY NAME FROM converted)
), handed AS (
    SELECT DISTINCT lead_id, timezone('UTC', handed_off_at) AS handed_off_at FROM handoffs WHERE superseded_at IS NULL
)
SELECT d.* EXCLUDE (moment), h.handed_off_at
FROM decided d ASOF LEFT JOIN handed h ON h.lead_id = d.lead_id AND h.handed_off_at <= d.moment
QUALIFY d.decision IS DISTINCT FROM lag(d.decision) OVER (PARTITION BY d.lead_id, h.handed_off_at ORDER BY d.moment)
