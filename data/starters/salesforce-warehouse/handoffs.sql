-- reads: lead_history
--
-- Needs the history of the lead's status: it begins on the day on which an admin switched field tracking on. Hand-offs
-- before that are unknown.
-- CONFIRM with sales: the statuses in which a lead is in the hands of sales.
SELECT lead_id AS lead_id, created_date AS handed_off_at, created_date AS known_at, _file, _line
FROM raw_lead_history
WHERE field = 'Status' AND new_value IN ('Working - Contacted') AND NOT (is_yes(is_deleted) OR is_yes(_fivetran_deleted))
