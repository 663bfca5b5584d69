-- reads: hubspot-crm-exports-all-calls
-- optional: Activity assigned to, Call duration, Call outcome, Call notes
--
-- CONFIRM: read the header of your file; these labels and the form of the duration are from memory.
-- Outcomes of your own go into the CASE, with one of our words: an outcome that it does not name is rejected by name.
-- A call with several contacts becomes one call for each; from the second on, the contact's id stands behind the call's.
SELECT contact AS lead_id, concat_ws(' ', "Record ID", nullif(contact, contacts[1])) AS call_id,
    "Activity date" AS called_at, "Activity assigned to" AS agent_id,
    CASE lower("Call outcome") WHEN 'left voicemail' THEN 'voicemail' WHEN 'no answer' THEN 'no_answer'
        WHEN 'left live message' THEN 'gatekeeper' WHEN 'wrong number' THEN 'wrong_number' ELSE "Call outcome" END
        AS disposition,
    coalesce( -- milliseconds, or hours:minutes:seconds
        (try_cast("Call duration" AS BIGINT) / 1000)::VARCHAR, epoch(try_cast("Call duration" AS INTERVAL))::VARCHAR,
        "Call duration") AS duration_s,
    "Call notes" AS notes, _file, _line
FROM (SELECT *, unnest(contacts) AS contact FROM (
    SELECT *, list_sort(string_split("Associated Contact IDs", ';')) AS contacts FROM raw_hubspot_crm_exports_all_calls))
