-- reads: All Leads
-- optional: Handed Over On, Merged
--
-- Dynamics keeps no history on a lead. CONFIRM: let a workflow write the date into a column of your own when a lead is
-- given to sales, add it to the list, and name it here in place of "Handed Over On".
-- Without it a hand-off counts from the load that first showed the Status Reason Contacted: labels build up from the
-- first load on, and hand-offs of before are unknown.
WITH stored AS (SELECT lead_id, max(handed_off_at) AS handed_off_at FROM handoffs WHERE superseded_at IS NULL GROUP BY lead_id)
SELECT lower(trim("(Do Not Modify) Lead", '{}')) AS lead_id,
    coalesce(end_of_day("Handed Over On"), timezone('UTC', s.handed_off_at)::VARCHAR, loaded_at()::VARCHAR)
        AS handed_off_at, _file, _line
FROM raw_all_leads LEFT JOIN stored s ON s.lead_id = lower(trim("(Do Not Modify) Lead", '{}'))
WHERE NOT is_yes("Merged") AND ("Handed Over On" IS NOT NULL OR "Status Reason" = 'Contacted')
