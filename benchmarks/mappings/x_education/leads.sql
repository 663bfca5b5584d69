-- reads: leads
WITH answered AS (
    SELECT CASE WHEN trim(COLUMNS(* EXCLUDE (_line))) = 'Select' THEN NULL ELSE COLUMNS(* EXCLUDE (_line)) END, _line
    FROM raw_leads
)
SELECT "Prospect ID" AS lead_id,
    TIMESTAMPTZ '2015-01-01 00:00:00+00' + to_hours(try_cast("Lead Number" AS BIGINT) - min(try_cast("Lead Number" AS BIGINT)) OVER ()) AS created_at,
    created_at AS known_at, "Lead Source" AS source, "Country" AS country,
    CASE WHEN "Do Not Email" = 'Yes' AND "Do Not Call" = 'Yes' THEN 'none' WHEN "Do Not Email" = 'Yes' THEN 'no_mail'
         WHEN "Do Not Call" = 'Yes' THEN 'no_call' WHEN "Do Not Email" = 'No' AND "Do Not Call" = 'No' THEN 'all'
         ELSE 'unknown' END AS permission,
    * EXCLUDE ("Prospect ID", "Lead Number", "Lead Source", "Country", "Do Not Email", "Do Not Call", "Converted")
      REPLACE (try_cast("TotalVisits" AS DOUBLE) AS "TotalVisits",
               try_cast("Total Time Spent on Website" AS DOUBLE) AS "Total Time Spent on Website",
               try_cast("Page Views Per Visit" AS DOUBLE) AS "Page Views Per Visit",
               try_cast("Asymmetrique Activity Score" AS DOUBLE) AS "Asymmetrique Activity Score",
               try_cast("Asymmetrique Profile Score" AS DOUBLE) AS "Asymmetrique Profile Score")
FROM answered
