-- chapter: The follow-up promise
-- title: Does sales answer in time?
-- text: The promise is that of the agreement in force at the hand-off, for the lead's zone then, or for urgent leads
--   where it promises those something of their own. The first decision is the answer. Silence counts as broken once the
--   time is over.
-- kind: answer
-- empty: No lead was handed off yet.
SELECT count(*) AS hand_offs, count(promise_hours) AS promised,
    count(*) FILTER (promise_status = 'kept') AS kept,
    count(*) FILTER (promise_status = 'broken') AS broken,
    count(*) FILTER (promise_status = 'broken' AND answered_at IS NULL) AS of_them_silent,
    count(*) FILTER (promise_status = 'open') AS open,
    rate(kept, kept + broken) AS kept_rate,
    rate_low(kept, kept + broken) AS kept_rate_low,
    rate_high(kept, kept + broken) AS kept_rate_high,
    CASE WHEN promised = 0 THEN 'The agreement promises nothing for these hand-offs, so nothing can be kept or broken.'
    ELSE CASE WHEN kept + broken > 0 THEN format(
            '{} of the promises whose time is over were kept ({} to {}): {:,} kept, {:,} broken, {:,} of them by silence.',
            pct(kept_rate), pct(kept_rate_low), pct(kept_rate_high), kept, broken, of_them_silent)
        ELSE 'No promise has come due yet.' END
        || format(' Still open: {:,}.', open)
        || CASE WHEN promised < hand_offs
            THEN format(' Nothing was promised for {:,} of {:,} hand-offs.', hand_offs - promised, hand_offs) ELSE '' END
    END AS answer
FROM handoffs
HAVING count(*) > 0
