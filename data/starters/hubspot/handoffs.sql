-- reads: hubspot-crm-exports-all-contacts
-- optional: Became a Marketing Qualified Lead Date
--
-- CONFIRM with sales: a lead is handed over when it becomes a Marketing Qualified Lead. Another choice is Owner Assigned
-- Date. A contact holds the first date of a stage: later hand-offs are not seen (the source hubspot-warehouse has them).
SELECT "Record ID" AS lead_id, end_of_day("Became a Marketing Qualified Lead Date") AS handed_off_at, _file, _line
FROM raw_hubspot_crm_exports_all_contacts
WHERE "Became a Marketing Qualified Lead Date" IS NOT NULL
