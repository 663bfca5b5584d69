-- One row per override made by then: whether scorings followed it, and what became of the lead since.
WITH held AS (
    SELECT o.*, coalesce(person, lead_id) AS person
    FROM {held} o LEFT JOIN (
        SELECT key AS lead_id, arg_max(merged_into, known_at) AS person FROM retractions
        WHERE what = 'merge' AND known_at < $as_of GROUP BY key) USING (lead_id)),
moments AS (SELECT DISTINCT as_of FROM scores WHERE as_of <= $as_of),
scored AS (
    SELECT o.lead_id, o.decided_at, bool_or(s.route IS NOT DISTINCT FROM o.route) AS followed,
        arg_min(s.probability, m.as_of) AS probability, arg_min(s.threshold, m.as_of) AS threshold
    FROM held o JOIN moments m ON m.as_of >= o.decided_at AND m.as_of < o.holds_to
    LEFT JOIN scores s ON s.lead_id = o.lead_id AND s.as_of = m.as_of
    GROUP BY ALL),
answers AS (
    SELECT lead_id, handed_off_at AS at, coalesce(decision, 'not decided') AS answer FROM report_handoffs
    UNION ALL
    SELECT lead_id, decided_at, decision FROM decisions e WHERE {known} AND handed_off_at IS NULL
        AND decision = 'rejected'),
since AS (
    SELECT o.lead_id, o.decided_at, list(answer) AS answers
    FROM held o JOIN answers a ON a.lead_id = o.person AND a.at >= o.decided_at GROUP BY ALL)
SELECT lead_id, o.route, decided_by, decided_at, holds_until,
    CASE WHEN holds_to > $as_of THEN 'in force' WHEN holds_to < holds_until THEN 'replaced' ELSE 'expired' END AS status,
    CASE WHEN s.followed THEN 'followed' WHEN NOT s.followed THEN 'not followed' ELSE 'not scored yet' END AS followed,
    s.probability, s.threshold,
    CASE WHEN list_contains(answers, 'accepted') THEN 'accepted' WHEN list_contains(answers, 'rejected') THEN 'rejected'
        WHEN answers IS NOT NULL THEN 'not decided' ELSE 'not handed off' END AS outcome
FROM held o LEFT JOIN scored s USING (lead_id, decided_at) LEFT JOIN since USING (lead_id, decided_at)
ORDER BY lead_id, decided_at
