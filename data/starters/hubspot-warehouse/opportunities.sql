-- reads: deal, deal_contact, deal_pipeline_stage
-- optional: property_amount_in_home_currency, property_amount, is_deleted, _fivetran_deleted
--
-- A deal of several contacts goes to the one that was linked first, by its number, so that its money counts once. The
-- close date of an open deal is only expected.
WITH contacts AS (SELECT deal_id, min_by(contact_id, try_cast(contact_id AS BIGINT)) AS lead_id FROM raw_deal_contact GROUP BY deal_id)
SELECT lead_id, d.property_createdate AS opened_at, s.label AS stage,
    coalesce(d.property_amount_in_home_currency, d.property_amount) AS amount,
    if(is_yes(s.is_closed), is_yes(s.closed_won), NULL) AS won,
    if(won IS NULL, NULL, end_of_day(d.property_closedate)) AS closed_at, d._file, d._line
FROM raw_deal d JOIN contacts USING (deal_id) LEFT JOIN raw_deal_pipeline_stage s ON s.stage_id = d.deal_pipeline_stage_id
WHERE NOT is_yes(d.is_deleted) AND NOT is_yes(d._fivetran_deleted)
