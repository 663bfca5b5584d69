-- chapter: The day's lists
-- title: What is there to do?
-- text: By the last scoring known at this moment. Expected acceptances are the sum of the probabilities of the day's
--   hand-offs: an estimate, not a target. `hand_offs.csv` and `calls.csv` of the day's export say who the leads are.
-- kind: answer
-- empty: Nothing has been scored yet, so there are no lists. `leadready score` makes them.
WITH d AS (
    SELECT count(*) AS leads, count(*) FILTER (on_list = 'hand_offs') AS hand_offs,
        count(*) FILTER (on_list = 'hand_offs' AND overridden) AS by_override,
        sum(probability) FILTER (on_list = 'hand_offs') AS expected_acceptances,
        count(*) FILTER (on_list = 'calls') AS calls, count(*) FILTER (waits) AS wait_for_a_call,
        count(*) FILTER (route = 'hold' AND NOT waits) AS wait_for_a_place,
        count(*) FILTER (route = 'nurture' AND NOT waits AND look_again IS NOT NULL) AS look_again_later,
        min(look_again) FILTER (route = 'nurture' AND NOT waits) AS look_again_from
    FROM scored WHERE route IS NOT NULL),
p AS (
    SELECT CASE WHEN bool_or(on_list = 'hand_offs' AND team <> 'exploration')
            THEN sum(places) FILTER (on_list = 'hand_offs') END AS hand_off_places,
        sum(places) FILTER (on_list = 'calls') AS call_places,
        count(*) AS known
    FROM places)
SELECT to_minute(s.as_of) AS scored_at, s.age_days, d.*, hand_off_places, call_places,
    format('The scoring of {} UTC has {}. ', to_minute(s.as_of), counted(d.leads, 'open lead', 'open leads'))
    || CASE WHEN age_days >= 1 THEN format('It is {} old, and so are these lists. ',
        counted(floor(age_days)::BIGINT, 'day', 'days')) ELSE '' END
    || counted(hand_offs, 'hand-off', 'hand-offs') || CASE WHEN hand_off_places IS NOT NULL
        THEN format(' for {}', counted(hand_off_places::BIGINT, 'place', 'places'))
        WHEN known > 0 THEN ' (no team has a limit)' ELSE '' END
    || CASE WHEN by_override > 0 THEN format(', {:,} of them by override', by_override) ELSE '' END
    || CASE WHEN hand_offs = 0 THEN '.' WHEN expected_acceptances IS NULL
        THEN '; without a model nothing says how many will be accepted.'
        ELSE format('; sales is expected to accept some {:.1f} of them (an estimate).', expected_acceptances) END
    || ' ' || counted(calls, 'call', 'calls') || CASE WHEN call_places IS NOT NULL
        THEN format(' for {}', counted(call_places::BIGINT, 'place', 'places')) ELSE '' END
    || format('; {} for a call{}', counted(wait_for_a_call, 'more lead waits', 'more leads wait'),
        CASE WHEN model_version = 'none' THEN ' that the rules want called' ELSE '' END)
    || CASE WHEN wait_for_a_place > 0 THEN format(', and {:,} for a place in sales', wait_for_a_place) ELSE '' END
    || format('. {} left to be looked at again later{}.', counted(look_again_later, 'lead is', 'leads are'),
        CASE WHEN look_again_later > 0 THEN format(', the first on {}', look_again_from) ELSE '' END)
    || CASE WHEN known = 0 THEN ' How many places there are, and who else waits, is not known: the agreement of this scoring ('
        || agreement_version || ') is no longer there as it was.' ELSE '' END AS answer
FROM scorings s, d, p
WHERE scoring = 'last'
