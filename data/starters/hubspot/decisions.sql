-- reads: hubspot-crm-exports-all-contacts
-- optional: Became a Marketing Qualified Lead Date, Became a Sales Qualified Lead Date, Became an Opportunity Date
-- optional: Lead Status, Date unqualified, Contact owner
--
-- CONFIRM with sales: it accepts by Sales Qualified Lead, or else Opportunity, and rejects by the lead status
-- Unqualified or Bad timing. The same hand-off as in handoffs.sql.
-- A lead status has no date. Let a workflow write one into a date property "Date unqualified" when the status is set;
-- without it a rejection counts from the load that first showed it, and none of before the first load is learned from.
WITH contacts AS (
    SELECT "Record ID" AS lead_id, end_of_day("Became a Marketing Qualified Lead Date") AS handed_off_at,
        end_of_day(coalesce("Became a Sales Qualified Lead Date", "Became an Opportunity Date")) AS accepted_at,
        "Lead Status" AS reason, end_of_day("Date unqualified") AS rejected_at, "Contact owner" AS sales_rep, _file, _line,
        lower(reason) IN ('unqualified', 'bad timing') AS is_rejected
    FROM raw_hubspot_crm_exports_all_contacts
), stored AS (
    SELECT lead_id, timezone('UTC', handed_off_at) AS handed_off_at, timezone('UTC', decided_at) AS decided_at
    FROM decisions WHERE decision = 'rejected' AND superseded_at IS NULL
)
SELECT c.lead_id, c.handed_off_at, if(accepted_at IS NULL, 'rejected', 'accepted') AS decision,
    coalesce(accepted_at, rejected_at, s.decided_at::VARCHAR, loaded_at()::VARCHAR) AS decided_at,
    if(accepted_at IS NULL, reason, NULL) AS reason, sales_rep, _file, _line
FROM contacts c LEFT JOIN stored s ON s.lead_id = c.lead_id
    AND s.handed_off_at IS NOT DISTINCT FROM try_cast(c.handed_off_at AS TIMESTAMPTZ)
WHERE accepted_at IS NOT NULL OR is_rejected
