-- One row per lead: when it first reached each stage of the waterfall.
WITH leads_known AS (SELECT * FROM leads e WHERE {known}),
accounts_known AS (SELECT * FROM accounts e WHERE {known}),
first_handoff AS (SELECT lead_id, min(handed_off_at) AS at FROM handoffs e WHERE {known} GROUP BY lead_id),
called AS (
    SELECT e.lead_id, min(called_at) FILTER (called_at >= automation_qualified_at) AS after_automation,
        min(called_at) FILTER (disposition IN {connected}) AS connected
    FROM calls e LEFT JOIN given_reached USING (lead_id) WHERE {known} GROUP BY e.lead_id),
decided AS (
    SELECT e.lead_id, min(decided_at) AS at, min(decided_at) FILTER (h.lead_id IS NOT NULL) AS of_a_handoff
    FROM decisions e LEFT JOIN (SELECT lead_id, handed_off_at FROM handoffs e WHERE {known}) h
        ON h.lead_id = e.lead_id AND h.handed_off_at = e.handed_off_at
    WHERE {known} AND decision = 'accepted' GROUP BY e.lead_id),
dealt AS (
    SELECT lead_id, min(opened_at) AS opened, min(coalesce(closed_at, known_at)) FILTER (won) AS won
    FROM opportunities e WHERE {known} GROUP BY lead_id)
SELECT l.lead_id, l.account_id, coalesce(a.industry, 'unknown') AS industry,
    coalesce({size}, 'unknown') AS employees_band, coalesce(persona, 'unknown') AS persona,
    coalesce(l.source, 'unknown') AS source,
    l.created_at AS inquiry_at, automation_qualified_at, called.after_automation AS tele_accepted_at,
    CASE WHEN qualified_at >= tele_accepted_at THEN qualified_at END AS tele_qualified_at,
    CASE WHEN connected <= qualified_at AND coalesce(automation_qualified_at >= qualified_at, true)
        THEN qualified_at END AS tele_generated_at,
    decided.of_a_handoff AS sales_accepted_at,
    CASE WHEN first_handoff.at IS NULL THEN least(decided.at, dealt.opened) END AS sales_generated_at,
    dealt.opened AS sales_qualified_at, dealt.won AS won_at
FROM leads_known l LEFT JOIN accounts_known a USING (account_id) LEFT JOIN given_reached USING (lead_id)
LEFT JOIN given_personas USING (lead_id) LEFT JOIN called USING (lead_id) LEFT JOIN decided USING (lead_id)
LEFT JOIN dealt USING (lead_id) LEFT JOIN first_handoff USING (lead_id)
ORDER BY l.lead_id
