-- chapter: The follow-up promise
-- title: Does sales answer in time?
-- text: The promise is the one of the agreement in force at the hand-off, for the lead's zone at that moment, or for
--   urgent leads if they have a promise of their own. Its hours run in the working time of that agreement, or day and
--   night where it names none. The first decision counts as the answer. If sales does not answer in time, the promise
--   is broken.
-- kind: answer
-- empty: No lead has been handed off yet.
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
            '{} of the promises that were answered or whose time is over were kept ({} to {}): {:,} kept, {:,} broken ({:,} without any answer).',
            pct(kept_rate), pct(kept_rate_low), pct(kept_rate_high), kept, broken, of_them_silent)
        ELSE 'No promise is due yet.' END
        || format(' Still open: {:,}.', open)
        || CASE WHEN promised < hand_offs
            THEN format(' Nothing was promised for {:,} of {:,} hand-offs.', hand_offs - promised, hand_offs) ELSE '' END
    END AS answer
FROM handoffs
HAVING count(*) > 0
