-- reads: contact_property_history
--
-- CONFIRM with sales: a lead is handed over whenever it enters this stage. Stages of your own have numbers for names.
SELECT contact_id AS lead_id, "timestamp" AS handed_off_at, "timestamp" AS known_at, _file, _line
FROM (
    SELECT *, lag(value) OVER (PARTITION BY contact_id ORDER BY "timestamp") AS before
    FROM raw_contact_property_history WHERE name = 'lifecyclestage'
)
WHERE value = 'marketingqualifiedlead' AND value IS DISTINCT FROM before
