-- reads: LeadHistory
--
-- Needs the history of the lead's status: it begins on the day on which an admin switched field tracking on. Hand-offs
-- before that are unknown.
-- CONFIRM with sales: the statuses in which a lead is in the hands of sales.
SELECT "LeadId" AS lead_id, "CreatedDate" AS handed_off_at, "CreatedDate" AS known_at, _file, _line
FROM raw_leadhistory
WHERE "Field" = 'Status' AND "NewValue" IN ('Working - Contacted') AND NOT is_yes("IsDeleted")
