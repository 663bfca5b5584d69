-- reads: leads
SELECT "Prospect ID" AS lead_id,
    TIMESTAMPTZ '2015-01-01 00:00:00+00' + to_hours(try_cast("Lead Number" AS BIGINT) - min(try_cast("Lead Number" AS BIGINT)) OVER ()) AS handed_off_at,
    handed_off_at AS known_at, _file, _line
FROM raw_leads
