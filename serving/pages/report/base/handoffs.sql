-- One row per hand-off: what was promised, what sales decided and when, and what came before it. A decision that was
-- changed later was an answer too: `answered_at` is the first one of any version.
WITH handed AS (
    SELECT lead_id, handed_off_at, route, propensity, policy_version, early AS released_early, explored AS picked,
        coalesce(copied_from, lead_id) AS scored_as
    FROM ({handed_off}) e WHERE {known}),
scored AS (
    SELECT h.lead_id, h.handed_off_at, s.as_of, s.probability FROM handed h ASOF JOIN {to_sales} s
    ON s.lead_id = h.scored_as AND h.handed_off_at >= s.as_of WHERE h.handed_off_at < s.as_of + INTERVAL 7 DAY),
looked_at AS (
    SELECT h.lead_id, h.handed_off_at, s.probability FROM handed h ASOF JOIN scores s
    ON s.lead_id = h.scored_as AND h.handed_off_at >= s.as_of WHERE h.handed_off_at < s.as_of + INTERVAL 7 DAY),
decided AS (SELECT * FROM decisions e WHERE {known}),
answered AS (
    SELECT lead_id, handed_off_at, min(decided_at) AS answered_at FROM decisions WHERE known_at < $as_of GROUP BY ALL),
touched AS (
    SELECT h.lead_id, h.handed_off_at, count(*) AS touches
    FROM handed h JOIN touches e ON e.lead_id = h.lead_id AND e.occurred_at < h.handed_off_at
    WHERE {known} AND is_bot IS NOT TRUE AND direction IS DISTINCT FROM 'outbound' GROUP BY ALL),
called AS (
    SELECT h.lead_id, h.handed_off_at, count(*) AS calls, count(*) FILTER (disposition IN {connected}) AS connects
    FROM handed h JOIN calls e ON e.lead_id = h.lead_id AND e.called_at < h.handed_off_at
    WHERE {known} GROUP BY ALL)
SELECT h.lead_id, l.account_id, l.industry, l.employees_band, l.persona, l.source, h.handed_off_at,
    coalesce(h.route, 'not given') AS route, h.propensity, h.policy_version,
    h.released_early OR coalesce(h.route = 'early', false) AS early,
    h.picked OR coalesce(h.route ILIKE 'explor%', false) OR coalesce(h.propensity < 1, false) AS explored,
    coalesce(z.zone, 'unknown') AS zone, coalesce(z.urgent, false) AS urgent, coalesce(z.team, 'unknown') AS team,
    d.decision, d.decided_at, CASE WHEN d.decision IS NOT NULL THEN coalesce(d.reason, 'not given') END AS reason,
    coalesce(d.sales_rep, CASE WHEN d.decision IS NULL THEN '(nobody answered)' ELSE 'not given' END) AS sales_rep,
    p.agreement_version, coalesce(m.promise, 'unknown') AS promise, p.promise_hours, p.breach, m.due_at,
    n.answered_at, date_diff('microsecond', h.handed_off_at, n.answered_at) / 36e8 AS answered_hours,
    CASE WHEN m.due_at IS NULL THEN 'none' WHEN n.answered_at <= m.due_at THEN 'kept'
        WHEN n.answered_at > m.due_at OR m.due_at < $as_of THEN 'broken' ELSE 'open' END AS promise_status,
    coalesce(touches, 0) AS touches_before, coalesce(calls, 0) AS calls_before, coalesce(connects, 0) AS connects_before,
    CASE WHEN s.as_of IS NOT NULL THEN s.probability ELSE k.probability END AS scored_probability,
    o.lead_id IS NOT NULL AS overridden
FROM handed h JOIN report_leads l USING (lead_id) LEFT JOIN given_zones z USING (lead_id, handed_off_at)
LEFT JOIN given_promised m USING (lead_id, handed_off_at)
LEFT JOIN decided d USING (lead_id, handed_off_at) LEFT JOIN answered n USING (lead_id, handed_off_at)
LEFT JOIN touched USING (lead_id, handed_off_at) LEFT JOIN called USING (lead_id, handed_off_at)
LEFT JOIN scored s USING (lead_id, handed_off_at) LEFT JOIN looked_at k USING (lead_id, handed_off_at)
LEFT JOIN {held} o ON o.lead_id = h.scored_as AND o.route IN ({sales_routes})
    AND coalesce(s.as_of, h.handed_off_at) >= o.decided_at AND coalesce(s.as_of, h.handed_off_at) < o.holds_to
ASOF LEFT JOIN given_promises p ON p.promise = coalesce(m.promise, 'unknown') AND h.handed_off_at >= p.effective_from
ORDER BY h.lead_id, h.handed_off_at
