-- chapter: Overrides
-- title: Do people's overrides beat the model?
-- text: What people decided about single leads, against score and rules. A hand-off follows an override if the override
--   was in force at the score that led to it, or at the hand-off itself where no score had said to hand the lead off.
--   "The model had said": the mean probability of these leads at that score. The other hand-offs are those between the
--   first and the last that followed an override. What overrides brought in money is left out: the route that the
--   model would have chosen instead is not stored.
-- kind: answer
-- empty: Nobody has overridden a route yet.
WITH o AS (
    SELECT count(*) AS overrides, count(DISTINCT decided_by) AS people,
        count(*) FILTER (status = 'in force') AS in_force, count(*) FILTER (status = 'expired') AS expired,
        count(*) FILTER (status = 'replaced') AS replaced, count(*) FILTER (followed = 'followed') AS followed,
        count(*) FILTER (followed = 'not followed') AS not_followed,
        count(*) FILTER (followed = 'not scored yet') AS not_scored_yet
    FROM overrides),
h AS (
    SELECT count(*) FILTER (overridden) AS hand_offs, count(decision) FILTER (overridden) AS decided,
        count(*) FILTER (overridden AND decision = 'accepted') AS accepted,
        avg(scored_probability) FILTER (overridden AND decision IS NOT NULL) AS said,
        count(scored_probability) FILTER (overridden AND decision IS NOT NULL) AS said_of,
        count(scored_probability) FILTER (overridden AND decision = 'accepted') AS accepted_of_them
    FROM handoffs)
SELECT o.*, h.* EXCLUDE (accepted_of_them),
    format('{} by {}: {:,} in force, {:,} expired, {:,} replaced by a later one. Scorings followed {:,} of them and did not '
        || 'follow {:,}; {} not been scored yet. ', counted(overrides, 'override', 'overrides'),
        counted(people, 'person', 'people'), in_force, expired, replaced, followed, not_followed,
        counted(not_scored_yet, 'has', 'have'))
    || CASE WHEN hand_offs = 0 THEN 'No hand-off has followed one yet.' WHEN decided < 20 THEN format('Of {} that followed one, sales has decided on {:,} and accepted {:,}: fewer '
            || 'than 20 are too few to judge.', counted(hand_offs, 'hand-off', 'hand-offs'), decided, accepted)
        ELSE format('Of the {:,} hand-offs that followed one and were decided on, {} were accepted ({} to {}). ', decided,
                pct(rate(accepted, decided)), pct(rate_low(accepted, decided)), pct(rate_high(accepted, decided)))
            || CASE WHEN said_of = 0 THEN 'What the model had said of them is not known.'
                ELSE format('The model had said {} on average', pct(said))
                    || CASE WHEN said_of < decided THEN format(' of the {:,} that it had scored, {} of which were accepted',
                        said_of, pct(rate(accepted_of_them, said_of))) ELSE '' END
                    || CASE WHEN said_of < 20 THEN ': too few to judge.'
                        WHEN rate_low(accepted_of_them, said_of) > said THEN ': more were accepted than that.'
                        WHEN rate_high(accepted_of_them, said_of) < said THEN ': fewer were accepted than that.'
                        ELSE ': the difference may be chance.' END END END AS answer
FROM o, h
WHERE overrides > 0
