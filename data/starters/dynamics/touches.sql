-- reads: All Activities, All Leads
-- optional: Direction
--
-- A list shows whom an activity regards by name: it goes to the lead of that name, and is rejected where two have it or
-- none has. CONFIRM: add the column Direction to the list; without it every e-mail counts as our own.
-- Phone calls are in calls.sql; tasks and appointments are our own doing and are left out.
WITH named AS (
    SELECT "Name" AS name, if(count(*) = 1, any_value(lower(trim("(Do Not Modify) Lead", '{}'))), NULL) AS lead_id
    FROM raw_all_leads WHERE NOT is_yes("Merged") GROUP BY "Name"
)
SELECT lead_id, lower(trim(a."(Do Not Modify) Activity", '{}')) AS event_id, a."Created On" AS occurred_at,
    CASE WHEN a."Activity Type" = 'Campaign Response' THEN 'form_submit' WHEN a."Direction" = 'Incoming' THEN 'email_reply'
        ELSE 'other' END AS kind,
    if(a."Activity Type" = 'Campaign Response', 'web', 'email') AS channel, a."Subject" AS asset,
    if(kind = 'other', 'outbound', 'inbound') AS direction, a._file, a._line
FROM raw_all_activities a LEFT JOIN named ON name = a."Regarding"
WHERE a."Activity Type" IN ('Campaign Response', 'Email', 'E-mail')
