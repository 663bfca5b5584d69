-- reads: All Leads
-- optional: Merged, Owner
--
-- CONFIRM with sales: it accepts by qualifying a lead and rejects by disqualifying it; the reason is the Status Reason.
-- Such a lead can no longer be edited, so that Modified On is when it was decided. CONFIRM that no tool of yours writes to
-- it later. A qualified lead without a hand-off that is known is no answer to one: it is in opportunities.sql alone.
WITH handed AS (
    SELECT lead_id, timezone('UTC', max(handed_off_at)) AS handed_off_at FROM handoffs WHERE superseded_at IS NULL GROUP BY lead_id
), decided AS (
    SELECT lower(trim("(Do Not Modify) Lead", '{}')) AS lead_id,
        if("Status" = 'Qualified', 'accepted', 'rejected') AS decision, end_of_day("Modified On") AS decided_at,
        if("Status" = 'Disqualified', "Status Reason", NULL) AS reason, "Owner" AS sales_rep, _file, _line
    FROM raw_all_leads WHERE "Status" IN ('Qualified', 'Disqualified') AND NOT is_yes("Merged")
)
SELECT d.*, h.handed_off_at
FROM decided d LEFT JOIN handed h USING (lead_id)
WHERE decision = 'rejected' OR h.handed_off_at IS NOT NULL
