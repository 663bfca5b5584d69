-- chapter: Who moved
-- title: What has changed since the day before?
-- text: The last scoring compared with the last one of an earlier day. A lead crosses p* where its probability reaches
--   the threshold above which a hand-off pays off, or falls below it. Moved are leads whose log-odds changed by 0.1 or
--   more, as `leadready movers` counts them.
-- kind: answer
-- empty: There are no scorings of two days yet, so nothing can be compared.
WITH m AS (
    SELECT count(*) FILTER (route IS NOT NULL AND route_before IS NOT NULL) AS in_both,
        count(probability + probability_before) AS with_probability,
        count(*) FILTER (probability >= threshold AND probability_before < threshold_before) AS rose_above,
        count(*) FILTER (probability < threshold AND probability_before >= threshold_before) AS fell_below,
        count(*) FILTER (change >= 0.1) AS moved_up, count(*) FILTER (change <= -0.1) AS moved_down,
        count(*) FILTER (route <> route_before) AS changed_route,
        count(*) FILTER (route_before IS NULL) AS came, count(*) FILTER (route IS NULL) AS went
    FROM scored)
SELECT to_minute(b.as_of) AS since, to_minute(l.as_of) AS until, m.*,
    format('From {} to {} UTC, ', to_minute(b.as_of), to_minute(l.as_of))
    || CASE WHEN with_probability = 0 THEN 'no lead has a probability in both, so only routes can be compared: '
        ELSE format('{:,} of {} rose above p* and {:,} fell below it; {:,} moved up and {:,} moved down. ', rose_above,
            counted(with_probability, 'lead', 'leads'), fell_below, moved_up, moved_down) END
    || format('{:,} of {:,} changed their route. New in the list: {:,}; no longer in it: {:,}.', changed_route, in_both, came, went)
    || CASE WHEN l.model_version <> b.model_version THEN format(' The model is another one ({} instead of {}).',
        l.model_version, b.model_version) ELSE '' END
    || CASE WHEN l.agreement_version <> b.agreement_version
        THEN format(' A new agreement is in force ({}).', l.agreement_version) ELSE '' END AS answer
FROM m, scorings l, scorings b
WHERE l.scoring = 'last' AND b.scoring = 'before'
