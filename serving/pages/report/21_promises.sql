-- title: What was promised, and what happens when a promise is broken?
-- text: Every promise of every version of the agreement, with the hand-offs it applied to. "Nothing promised": zones of
--   hand-offs for which the agreement in force promises nothing.
-- kind: table
-- empty: No agreement promises anything, and no lead has been handed off.
WITH given AS (
    SELECT agreement_version, promise, count(*) AS hand_offs,
        count(*) FILTER (promise_status = 'kept') AS kept, count(*) FILTER (promise_status = 'broken') AS broken,
        count(*) FILTER (promise_status = 'open') AS open
    FROM handoffs
    GROUP BY ALL)
SELECT coalesce(p.agreement_version, 'none') AS agreement, coalesce(p.promise, given.promise) AS "for",
    p.promise_hours, p.hours_count, coalesce(CASE WHEN p.promise_hours IS NULL THEN 'nothing promised' ELSE nullif(p.breach, '') END,
        'not said') AS on_a_breach,
    coalesce(hand_offs, 0) AS hand_offs, coalesce(kept, 0) AS kept, coalesce(broken, 0) AS broken,
    coalesce(open, 0) AS open
FROM promises p FULL JOIN given ON given.agreement_version = p.agreement_version AND given.promise = p.promise
WHERE p.promise_hours IS NOT NULL OR hand_offs > 0
ORDER BY p.effective_from, p.promise_hours NULLS LAST, "for"
