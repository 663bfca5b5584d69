-- reads: hubspot-crm-exports-all-deals
--
-- CONFIRM: the stages Closed won and Closed lost, if your pipelines call them otherwise. A deal of several contacts goes
-- to the first, so that its money counts once. The close date of an open deal is only expected.
SELECT split_part("Associated Contact IDs", ';', 1) AS lead_id, "Create Date" AS opened_at, "Deal Stage" AS stage,
    "Amount" AS amount, CASE lower("Deal Stage") WHEN 'closed won' THEN true WHEN 'closed lost' THEN false END AS won,
    if(won IS NULL, NULL, end_of_day("Close Date")) AS closed_at, _file, _line
FROM raw_hubspot_crm_exports_all_deals
