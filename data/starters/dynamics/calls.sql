-- reads: All Phone Calls, All Leads
-- optional: Left Voice Mail, Duration, Owner, Description, Direction
--
-- A list shows whom a call regards by name: it goes to the lead of that name, and is rejected where two have it or none
-- has. Dynamics has no field for how a call ended: other than a voice mail it is `unknown`. CONFIRM: if you have a column
-- of your own for it, use it in disposition. Calls that are open or canceled were not made and are left out.
-- CONFIRM: a list may show the duration in minutes, or as "5 minutes" or "1 hour".
WITH named AS (
    SELECT "Name" AS name, if(count(*) = 1, any_value(lower(trim("(Do Not Modify) Lead", '{}'))), NULL) AS lead_id
    FROM raw_all_leads WHERE NOT is_yes("Merged") GROUP BY "Name"
)
SELECT lead_id, lower(trim(c."(Do Not Modify) Phone Call", '{}')) AS call_id, c."Actual Start" AS called_at,
    c."Owner" AS agent_id, if(is_yes(c."Left Voice Mail"), 'voicemail', 'unknown') AS disposition,
    coalesce((try_cast(c."Duration" AS DOUBLE) * 60)::VARCHAR, epoch(try_cast(c."Duration" AS INTERVAL))::VARCHAR,
        c."Duration") AS duration_s, c."Description" AS notes, c._file, c._line
FROM raw_all_phone_calls c LEFT JOIN named ON name = c."Regarding"
WHERE c."Activity Status" = 'Completed'
