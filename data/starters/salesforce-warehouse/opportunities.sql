-- reads: opportunity, lead
--
-- The deals that leads were converted to; deals of other origin are left out. The close date of an open deal is only
-- expected.
SELECT l.id AS lead_id, o.created_date AS opened_at, o.stage_name AS stage, o.amount AS amount,
    if(is_yes(o.is_closed), is_yes(o.is_won), NULL) AS won,
    if(won IS NULL, NULL, end_of_day(o.close_date)) AS closed_at, o._file, o._line
FROM raw_opportunity o JOIN raw_lead l ON l.converted_opportunity_id = o.id
WHERE NOT (is_yes(o.is_deleted) OR is_yes(o._fivetran_deleted)) AND NOT (is_yes(l.is_deleted) OR is_yes(l._fivetran_deleted))
