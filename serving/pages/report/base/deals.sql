-- One row per deal.
SELECT e.lead_id, l.account_id, l.industry, l.employees_band, l.persona, l.source, opened_at, closed_at,
    CASE WHEN won THEN 'won' WHEN NOT won THEN 'lost' ELSE 'open' END AS outcome, amount, margin,
    date_diff('microsecond', opened_at, closed_at) / 864e8 AS cycle_days
FROM opportunities e JOIN report_leads l USING (lead_id) WHERE {known} ORDER BY e.lead_id, opened_at
